namespace PipeWs.Client.Sending;

// The pump hands what waits to the connection, in order; and the list it takes it from.
internal sealed partial class WriteQueue
{
    private void StartPumpUnsynchronized()
    {
        if (!_pumping && _live is not null && _first is not null)
        {
            _pumping = true;
            _pump = Task.Run(PumpAsync);
        }
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            WsConnection? connection;
            lock (_lock)
            {
                connection = _live;
                if (connection is null || _first is null)
                {
                    _pumping = false;
                    return;
                }
            }

            await connection.WaitForRoomAsync();
            WriteNode? node;
            lock (_lock)
            {
                node = _live == connection ? _first : null;
                if (node is null)
                {
                    continue;
                }

                // It counts as pending until it was handed over, so that nothing goes past it.
                RemoveUnsynchronized(node, isInHand: true);
            }

            bool sent = connection.TrySend(node.Type, node.Payload.Span, node.Options);
            bool isCancelled = false;
            CancellationToken token = node.Token;
            lock (_lock)
            {
                if (sent)
                {
                    CountOutUnsynchronized();
                }
                else
                {
                    PutBackUnsynchronized(node);

                    // A full fence: whoever cancels looks for the queue after it, and here the token is looked at after the queue is there to be found.
                    Interlocked.MemoryBarrier();
                    isCancelled = token.IsCancellationRequested;
                    if (isCancelled)
                    {
                        // Under this lock: outside of it the node may have ended already, and be another message's.
                        RemoveUnsynchronized(node);
                    }

                    _live = _live == connection ? null : _live;
                }
            }

            if (sent)
            {
                Interlocked.Increment(ref _sent);
                node.Complete(null);
                continue;
            }

            if (isCancelled)
            {
                CompleteCancelled(node, token);
            }

            // The connection's end may have been reported before this one was back in the queue.
            FailUnsendable();
        }
    }

    private void FailUnsendable()
    {
        WriteNode? failed;
        WsSendFailure failure;
        lock (_lock)
        {
            // Asked and done under one lock: a connection that is ready by now must keep its place.
            if (_live is not null)
            {
                return;
            }

            failure = _closing ? WsSendFailure.Stopped : WsSendFailure.Disconnected;
            failed = SetOfflineUnsynchronized();
        }

        FinishAll(failed, failure);
    }

    /// <summary>Takes out what may not wait for the next connection.</summary>
    private WriteNode? SetOfflineUnsynchronized()
    {
        _live = null;
        _drained?.TrySetResult();
        WriteNode? failed = null;
        while (_last is { } node && (_closing || _count > options.OfflineQueueCount))
        {
            // The newest go first: what waited longest keeps its place.
            RemoveUnsynchronized(node);
            node.Next = failed;
            failed = node;
        }

        return failed;
    }

    /// <summary>Takes out what waited too long.</summary>
    private WriteNode? TakeExpiredUnsynchronized(long now)
    {
        WriteNode? expired = null;
        WriteNode? last = null;
        for (WriteNode? node = _first; node is not null;)
        {
            WriteNode? next = node.Next;
            if (now >= node.Deadline)
            {
                RemoveUnsynchronized(node);
                _ = last is null ? expired = node : last.Next = node;
                last = node;
            }

            node = next;
        }

        return expired;
    }

    private void AppendUnsynchronized(WriteNode node)
    {
        node.Queue = this;
        node.Previous = _last;
        node.Next = null;
        _ = _last is null ? _first = node : _last.Next = node;
        _last = node;
        _count++;
        Volatile.Write(ref _pending, _pending + 1);
    }

    private void PutBackUnsynchronized(WriteNode node)
    {
        node.Queue = this;
        node.Previous = null;
        node.Next = _first;
        _ = _first is null ? _last = node : _first.Previous = node;
        _first = node;
        _count++;
    }

    private void RemoveUnsynchronized(WriteNode node, bool isInHand = false)
    {
        _ = node.Previous is null ? _first = node.Next : node.Previous.Next = node.Next;
        _ = node.Next is null ? _last = node.Previous : node.Next.Previous = node.Previous;
        node.Next = node.Previous = null;
        node.Queue = null;
        _count--;
        if (!isInHand)
        {
            CountOutUnsynchronized();
        }
    }

    private void CountOutUnsynchronized()
    {
        Volatile.Write(ref _pending, _pending - 1);
        if (_pending == 0)
        {
            _drained?.TrySetResult();
        }
    }
}
