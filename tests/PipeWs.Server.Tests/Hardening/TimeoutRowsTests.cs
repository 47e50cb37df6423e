using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 14, 22 and 41: what must not wait for ever, by the clock of a test.</summary>
public sealed class TimeoutRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [InlineData(Door.Fast, false)]
    [InlineData(Door.Fast, true)]
    [InlineData(Door.Handler, false)]
    public async Task Row_14_a_handshake_of_a_byte_a_second_gets_408_after_10_seconds(Door door, bool isSecure)
    {
        var clock = new ManualClock();
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, clock: clock);
        string handshake = RawPeer.Handshake();
        await using RawPeer silent = await server.Server.ConnectAsync();
        await clock.TimerAsync(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(10.1));
        Assert.Equal(408, (await silent.ReadAnswerAsync()).StatusCode);
        await silent.AssertClosedAsync();

        await using RawPeer slow = await server.Server.ConnectAsync();
        await slow.SendAsync(handshake[..1]);
        await clock.TimerAsync(TimeSpan.FromSeconds(10));
        for (int i = 1; i <= 10; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1.01));
            await slow.TrySendAsync(handshake[i..(i + 1)]);
        }

        Assert.Equal(408, (await slow.ReadAnswerAsync()).StatusCode);
        await slow.ReadToEndAsync();
        await server.AssertUndisturbedAsync(2);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_22_half_a_header_or_half_a_frame_and_then_silence_fails_with_1008_after_30_seconds(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.PingInterval = Timeout.InfiniteTimeSpan, clock);
        string[] halves = ["81", "81 FE 01", "81 85 37 FA 21 3D 7F", "02 FF 00 00 00 00 00 00 FF FF", "89 85 37 FA 21 3D"];
        foreach (string half in halves)
        {
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
            await using (peer)
            {
                await peer.SendAsync([.. Hex("81 85 37 FA 21 3D 7F 9F 4D 51 58"), .. Hex(half)]);
                Assert.Equal("Hello", await peer.ReadTextAsync());
                clock.Advance(TimeSpan.FromSeconds(29));
                Assert.False(connection.ConnectionClosed.IsCancellationRequested);
                await peer.ReadCloseInTimeAsync(1008, connection, clock);
                await WhileTimePassesAsync(clock, peer.AssertClosedAsync());
                Assert.Equal(CloseCode.PolicyViolation, (await connection.Closed.Soon()).Code);
            }
        }

        await server.AssertUndisturbedAsync(halves.Length);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_22_silence_between_frames_is_no_offence(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.PingInterval = Timeout.InfiniteTimeSpan, clock);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("before", "before");
        clock.Advance(TimeSpan.FromHours(1));
        await peer.AskAsync("after", "after");

        // Nor is the time between the fragments of a message: only a frame that began must go on.
        await peer.SendAsync(Hex("01 83 37 FA 21 3D 7F 9F 4D 89 81 00 00 00 00 21"));
        Assert.Equal(Opcode.Pong, (await peer.ReadFrameAsync()).Opcode);
        clock.Advance(TimeSpan.FromHours(1));
        await peer.SendAsync(Hex("80 82 37 FA 21 3D 5B 95"));
        Assert.Equal("Hello", await peer.ReadTextAsync());
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_41_a_peer_that_takes_nothing_for_5_seconds_is_closed_with_3008_and_dropped(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, clock: clock, sendBufferBytes: 8192);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: 4096);
        await using (peer)
        {
            var message = WsPreparedMessage.Binary(new byte[8000]);
            Task sending = Task.Run(async () =>
            {
                while (true)
                {
                    await connection.SendAsync(message);
                }
            });
            await Conditions.UntilAsync(() => connection.Ws.BacklogBytes >= server.Hub.Options.SendBacklogBytes, "the backlog is full");
            await WhileTimePassesAsync(clock, Assert.ThrowsAsync<WsClosedException>(() => sending));
            await WhileTimePassesAsync(clock, connection.Closed);
            WsCloseInfo info = await connection.Closed;
            Assert.Equal((CloseCode.TooSlow, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
            Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(10));
        }

        await server.AssertConnectionsAsync(1);
    }

    [Fact]
    public async Task Row_41_a_unicast_backlog_over_its_limit_is_closed_with_3008()
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.StartAsync(
            Door.Mapped,
            isSecure: false,
            options => options.MaxPendingBytes = 200_000,
            builder => builder.OnText(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Text)),
            clock,
            speaksJson: false,
            sendBufferBytes: 8192,
            app: app => app.Use((HttpContext context, Func<Task> next) =>
            {
                if (context.Request.Query["user"] is [{ } user])
                {
                    context.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, user)], "test"));
                }

                return next();
            }));
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(RawPeer.Handshake("GET /ws?user=ann HTTP/1.1"), receiveBufferBytes: 4096);
        await using (peer)
        {
            var message = WsPreparedMessage.Binary(new byte[8000]);
            int sent = 0;
            while (!connection.Ws.IsClosing)
            {
                // Sending to a user never waits: no time passes here, it is the bytes that are too many.
                Assert.True(server.Hub.User("ann").SendAsync(message).IsCompletedSuccessfully);
                Assert.InRange(connection.Ws.BacklogBytes, 0, 200_000 + 8_100);
                Assert.InRange(++sent, 1, 10_000);
            }

            Assert.True(sent > 25);
            await WhileTimePassesAsync(clock, connection.Closed);
            Assert.Equal(CloseCode.TooSlow, (await connection.Closed).Code);
        }

        await server.AssertUndisturbedAsync();
    }
}
