using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using PipeWs.Sockets;

namespace PipeWs.Tests.Sockets;

/// <summary>A writer over one end of a TCP connection, the pipe that stands for its transport's output, and the peer at the other end.</summary>
internal sealed class SocketPair : IDisposable
{
    private SocketPair(Socket socket, Socket peer, bool isLowLatency)
    {
        Socket = socket;
        Peer = peer;
        Writer = new SocketPipeWriter(socket, Transport.Writer, isLowLatency);
    }

    public Socket Socket { get; }

    public Socket Peer { get; }

    public Pipe Transport { get; } = new();

    public SocketPipeWriter Writer { get; }

    /// <param name="bufferBytes">How much the kernel holds at each end, about; 0 for what it likes.</param>
    /// <param name="isLowLatency">Whether the writer sends by the system's own call.</param>
    public static async Task<SocketPair> ConnectAsync(int bufferBytes = 0, bool isLowLatency = false)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (bufferBytes > 0)
        {
            listener.SendBufferSize = bufferBytes;
            peer.ReceiveBufferSize = bufferBytes;
        }

        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Task<Socket> accepted = listener.AcceptAsync();

        // Not asynchronously: the peer's synchronous receives would then wait by way of the thread pool, and allocate.
        peer.Connect(listener.LocalEndPoint!);
        return new SocketPair(await accepted, peer, isLowLatency);
    }

    /// <summary>Writes bytes the way frames are written: whatever fits, piece by piece.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Span<byte> destination = Writer.GetSpan();
            int length = Math.Min(destination.Length, bytes.Length);
            bytes[..length].CopyTo(destination);
            Writer.Advance(length);
            bytes = bytes[length..];
        }
    }

    /// <summary>Writes until a flush has to wait for the peer.</summary>
    /// <returns>The flush, and how many bytes were written.</returns>
    public (Task<FlushResult> Flush, int Written) FillUp()
    {
        byte[] block = new byte[10_000];
        for (int written = block.Length; written < 100_000_000; written += block.Length)
        {
            Write(block);
            ValueTask<FlushResult> flush = Writer.FlushAsync();
            if (!flush.IsCompleted)
            {
                return (flush.AsTask(), written);
            }

            Assert.False(flush.Result.IsCompleted);
        }

        throw new InvalidOperationException("The kernel takes everything.");
    }

    /// <summary>Drops the connection as a peer that crashes does.</summary>
    public void Reset()
    {
        Peer.LingerState = new LingerOption(true, 0);
        Peer.Close();
    }

    public void Dispose()
    {
        Socket.Dispose();
        Peer.Dispose();
    }
}
