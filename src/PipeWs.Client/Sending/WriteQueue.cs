using PipeWs.Messages;

namespace PipeWs.Client.Sending;

/// <summary>
/// The messages that wait to be sent. While nothing waits and the connection has room a message goes straight to it, on its sender's thread; otherwise it takes its place here,
/// and one pump hands what waits to the connection as that takes it. Each message ends in one outcome. Safe from any thread.
/// </summary>
internal sealed partial class WriteQueue(WsClientOptions options, WsHeartbeat heartbeat, Action<WsBufferFullMode, int> onFull, Action onWaiting)
{
    private readonly Lock _lock = new();
    private readonly long _writeTimeout = (long)options.WriteTimeout.TotalMilliseconds;
    private readonly long _offlineAge = (long)options.OfflineQueueAge.TotalMilliseconds;
    private WsConnection? _live;
    private WriteNode? _first;
    private WriteNode? _last;
    private int _count;
    private int _pending;
    private bool _pumping;
    private Task _pump = Task.CompletedTask;
    private bool _closing;
    private TaskCompletionSource? _drained;
    private long _sent;
    private long _failed;

    /// <summary>How many messages wait.</summary>
    public int Count => Volatile.Read(ref _pending);

    /// <summary>How many were handed to a connection.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>How many ended in another way.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>The pump's task; it ends when nothing waits, and without a connection.</summary>
    public Task Pump
    {
        get
        {
            lock (_lock)
            {
                return _pump;
            }
        }
    }

    /// <summary>Sends a message whose bytes stay as they are until the task completes.</summary>
    public ValueTask SendAsync(WsMessageType type, ReadOnlyMemory<byte> payload, WsSendOptions options, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return TrySendNow(type, payload.Span, options) ? default : Enqueue(WriteNode.ForLent(type, payload, options), cancellationToken);
    }

    /// <summary>Sends what was written to a buffer, which goes back by itself.</summary>
    public ValueTask SendAsync(WsMessageType type, MessageBuffer buffer, WsSendOptions sendOptions, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            buffer.Return();
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (TrySendNow(type, buffer.Written.Span, sendOptions))
        {
            buffer.Return();
            return default;
        }

        return Enqueue(WriteNode.ForBuffer(type, buffer, sendOptions, isAwaited: true), cancellationToken);
    }

    /// <summary>Sends a copy without waiting for the outcome; false where it is certain to fail.</summary>
    public bool TrySend(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions sendOptions)
    {
        if (TrySendNow(type, payload, sendOptions))
        {
            return true;
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        payload.CopyTo(buffer.GetSpan(payload.Length));
        buffer.Advance(payload.Length);
        WriteNode node = WriteNode.ForBuffer(type, buffer, sendOptions, isAwaited: false);
        bool waits = options.WriteFullMode == WsBufferFullMode.Wait;
        if (TryPlace(node, mayWait: !waits, out WriteNode? dropped, out WsSendFailure failure))
        {
            Finish(dropped, WsSendFailure.Dropped);
            return true;
        }

        Finish(node, failure);
        return false;
    }

    /// <summary>A connection is ready: what waits goes to it, but for what has waited too long since the last heartbeat.</summary>
    public void SetLive(WsConnection connection)
    {
        WriteNode? expired;
        lock (_lock)
        {
            expired = TakeExpiredUnsynchronized(heartbeat.Now);
            _live = connection;
            StartPumpUnsynchronized();
        }

        FinishAll(expired, WsSendFailure.TimedOut);
    }

    /// <summary>The connection has ended. What waits goes on waiting where it may, and fails otherwise.</summary>
    public void SetOffline()
    {
        WriteNode? failed;
        lock (_lock)
        {
            failed = SetOfflineUnsynchronized();
        }

        FinishAll(failed, WsSendFailure.Disconnected);
    }

    /// <summary>Refuses new messages, and completes when those that wait were handed over, or cannot be.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            _closing = true;
            if (_pending == 0 || _live is null)
            {
                return Task.CompletedTask;
            }

            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    /// <summary>Refuses new messages and fails those that wait.</summary>
    public void Close()
    {
        WriteNode? failed;
        lock (_lock)
        {
            _closing = true;
            failed = SetOfflineUnsynchronized();
        }

        FinishAll(failed, WsSendFailure.Stopped);
    }

    public void Cancel(WriteNode node, CancellationToken token)
    {
        lock (_lock)
        {
            if (node.Queue != this)
            {
                return;
            }

            RemoveUnsynchronized(node);
        }

        CompleteCancelled(node, token);
    }

    /// <summary>Fails what waited too long.</summary>
    public void OnHeartbeat(long now)
    {
        if (Volatile.Read(ref _pending) == 0)
        {
            return;
        }

        WriteNode? expired;
        lock (_lock)
        {
            expired = TakeExpiredUnsynchronized(now);
        }

        FinishAll(expired, WsSendFailure.TimedOut);
    }

    private bool TrySendNow(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions options)
    {
        if (Volatile.Read(ref _live) is { HasRoom: true } connection && Volatile.Read(ref _pending) == 0 && connection.TrySend(type, payload, options))
        {
            Interlocked.Increment(ref _sent);
            return true;
        }

        return false;
    }

    private ValueTask Enqueue(WriteNode node, CancellationToken cancellationToken)
    {
        ValueTask sent = node.AsValueTask();
        node.CancelWith(cancellationToken);
        if (TryPlace(node, mayWait: true, out WriteNode? dropped, out WsSendFailure failure))
        {
            Finish(dropped, WsSendFailure.Dropped);
            if (cancellationToken.IsCancellationRequested)
            {
                // Cancelled before it had a place to be taken from.
                Cancel(node, cancellationToken);
            }
        }
        else
        {
            Finish(node, failure);
        }

        return sent;
    }

    private bool TryPlace(WriteNode node, bool mayWait, out WriteNode? dropped, out WsSendFailure failure)
    {
        dropped = null;
        bool isFull;
        int count;
        lock (_lock)
        {
            bool isLive = _live is { IsClosing: false };
            if (_closing || (!isLive && options.OfflineQueueCount == 0))
            {
                failure = _closing ? WsSendFailure.Stopped : WsSendFailure.Disconnected;
                return false;
            }

            count = _count;
            isFull = count >= (isLive ? options.WriteMessageBuffer : options.OfflineQueueCount);
            failure = options.WriteFullMode == WsBufferFullMode.DropNewest ? WsSendFailure.Dropped : WsSendFailure.BufferFull;
            bool isPlaced = !isFull || options.WriteFullMode == WsBufferFullMode.DropOldest || (options.WriteFullMode == WsBufferFullMode.Wait && mayWait);
            if (isPlaced)
            {
                if (isFull && options.WriteFullMode == WsBufferFullMode.DropOldest && _first is { } oldest)
                {
                    RemoveUnsynchronized(oldest);
                    dropped = oldest;
                }

                node.Deadline = heartbeat.Now + (isLive ? _writeTimeout : _offlineAge);
                AppendUnsynchronized(node);
                StartPumpUnsynchronized();
            }

            mayWait = isPlaced;
        }

        if (mayWait)
        {
            onWaiting();
        }

        if (isFull)
        {
            onFull(options.WriteFullMode, count);
        }

        return mayWait;
    }

    private void CompleteCancelled(WriteNode node, CancellationToken token)
    {
        Interlocked.Increment(ref _failed);
        node.Complete(new OperationCanceledException(token));
    }

    private void FinishAll(WriteNode? node, WsSendFailure failure)
    {
        while (node is not null)
        {
            WriteNode? next = node.Next;
            node.Next = null;
            Finish(node, failure);
            node = next;
        }
    }

    private void Finish(WriteNode? node, WsSendFailure failure)
    {
        if (node is not null)
        {
            Interlocked.Increment(ref _failed);
            node.Complete(new WsSendException(failure));
        }
    }
}
