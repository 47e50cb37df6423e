using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>
/// Connections that send straight to their socket, with buffers so small that the kernel hardly ever takes everything: no byte is lost, doubled or out of
/// place, and every end of a connection comes through while something waits for the peer.
/// </summary>
public class DirectSendTests
{
    private const int TinyBytes = 2048;

    /// <summary>More than all buffers on the way hold, theirs and ours.</summary>
    private const int PendingBytes = 1_000_000;

    public static TheoryData<Door> Doors => [Door.Fast, Door.Handler];

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Every_byte_of_echoes_and_messages_sent_meanwhile_arrives_in_order(Door door)
    {
        const int Messages = 400;
        await using HubServer server = await StartAsync(door);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: TinyBytes);
        Task asking = Task.Run(async () =>
        {
            for (int i = 0; i < Messages; i++)
            {
                await peer.SendFrameAsync(Opcode.Binary, MessageOf(kind: 0, i));
            }
        });
        Task pushing = Task.Run(async () =>
        {
            for (int i = 0; i < Messages; i++)
            {
                await connection.SendAsync(MessageOf(kind: 1, i), WsMessageType.Binary);
            }
        });

        int[] next = new int[2];
        var random = new Random(1);
        while (next.Sum() < 2 * Messages)
        {
            if (random.Next(4) == 0)
            {
                // Now and then the server finds the way full, and now and then empty.
                await Task.Delay(1);
            }

            RawFrame frame = await peer.ReadFrameAsync();
            Assert.Equal(Opcode.Binary, frame.Opcode);
            int kind = frame.Payload[0];
            byte[] expected = MessageOf(kind, next[kind]++);
            Assert.True(expected.AsSpan().SequenceEqual(frame.Payload), $"message {next[kind]} of kind {kind} is not what was sent");
        }

        await asking.Soon();
        await pushing.Soon();
        await CloseFromPeerAsync(peer, connection);
        await server.AssertUndisturbedAsync();
        await peer.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_close_leaves_after_all_that_waits(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door);
        pending.Connection.BeginClose(1000, "bye");
        await pending.ReadMessageAsync();
        RawFrame close = await pending.Peer.ReadFrameAsync();
        Assert.Equal((Opcode.Close, 1000), (close.Opcode, close.CloseCode));
        await pending.Sending.Soon();
        await pending.Peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        await pending.Peer.AssertClosedAsync();
        WsCloseInfo info = await pending.Connection.Closed.Soon();
        Assert.Equal((1000, "bye", WsCloseInitiator.Local, true), (info.Code, info.Reason, info.Initiator, info.WasClean));
        await pending.AssertGoneAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task The_answer_to_the_peers_close_leaves_after_all_that_waits(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door);
        await pending.Peer.SendFrameAsync(Opcode.Close, [0x0F, 0xA0]);
        await Conditions.UntilAsync(() => pending.Connection.Ws.IsClosing, "the server has read the close frame");
        await pending.ReadMessageAsync();
        RawFrame close = await pending.Peer.ReadFrameAsync();
        Assert.Equal((Opcode.Close, 4000), (close.Opcode, close.CloseCode));
        await pending.Peer.AssertClosedAsync();
        WsCloseInfo info = await pending.Connection.Closed.Soon();
        Assert.Equal((4000, WsCloseInitiator.Remote, true), (info.Code, info.Initiator, info.WasClean));
        await pending.AssertGoneAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task An_abort_ends_the_send_that_waits(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door);
        pending.Connection.Abort();
        await pending.AssertEndedAsync(WsCloseInitiator.Local);
        await pending.Peer.ReadToEndAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_reset_ends_the_send_that_waits(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door);
        pending.Peer.Reset();
        await pending.AssertEndedAsync(WsCloseInitiator.Transport);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_peer_that_says_nothing_more_and_reads_nothing_ends_the_send_that_waits(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door);
        pending.Peer.Socket.Shutdown(SocketShutdown.Send);
        await pending.AssertEndedAsync(WsCloseInitiator.Transport);
        await pending.Peer.ReadToEndAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_host_that_stops_does_not_wait_for_a_peer_that_reads_nothing(Door door)
    {
        await using Pending pending = await Pending.StartAsync(door, options => options.CloseTimeout = TimeSpan.FromMilliseconds(300));
        await pending.Server.Bystander!.DisposeAsync();
        await pending.Server.Server.App.StopAsync().Soon();
        await Assert.ThrowsAsync<WsClosedException>(() => pending.Sending.Soon());
        Assert.Equal((1001, false), ((await pending.Connection.Closed.Soon()).Code, (await pending.Connection.Closed).WasClean));
        await pending.Server.AssertConnectionsAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Connections_that_end_in_the_middle_of_everything_leave_nothing_behind(Door door)
    {
        await using HubServer server = await StartAsync(door);
        var random = new Random(3);
        for (int round = 0; round < 60; round++)
        {
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: TinyBytes);
            Task[] sending = [.. Enumerable.Range(0, 4).Select(kind => SendUntilClosedAsync(connection, (byte)kind))];
            for (int frames = random.Next(4); frames > 0; frames--)
            {
                RawFrame frame = await peer.ReadFrameAsync();
                Assert.True(MessageOf(frame.Payload[0], BinaryPrimitives.ReadInt32LittleEndian(frame.Payload.AsSpan(1))).AsSpan().SequenceEqual(frame.Payload));
            }

            switch (round % 4)
            {
                case 0:
                    peer.Reset();
                    break;
                case 1:
                    connection.Abort();
                    break;
                case 2:
                    await peer.DisposeAsync();
                    break;
                default:
                    connection.BeginClose(1000, "");
                    peer.Reset();
                    break;
            }

            await Task.WhenAll(sending).Soon();
            await connection.Closed.Soon();
            await peer.DisposeAsync();
            await server.AssertConnectionsAsync(1);
        }

        await server.AssertUndisturbedAsync();
    }

    private static Task<HubServer> StartAsync(Door door, Action<PipeWsOptions>? configure = null) => HubServer.EchoAsync(
        door,
        configure: options =>
        {
            options.SendTimeout = TimeSpan.FromMinutes(1);
            options.CloseTimeout = TimeSpan.FromMinutes(1);
            options.MaxPendingBytes = 100_000_000;
            configure?.Invoke(options);
        },
        sendBufferBytes: TinyBytes);

    private static async Task SendUntilClosedAsync(HubConnection connection, byte kind)
    {
        try
        {
            for (int i = 0; ; i++)
            {
                await connection.SendAsync(MessageOf(kind, i), WsMessageType.Binary);
            }
        }
        catch (WsClosedException)
        {
        }
    }

    private static async Task CloseFromPeerAsync(RawPeer peer, HubConnection connection)
    {
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        Assert.Equal(1000, (await peer.ReadFrameAsync()).CloseCode);
        await peer.AssertClosedAsync();
        Assert.True((await connection.Closed.Soon()).WasClean);
    }

    /// <summary>A message whose every byte follows from what it is; most are small, some are larger than everything on the way.</summary>
    private static byte[] MessageOf(int kind, int number)
    {
        var random = new Random((number << 2) | kind);
        byte[] message = new byte[5 + random.Next(random.Next(20) == 0 ? 200_000 : 3_000)];
        random.NextBytes(message);
        message[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(1), number);
        return message;
    }

    /// <summary>A connection with a message under way that the peer has not begun to read.</summary>
    private sealed class Pending : IAsyncDisposable
    {
        private readonly byte[] _message = new byte[PendingBytes];

        private Pending(HubServer server, RawPeer peer, HubConnection connection)
        {
            (Server, Peer, Connection) = (server, peer, connection);
            new Random(5).NextBytes(_message);
            Sending = connection.SendAsync(_message, WsMessageType.Binary).AsTask();
        }

        public HubServer Server { get; }

        public RawPeer Peer { get; }

        public HubConnection Connection { get; }

        public Task Sending { get; }

        public static async Task<Pending> StartAsync(Door door, Action<PipeWsOptions>? configure = null)
        {
            HubServer server = await DirectSendTests.StartAsync(door, configure);
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: TinyBytes);
            var pending = new Pending(server, peer, connection);
            Assert.False(pending.Sending.IsCompleted);
            return pending;
        }

        public async Task ReadMessageAsync()
        {
            RawFrame frame = await Peer.ReadFrameAsync();
            Assert.Equal(Opcode.Binary, frame.Opcode);
            Assert.True(_message.AsSpan().SequenceEqual(frame.Payload));
        }

        /// <summary>The connection has ended without a closing handshake, and who waited for its send knows.</summary>
        public async Task AssertEndedAsync(WsCloseInitiator initiator)
        {
            await Assert.ThrowsAsync<WsClosedException>(() => Sending.Soon());
            WsCloseInfo info = await Connection.Closed.Soon();
            Assert.Equal((1006, initiator, false), (info.Code, info.Initiator, info.WasClean));
            await AssertGoneAsync();
        }

        public async Task AssertGoneAsync()
        {
            await Server.AssertConnectionsAsync(1);
            await Server.AssertUndisturbedAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await Peer.DisposeAsync();
            await Server.DisposeAsync();
        }
    }
}
