namespace PipeWs.Client.Receiving;

// Readers that wait.
internal sealed partial class ReadBuffer
{
    /// <summary>Waits for a message; false at the end.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<bool>(cancellationToken);
        }

        Task<bool>? other;
        lock (_readLock)
        {
            lock (_writeLock)
            {
                if (_outgoingCount + _incomingCount > 0)
                {
                    return ValueTask.FromResult(true);
                }

                if (_completed)
                {
                    return _error is null ? ValueTask.FromResult(false) : ValueTask.FromException<bool>(_error);
                }

                // The usual one reader costs nothing; where there are several the others share a task.
                if (_signal.TryUse())
                {
                    _readerWaits = true;
                    other = null;
                }
                else
                {
                    other = (_otherReaders ??= new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
                }
            }
        }

        if (other is not null)
        {
            return new ValueTask<bool>(other.WaitAsync(cancellationToken));
        }

        // Without the locks: a token that was cancelled meanwhile calls back at once.
        ValueTask<bool> signalled = _signal.AsValueTask();
        _signal.CancelWith(this, cancellationToken);
        return signalled;
    }

    /// <summary>The one reader that uses the signal waits no more.</summary>
    public void CancelWait(CancellationToken cancellationToken)
    {
        lock (_writeLock)
        {
            if (!_readerWaits)
            {
                return;
            }

            _readerWaits = false;
        }

        _signal.Set(false, new OperationCanceledException(cancellationToken));
    }
}
