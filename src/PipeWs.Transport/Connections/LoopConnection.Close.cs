using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// The end of a connection: each direction's own, the application's being told, and the socket's.
internal sealed partial class LoopConnection
{
    private const int Closed = int.MinValue;

    private CancellationTokenSource? _closedSource;
    private CancellationToken _closedToken;
    private bool _hasClosedToken;
    private int _isClosedFired;
    private int _uses;
    private int _isFileClosed;
    private int _isOutputSent;
    private int _isDisposed;
    private int _isClosing;
    private bool _lingers;
    private TaskCompletionSource? _drained;

    /// <summary>Fires when the peer has ended its direction, or the connection its own.</summary>
    public override CancellationToken ConnectionClosed
    {
        get => _hasClosedToken ? _closedToken : ClosedSource().Token;
        set
        {
            _closedToken = value;
            _hasClosedToken = true;
        }
    }

    /// <summary>Keeps the socket from being closed, for a call on it. From any thread.</summary>
    public bool TryUseSocket()
    {
        if (Interlocked.Increment(ref _uses) > 0)
        {
            return true;
        }

        EndUseOfSocket();
        return false;
    }

    /// <summary>Ends what <see cref="TryUseSocket"/> began; closes the socket where that was waited for.</summary>
    public void EndUseOfSocket()
    {
        if (Interlocked.Decrement(ref _uses) == Closed)
        {
            CloseFile();
        }
    }

    /// <summary>Nothing is read any more.</summary>
    public void OnReaderCompleted() => UpdateInterest();

    /// <summary>Everything that was written has left, or never will, and nothing more is written.</summary>
    public void OnOutputSent()
    {
        if (Interlocked.Exchange(ref _isOutputSent, 1) != 0)
        {
            return;
        }

        if (Volatile.Read(ref _isDisposed) == 0 && AbortReason is null && TryUseSocket())
        {
            // The peer sees the end, and may still send.
            _ = Libc.Shutdown(File, sendingOnly: true);
            EndUseOfSocket();
        }

        TryClose();
    }

    /// <summary>Completes both directions and closes the socket, once what was written has left or the connection is aborted.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _reader.Complete();
            _writer.Complete();
            TryClose();
        }

        if (Volatile.Read(ref _isClosing) == 0)
        {
            TaskCompletionSource drained = _drained ?? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            drained = Interlocked.CompareExchange(ref _drained, drained, null) ?? drained;
            TryClose();
            await drained.Task;
        }

        await base.DisposeAsync();
    }

    private void TryClose()
    {
        if (Volatile.Read(ref _isDisposed) == 0 || Volatile.Read(ref _isOutputSent) == 0)
        {
            return;
        }

        if (Interlocked.Exchange(ref _isClosing, 1) == 0)
        {
            Loop.ScheduleOwn(static connection => ((LoopConnection)connection!).CloseOnLoop(), this);
        }

        Volatile.Read(ref _drained)?.TrySetResult();
    }

    private void CloseOnLoop()
    {
        bool wasRegistered;
        lock (Gate)
        {
            if (_isWatched)
            {
                _isWatched = false;
                _ = Loop.Unwatch(File);
            }

            wasRegistered = _isRegistered;
            _isRegistered = false;
        }

        if (wasRegistered)
        {
            Loop.Remove(_data);
        }

        _lingers = IsPeerSending();
        FireClosed();
        if (Interlocked.Add(ref _uses, Closed) == Closed)
        {
            CloseFile();
        }
    }

    /// <summary>Whether there is, or was, something that nobody has read, of a peer that has not ended.</summary>
    private bool IsPeerSending()
    {
        if (AbortReason is not null || _reader.IsEnded || LoopThread.Current is not { SharedBy: null } thread || !TryUseSocket())
        {
            return false;
        }

        int received = Libc.Receive(File, thread.Shared.Array);
        EndUseOfSocket();
        return received > 0 || (received is -Errno.TryAgain or -Errno.Interrupted && _reader.HadUnread);
    }

    private void CloseFile()
    {
        if (Interlocked.Exchange(ref _isFileClosed, 1) != 0)
        {
            return;
        }

        if (_lingers)
        {
            Loop.ScheduleOwn(static connection => ((LoopConnection)connection!).Linger(), this);
        }
        else
        {
            _ = Libc.Close(File);
        }
    }

    private void Linger()
    {
        if (Loop.IsOnLoop)
        {
            Loop.Linger(File);
        }
        else
        {
            // The loop has ended.
            _ = Libc.Close(File);
        }
    }

    private CancellationTokenSource ClosedSource()
    {
        if (Volatile.Read(ref _closedSource) is { } existing)
        {
            return existing;
        }

        var source = new CancellationTokenSource();
        if (Interlocked.CompareExchange(ref _closedSource, source, null) is { } other)
        {
            return other;
        }

        if (Volatile.Read(ref _isClosedFired) != 0)
        {
            source.Cancel();
        }

        return source;
    }

    private void FireClosed()
    {
        if (Interlocked.Exchange(ref _isClosedFired, 1) == 0 && Volatile.Read(ref _closedSource) is not null)
        {
            // The callbacks are the application's.
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.CancelClosedSource(), this, preferLocal: false);
        }
    }

    private void CancelClosedSource()
    {
        try
        {
            _closedSource!.Cancel();
        }
        catch (Exception e)
        {
            TransportLog.ClosedCallbackFailed(_setting.Logger, ConnectionId, e);
        }
    }
}
