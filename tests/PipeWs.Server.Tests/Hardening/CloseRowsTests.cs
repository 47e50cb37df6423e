using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 27-29 with their literal bytes, over a socket through each door.</summary>
public sealed class CloseRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_27_close_frames_that_must_not_be_sent_fail_with_1002_or_1007(Door door, bool isSecure)
    {
        int[] codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
        await using (HubServer server = await HubServer.EchoAsync(door, isSecure))
        {
            await FailsAsync(server, 1002, [Hex("88 81 00 00 00 00 03"), .. codes.Select(code => RawPeer.Frame(Opcode.Close, [(byte)(code >> 8), (byte)code]))]);
        }

        await using (HubServer server = await HubServer.EchoAsync(door, isSecure))
        {
            await FailsAsync(server, 1007, "88 84 00 00 00 00 03 E8 C3 28", "88 83 00 00 00 00 03 E8 80");
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_27_close_codes_that_may_be_sent_are_echoed(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        foreach (int code in new[] { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 })
        {
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
            await using (peer)
            {
                await peer.SendFrameAsync(Opcode.Close, [(byte)(code >> 8), (byte)code, .. "adieu"u8]);
                await peer.ReadCloseAsync(code);
                await peer.AssertClosedAsync();
                WsCloseInfo info = await connection.Closed.Soon();
                Assert.Equal((code, "adieu", WsCloseInitiator.Remote, true), (info.Code, info.Reason, info.Initiator, info.WasClean));
            }

            await server.AssertConnectionsAsync(1);
        }

        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendAsync(Hex("88 80 37 FA 21 3D"));
            Assert.Empty((await peer.ReadCloseAsync(1005)).Payload);
            await peer.AssertClosedAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_28_data_after_a_close_frame_is_ignored(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendAsync(Hex("88 82 00 00 00 00 03 E8 81 85 37 FA 21 3D 7F 9F 4D 51 58 89 80 00 00 00 00 81 05"));
            await peer.ReadCloseAsync(1000);
            await peer.AssertClosedAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_28_a_close_in_the_middle_of_a_message_is_echoed(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendAsync(Hex("01 83 37 FA 21 3D 7F 9F 4D 88 82 00 00 00 00 03 E9"));
            await peer.ReadCloseAsync(1001);
            await peer.AssertClosedAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_28_an_end_without_a_close_frame_is_1006_to_the_application(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        foreach (byte[] last in new[] { [], Hex("81"), Hex("01 83 37 FA 21 3D 7F 9F 4D"), Hex("81 85 37 FA 21 3D 7F") })
        {
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
            await using (peer)
            {
                await peer.SendAsync(last);
                peer.Finish();
                Assert.Equal(CloseCode.AbnormalClosure, (await connection.Closed.Soon()).Code);
                await peer.AssertClosedAsync();
            }

            (peer, connection) = await server.OpenWithConnectionAsync();
            await using (peer)
            {
                await peer.SendAsync(last);
                peer.Reset();
                WsCloseInfo info = await connection.Closed.Soon();
                Assert.Equal((CloseCode.AbnormalClosure, WsCloseInitiator.Transport, false), (info.Code, info.Initiator, info.WasClean));
            }

            await server.AssertConnectionsAsync(1);
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_28_a_peer_that_never_answers_a_close_is_dropped_after_5_seconds(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, clock: clock);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            // An answer says that the connection is running, and so looked at by the heartbeat: a listed one may not be yet.
            await peer.AskAsync("running", "running");
            Task<WsCloseInfo> closed = connection.CloseAsync(4000, "enough").AsTask();
            RawFrame close = await peer.ReadCloseAsync(4000);
            Assert.Equal("enough", System.Text.Encoding.UTF8.GetString(close.Payload.AsSpan(2)));
            clock.Advance(TimeSpan.FromSeconds(4));
            Assert.False(closed.IsCompleted);
            await WhileTimePassesAsync(clock, closed);
            Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(5));
            WsCloseInfo info = await closed;
            Assert.Equal((4000, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
            await peer.AssertClosedAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_29_nothing_follows_a_close_frame_whoever_sends_meanwhile(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        var message = WsPreparedMessage.Text("beside the close");
        for (int round = 0; round < 10; round++)
        {
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
            await using (peer)
            {
                // They send until it is closed, and the close comes in the middle of that.
                Task[] senders = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
                {
                    while (!connection.ConnectionClosed.IsCancellationRequested)
                    {
                        try
                        {
                            await connection.SendAsync(message);
                        }
                        catch (WsClosedException)
                        {
                            return;
                        }
                    }
                }))];
                for (int i = 0; i < 20; i++)
                {
                    Assert.Equal("beside the close", await peer.ReadTextAsync());
                }

                Task<WsCloseInfo> closed = connection.CloseAsync(1000, "").AsTask();
                RawFrame frame;
                while ((frame = await peer.ReadFrameAsync()).Opcode != Opcode.Close)
                {
                    Assert.Equal("beside the close", frame.Text);
                }

                await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
                await peer.AssertClosedAsync();
                Assert.True((await closed.Soon()).WasClean);
                await Task.WhenAll(senders).Soon();
                await Assert.ThrowsAsync<WsClosedException>(() => connection.SendAsync(message).AsTask());
            }
        }

        await server.AssertUndisturbedAsync(0);
    }
}
