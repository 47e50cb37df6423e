using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Hardening;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>A connection as the application's handlers see it.</summary>
public sealed class ConnectionTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task ConnectionClosed_fires_while_a_handler_runs(Door door, bool isSecure)
    {
        var entered = new SemaphoreSlim(0);
        var left = new SemaphoreSlim(0);
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder.MapAction("wait", async context =>
        {
            entered.Release();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed);
            }
            finally
            {
                left.Release();
            }
        }));
        foreach (bool isReset in new[] { true, false })
        {
            await using RawPeer peer = await server.OpenAsync();
            await peer.SendTextAsync("""{"action":"wait"}""");
            Assert.True(await entered.WaitAsync(RawPeer.Patience));
            if (isReset)
            {
                peer.Reset();
            }
            else
            {
                peer.Finish();
            }

            Assert.True(await left.WaitAsync(RawPeer.Patience), $"the handler was told of its connection's {(isReset ? "reset" : "end")}");
            await server.AssertConnectionsAsync(1);
        }

        // And where the application closes it.
        (RawPeer last, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (last)
        {
            await last.SendTextAsync("""{"action":"wait"}""");
            Assert.True(await entered.WaitAsync(RawPeer.Patience));
            Task<WsCloseInfo> closed = connection.CloseAsync(4001, "over").AsTask();
            await last.ReadCloseAsync(4001);
            Assert.True(await left.WaitAsync(RawPeer.Patience));
            await last.SendFrameAsync(Opcode.Close, [0x0F, 0xA1]);
            Assert.True((await closed.Soon()).WasClean);
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task What_a_raw_handler_was_lent_is_not_kept_while_its_connection_idles(Door door, bool isSecure)
    {
        WsMessageContext? kept = null;
        int lent = 0;
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder.OnBinary(context =>
        {
            lent = (int)context.Payload.Length;
            Volatile.Write(ref kept, context);
            return default;
        }));
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendFrameAsync(Opcode.Binary, [1, 2, 3]);

        // It is let go of after the handler, and so perhaps a moment after the test has seen the context.
        await Conditions.UntilAsync(() => Volatile.Read(ref kept) is { Payload.IsEmpty: true }, "the bytes are let go of");
        Assert.Equal(3, lent);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_handler_that_fails_is_answered_and_logged_once(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder
            .MapAction("now", static _ => throw new InvalidOperationException("a secret"))
            .MapAction("later", static async _ =>
            {
                await Task.Yield();
                throw new InvalidOperationException("a secret");
            }));
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.AskAsync("""{"id":"1","action":"now"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
            await peer.AskAsync("""{"id":"2","action":"later"}""", """{"id":"2","type":"error","code":500,"data":"internal error"}""");
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(2);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_raw_handler_that_fails_ends_its_connection_with_1011(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.StartAsync(
            door,
            isSecure,
            null,
            builder => builder.OnText(static context => context.Payload.Length > 100 ? throw new InvalidOperationException("a secret") : context.Connection.SendAsync(context.Payload, context.Type)),
            speaksJson: false);
        await HardeningRows.FailsAsync(server, 1011, RawPeer.Frame(Opcode.Text, new byte[101]));
    }

    [Fact]
    public async Task Binary_messages_without_a_handler_end_the_connection_with_1003()
    {
        await using HubServer server = await HubServer.JsonAsync();
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendFrameAsync(Opcode.Binary, [1, 2, 3]);
            await peer.ReadCloseAsync(1003);
            await peer.SendFrameAsync(Opcode.Close, [0x03, 0xEB]);
            await peer.AssertClosedAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Parts_of_a_message_of_any_size_are_handled_as_they_come(Door door, bool isSecure)
    {
        const int Length = 5_000_000;
        await using HubServer server = await HubServer.StartAsync(
            door,
            isSecure,
            options => options.MaxMessageBytes = 1000,
            builder => builder.OnBinaryParts(static async context =>
            {
                IWsConnection connection = context.Connection;
                if (context.IsFirstPart)
                {
                    Assert.Null(connection.GetMetadata("sum"));
                    connection.SetMetadata("sum", 0L);
                }

                long sum = (long)connection.GetMetadata("sum")!;
                foreach (ReadOnlyMemory<byte> segment in context.Payload)
                {
                    foreach (byte one in segment.Span)
                    {
                        sum += one;
                    }
                }

                connection.SetMetadata("sum", sum);
                if (context.IsLastPart)
                {
                    connection.RemoveMetadata("sum");
                    await connection.SendTextAsync($"{sum}");
                }
            }).OnText(static context => context.Connection.SendTextAsync($"{context.IsFirstPart} {context.IsLastPart}")),
            speaksJson: false,
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        var message = new byte[Length];
        Random.Shared.NextBytes(message);
        long sum = message.Sum(static one => (long)one);

        await peer.SendAsync(RawPeer.Frame(Opcode.Binary, message));
        Assert.Equal($"{sum}", await peer.ReadTextAsync());
        await peer.SendAsync([.. RawPeer.Frame(Opcode.Binary, message.AsSpan(0, 10), fin: false), .. RawPeer.Frame(Opcode.Continuation, message.AsSpan(10))]);
        Assert.Equal($"{sum}", await peer.ReadTextAsync());
        await peer.SendAsync(RawPeer.Frame(Opcode.Binary, []));
        Assert.Equal("0", await peer.ReadTextAsync());

        // A whole message after one in parts is its own first and last.
        await peer.AskAsync("?", "True True");
        await peer.SendAsync([.. RawPeer.Frame(Opcode.Binary, [1], fin: false), .. RawPeer.Frame(Opcode.Continuation, [1])]);
        Assert.Equal("2", await peer.ReadTextAsync());
        await peer.AskAsync("?", "True True");
        await peer.SendFrameAsync(Opcode.Text, new byte[1001]);
        await peer.ReadCloseAsync(1009);
    }

    [Fact]
    public async Task Text_in_parts_can_be_passed_on_in_parts()
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            false,
            null,
            builder => builder.OnTextParts(static async context =>
            {
                if (context.IsFirstPart)
                {
                    context.Connection.SetMetadata("writer", context.Connection.BeginMessage(WsMessageType.Text));
                }

                var writer = (WsMessageWriter)context.Connection.GetMetadata("writer")!;
                foreach (ReadOnlyMemory<byte> segment in context.Payload)
                {
                    await writer.WriteAsync(segment);
                }

                if (context.IsLastPart)
                {
                    await writer.CompleteAsync();
                }
            }),
            speaksJson: false,
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        string text = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"{i} κόσμε "));
        Task sent = peer.SendTextAsync(text);
        using var echo = new MemoryStream();
        RawFrame frame;
        do
        {
            frame = await peer.ReadFrameAsync();
            Assert.Equal(echo.Length == 0 ? Opcode.Text : Opcode.Continuation, frame.Opcode);
            echo.Write(frame.Payload);
        }
        while (!frame.Fin);
        await sent;
        Assert.Equal(text, Encoding.UTF8.GetString(echo.ToArray()));
        await peer.CloseAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_ping_measures_the_round_trip_and_a_peer_without_pongs_is_dropped(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, clock: clock, hasBystander: false);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            Task<TimeSpan> measured = connection.PingAsync().AsTask();
            RawFrame ping = await peer.ReadFrameAsync();
            Assert.Equal(Opcode.Ping, ping.Opcode);
            clock.Advance(TimeSpan.FromMilliseconds(250));
            await peer.SendFrameAsync(Opcode.Pong, ping.Payload);
            Assert.Equal(TimeSpan.FromMilliseconds(250), await measured.Soon());

            clock.Advance(TimeSpan.FromSeconds(31));
            Assert.Equal(Opcode.Ping, (await peer.ReadFrameAsync()).Opcode);
            await HardeningRows.WhileTimePassesAsync(clock, connection.Closed);
            Assert.Equal(CloseCode.AbnormalClosure, (await connection.Closed).Code);
        }

        await server.AssertConnectionsAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_full_hub_refuses_with_503_and_takes_the_next_when_one_has_gone(Door door, bool isSecure)
    {
        foreach (bool isPerAddress in new[] { false, true })
        {
            await using HubServer server = await HubServer.JsonAsync(door, isSecure, options =>
            {
                if (isPerAddress)
                {
                    options.MaxConnectionsPerAddress = 2;
                }
                else
                {
                    options.MaxConnections = 2;
                }
            });
            RawPeer second = await server.OpenAsync();
            for (int i = 0; i < 3; i++)
            {
                await using RawPeer third = await server.Server.ConnectAsync();
                await third.SendAsync(RawPeer.Handshake());
                HttpAnswer answer = await third.ReadAnswerAsync();
                Assert.Equal(503, answer.StatusCode);
                Assert.Contains(isPerAddress ? "MaxConnectionsPerAddress" : "MaxConnections", answer.Body, StringComparison.Ordinal);
                await third.AssertClosedAsync();
            }

            await second.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
            await second.DisposeAsync();
            await server.AssertUndisturbedAsync(3);
            await using RawPeer next = await server.OpenAsync();
            await next.CloseAsync();
            await server.AssertUndisturbedAsync(3);
        }
    }
}
