using System.IO.Pipelines;
using System.Net.Sockets;

namespace PipeWs.Testing;

/// <summary>A real socket: an abort is a reset, an end is a FIN.</summary>
internal sealed class SocketTransport : PeerTransport
{
    private readonly Socket _socket;
    private int _aborted;

    public SocketTransport(Socket socket)
    {
        _socket = socket;
        var stream = new NetworkStream(socket, ownsSocket: false);
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public override PipeReader Input { get; }

    public override PipeWriter Output { get; }

    public override void Abort(Exception reason)
    {
        if (Interlocked.Exchange(ref _aborted, 1) == 0)
        {
            _socket.LingerState = new LingerOption(true, 0);
            _socket.Dispose();
        }
    }

    public override void Finish()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other end went first.
        }
    }
}
