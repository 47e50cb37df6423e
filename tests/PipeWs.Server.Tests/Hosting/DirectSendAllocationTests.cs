using System.Net;
using System.Net.Sockets;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>What a message costs between two sockets, Kestrel's part included: 0 bytes, counted for the whole process.</summary>
[Collection(AloneCollection.Name)]
public sealed class DirectSendAllocationTests
{
    private const int Messages = 10_000;

    /// <summary>What the code itself allocates is there in each of them.</summary>
    private const int Attempts = 10;

    /// <summary>The runtime's own threads allocate a little now and then; one object a message would be 24 bytes times the count.</summary>
    private const long Tolerance = Messages;

    [Fact]
    public async Task An_echo_allocates_nothing()
    {
        await using HubServer server = await HubServer.EchoAsync(Door.Fast);
        using var peer = new BlockingPeer(server.Server.Port);
        byte[] request = RawPeer.Frame(Opcode.Text, new byte[100]);

        await AssertAllocatesNothingAsync(() =>
        {
            peer.Send(request);
            peer.Receive(2 + 100);
        });
    }

    [Fact]
    public async Task A_publish_to_many_sockets_allocates_nothing()
    {
        await using HubServer server = await HubServer.EchoAsync(Door.Fast);
        BlockingPeer[] peers = [.. Enumerable.Range(0, 8).Select(_ => new BlockingPeer(server.Server.Port))];
        foreach (BlockingPeer peer in peers)
        {
            // Whoever is answered hears what is sent to all.
            peer.Send(RawPeer.Frame(Opcode.Text, new byte[100]));
            peer.Receive(2 + 100);
        }

        var message = WsPreparedMessage.Text(new string('x', 100));

        await AssertAllocatesNothingAsync(() =>
        {
            Assert.True(server.Hub.All.SendAsync(message).IsCompletedSuccessfully);
            foreach (BlockingPeer peer in peers)
            {
                peer.Receive(2 + 100);
            }

            // The one that was there before everybody reads too.
            server.Bystander!.Socket.Receive(peers[0].Bytes);
        });
        foreach (BlockingPeer peer in peers)
        {
            peer.Dispose();
        }
    }

    /// <summary>On a thread of its own: it blocks for each message, and where it were one of the pool's the pool would make new ones in its stead, which allocate.</summary>
    private static Task AssertAllocatesNothingAsync(Action round) => Task.Factory.StartNew(
        () =>
        {
            Run(round);
            long least = long.MaxValue;
            for (int attempt = 0; attempt < Attempts && least > Tolerance; attempt++)
            {
                long before = GC.GetTotalAllocatedBytes(precise: true);
                Run(round);
                least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
            }

            Assert.InRange(least, 0, Tolerance);
        },
        TaskCreationOptions.LongRunning);

    private static void Run(Action round)
    {
        for (int i = 0; i < Messages; i++)
        {
            round();
        }
    }

    /// <summary>A peer that waits in the kernel, so that waiting costs nothing here.</summary>
    private sealed class BlockingPeer : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public BlockingPeer(int port)
        {
            _socket.Connect(IPAddress.Loopback, port);
            Send(Encoding.ASCII.GetBytes(RawPeer.Handshake()));
            int read = 0;
            while (!Encoding.ASCII.GetString(Bytes, 0, read).EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                read += _socket.Receive(Bytes, read, 1, SocketFlags.None);
            }
        }

        public byte[] Bytes { get; } = new byte[4096];

        public void Send(byte[] bytes) => Assert.True(_socket.Send(bytes) == bytes.Length);

        public void Receive(int count)
        {
            for (int read = 0; read < count;)
            {
                int got = _socket.Receive(Bytes, 0, count - read, SocketFlags.None);
                Assert.True(got > 0);
                read += got;
            }
        }

        public void Dispose() => _socket.Dispose();
    }
}
