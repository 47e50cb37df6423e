using System.IO.Pipelines;

namespace PipeWs.Client;

/// <summary>Bytes in and out, before anything of WebSocket was spoken. The client that is given one owns it.</summary>
public sealed class WsTransport
{
    /// <summary>A transport over a stream that reads and writes at the same time. Disposing the stream must end what is pending.</summary>
    public WsTransport(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Stream = stream;
    }

    /// <summary>A transport over pipes, such as those of a server in the same process. Taken as it is: no TLS is put on it, and no proxy is asked through it.</summary>
    /// <param name="pipe">Where bytes come from and go to; both sides are completed at the end.</param>
    /// <param name="abort">Drops the transport at once; null where completing the pipes does.</param>
    public WsTransport(IDuplexPipe pipe, Action? abort = null)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        Pipe = pipe;
        AbortAction = abort;
    }

    /// <summary>The stream; null where it is a pipe.</summary>
    public Stream? Stream { get; }

    /// <summary>The pipe; null where it is a stream.</summary>
    public IDuplexPipe? Pipe { get; }

    /// <summary>The other end, for people to read; null where there is nothing to say.</summary>
    public string? RemoteEndPoint { get; init; }

    internal Action? AbortAction { get; }
}
