using System.Threading.Tasks.Sources;

namespace PipeWs.Client.Topics;

// The reader's wait.
internal sealed partial class TopicBuffer : IValueTaskSource<bool>
{
    private ManualResetValueTaskSourceCore<bool> _waiter = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private bool _waiting;

    /// <summary>Waits for a message; false at the end.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken)
    {
        short token;
        lock (_lock)
        {
            if (_first is not null)
            {
                return new ValueTask<bool>(true);
            }

            if (_completed)
            {
                return _error is null ? new ValueTask<bool>(false) : ValueTask.FromException<bool>(_error);
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<bool>(cancellationToken);
            }

            if (_waiting)
            {
                throw new InvalidOperationException("One reader waits at a time.");
            }

            _waiter.Reset();
            _waiting = true;
            token = _waiter.Version;
        }

        // A cancellation that comes at once ends the wait that has just begun; one that comes late finds none.
        _cancellation = cancellationToken.UnsafeRegister(static (state, cancelled) => ((TopicBuffer)state!).Cancel(cancelled), this);
        return new ValueTask<bool>(this, token);
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        // Waits for a cancellation that is running, so that none can meet the next wait.
        _cancellation.Dispose();
        _cancellation = default;
        return _waiter.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancelled)
    {
        lock (_lock)
        {
            if (!TryEndWait())
            {
                return;
            }
        }

        _waiter.SetException(new OperationCanceledException(cancelled));
    }

    private bool TryEndWait()
    {
        bool waiting = _waiting;
        _waiting = false;
        return waiting;
    }
}
