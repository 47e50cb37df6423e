using System.Net.Sockets;

namespace PipeWs.Client.Dialing;

/// <summary>How far a dial is, and what must be dropped where it goes no further.</summary>
internal sealed class DialProgress
{
    private readonly Lock _lock = new();
    private WsTransport? _transport;
    private bool _aborted;

    public volatile string Step = "connecting";

    /// <summary>What is spoken over: the transport's stream, or TLS on it.</summary>
    public Stream? Stream { get; set; }

    public void Own(WsTransport transport)
    {
        Stream = transport.Stream;
        lock (_lock)
        {
            _transport = transport;
            if (!_aborted)
            {
                return;
            }
        }

        Drop(transport);
    }

    public void Abort()
    {
        WsTransport? transport;
        lock (_lock)
        {
            transport = _transport;
            if (_aborted)
            {
                return;
            }

            _aborted = true;
        }

        if (transport is not null)
        {
            Drop(transport);
        }
    }

    private static void Drop(WsTransport transport)
    {
        try
        {
            // The stream beneath TLS: disposing TLS itself would wait for what it is writing.
            transport.Stream?.Dispose();
            transport.AbortAction?.Invoke();
            if (transport.Pipe is { } pipe)
            {
                pipe.Input.CancelPendingRead();
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or IOException or SocketException or InvalidOperationException)
        {
            // Gone already.
        }
    }
}
