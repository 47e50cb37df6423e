using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

/// <summary>One connection of an event loop, as Kestrel sees it: two pipes over a socket, without a pipe's own buffers between.</summary>
internal sealed partial class LoopConnection : ConnectionContext, ILoopItem, IDuplexPipe
{
    private readonly ConnectionSetting _setting;
    private readonly LoopReader _reader;
    private readonly LoopWriter _writer;
    private ConnectionAbortedException? _abortReason;
    private int _sendError;
    private volatile bool _staysOnLoop;

    /// <summary>Takes over an accepted socket.</summary>
    /// <param name="file">The socket, which does not block.</param>
    /// <param name="loop">The loop it belongs to.</param>
    /// <param name="remote">The peer's address.</param>
    /// <param name="setting">What it shares with the others of its listener.</param>
    public LoopConnection(int file, EventLoop loop, EndPoint? remote, ConnectionSetting setting)
    {
        File = file;
        Loop = loop;
        RemoteEndPoint = remote;
        _setting = setting;
        _reader = new LoopReader(this);
        _writer = new LoopWriter(this);
        Transport = this;
    }

    /// <summary>The socket. Only between <see cref="TryUseSocket"/> and <see cref="EndUseOfSocket"/>, or on the loop.</summary>
    public int File { get; }

    /// <summary>The loop that owns it.</summary>
    public EventLoop Loop { get; }

    /// <summary>Guards what the kernel watches, and what waits to be sent. Nobody else's to lock, and no object of its own: there may be many connections.</summary>
    public object Gate => _writer;

    /// <summary>Why it was aborted; null while it was not.</summary>
    public ConnectionAbortedException? AbortReason => Volatile.Read(ref _abortReason);

    /// <summary>The error a send failed with; 0 while none did.</summary>
    public int SendError
    {
        get => Volatile.Read(ref _sendError);
        set => Volatile.Write(ref _sendError, value);
    }

    /// <summary>Whether a read was begun on the loop, so that its reader is called there.</summary>
    public bool StaysOnLoop
    {
        get => _staysOnLoop;
        set => _staysOnLoop = value;
    }

    /// <summary>Whether what waits for the connection goes on on the loop.</summary>
    public bool RunsOnLoop => _staysOnLoop || _setting.PrefersInline;

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    PipeReader IDuplexPipe.Input => _reader;

    PipeWriter IDuplexPipe.Output => _writer;

    /// <summary>Begins to watch the socket.</summary>
    public void Start() => Loop.ScheduleOwn(static connection => ((LoopConnection)connection!).Register(), this);

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (Interlocked.CompareExchange(ref _abortReason, abortReason, null) is not null)
        {
            return;
        }

        _writer.SendDeferred();
        if (TryUseSocket())
        {
            if (_writer.HasRest)
            {
                // The peer does not read. Without a reset the kernel would go on offering it what it holds.
                _ = Libc.SetResetOnClose(File);
            }

            _ = Libc.Shutdown(File, sendingOnly: false);
            EndUseOfSocket();
        }

        Loop.Schedule(static connection => ((LoopConnection)connection!).OnAborted(), this);
    }

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted by the application."));

    /// <summary>What a failed receive means.</summary>
    public Exception DescribeReceiveError(int error)
    {
        if (AbortReason is { } reason)
        {
            return reason;
        }

        string description = Errno.Describe(error);
        if (Errno.IsReset(error))
        {
            TransportLog.ConnectionReset(_setting.Logger, ConnectionId, description);
            return new ConnectionResetException($"The peer reset the connection: {description}.");
        }

        TransportLog.ConnectionFailed(_setting.Logger, ConnectionId, description);
        return new IOException($"The connection failed: {description}.");
    }
}
