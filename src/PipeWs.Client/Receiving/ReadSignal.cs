using System.Threading.Tasks.Sources;

namespace PipeWs.Client.Receiving;

/// <summary>What one reader waits on, used again for every wait.</summary>
internal sealed class ReadSignal : IValueTaskSource<bool>
{
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private int _used;

    /// <summary>Takes it for a wait; false where another reader has it.</summary>
    public bool TryUse() => Interlocked.Exchange(ref _used, 1) == 0;

    public ValueTask<bool> AsValueTask() => new(this, _core.Version);

    /// <summary>Lets the token end the wait under way.</summary>
    public void CancelWith(ReadBuffer buffer, CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static (state, token) => ((ReadBuffer)state!).CancelWait(token), buffer);
        }
    }

    public void Set(bool result, Exception? error)
    {
        if (error is null)
        {
            _core.SetResult(result);
        }
        else
        {
            _core.SetException(error);
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        // One that is not awaited must not be used again while it is still to be set.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The wait has not completed; await it.");
        }

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            // Waits for a callback that is under way, so that it cannot meet the next wait.
            _cancellation.Dispose();
            _cancellation = default;
            _core.Reset();
            Volatile.Write(ref _used, 0);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
