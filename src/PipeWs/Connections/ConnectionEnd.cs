namespace PipeWs;

/// <summary>What there is to the end of a connection: who waits for it, what was said, and what went wrong. Safe from any thread, but for what one of them alone writes.</summary>
internal sealed class ConnectionEnd
{
    /// <summary>The close frame is with the transport, or never will be.</summary>
    internal TaskCompletionSource? CloseFlushed;

    /// <summary>The output is completed.</summary>
    internal TaskCompletionSource? OutputDone;

    /// <summary>What broke the transport; null where nothing did.</summary>
    internal Exception? TransportException;

    /// <summary>What the receiver threw; null where it did not. Written by the receive loop.</summary>
    internal Exception? HandlerException;

    private TaskCompletionSource<WsCloseInfo>? _closed;
    private TaskCompletionSource? _finished;
    private WsCloseInfo? _info;
    private volatile bool _hasFinished;

    /// <summary>The code of the close frame that came. Written by the receive loop.</summary>
    internal ushort ReceivedCode { get; set; }

    /// <summary>Its reason. Written by the receive loop.</summary>
    internal string ReceivedReason { get; set; } = "";

    /// <summary>When the heartbeat first saw it; the heartbeat's own.</summary>
    internal long? Since { get; set; }

    /// <summary>Whether it is known how it ended.</summary>
    internal bool IsClosed => Volatile.Read(ref _info) is not null;

    /// <summary>Completes with how it ended.</summary>
    internal Task<WsCloseInfo> Closed
    {
        get
        {
            TaskCompletionSource<WsCloseInfo>? closed = Volatile.Read(ref _closed);
            if (closed is null)
            {
                var mine = new TaskCompletionSource<WsCloseInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
                closed = Interlocked.CompareExchange(ref _closed, mine, null) ?? mine;
            }

            if (Volatile.Read(ref _info) is { } info)
            {
                // Whoever ended it may not have found the task.
                closed.TrySetResult(info);
            }

            return closed.Task;
        }
    }

    /// <summary>Completes when all is over.</summary>
    internal Task Finished
    {
        get
        {
            TaskCompletionSource finished = Completion(ref _finished);
            if (_hasFinished)
            {
                finished.TrySetResult();
            }

            return finished.Task;
        }
    }

    internal static TaskCompletionSource Completion(ref TaskCompletionSource? completion)
    {
        if (Volatile.Read(ref completion) is { } existing)
        {
            return existing;
        }

        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref completion, mine, null) ?? mine;
    }

    /// <summary>It has ended, in this way unless it had before.</summary>
    internal bool TrySetClosed(WsCloseInfo info)
    {
        if (Interlocked.CompareExchange(ref _info, info, null) is not null)
        {
            return false;
        }

        Volatile.Read(ref _closed)?.TrySetResult(info);
        return true;
    }

    /// <summary>All is over.</summary>
    internal void SetFinished()
    {
        _hasFinished = true;

        // A full fence: either the task is found here, or whoever has just made it sees that all is over.
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _finished)?.TrySetResult();
    }
}
