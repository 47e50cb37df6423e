using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace PipeWs.Transport.Connections;

// How a read that waits is awaited. A reader that belongs on the loop and waits elsewhere, because what it awaited before went on elsewhere, goes on on the loop even where the bytes come
// between its asking and its waiting.
internal sealed partial class LoopReader
{
    private static readonly Action<object?> s_goToLoop = static reader => ((LoopReader)reader!).GoToLoop();

    private Action<object?>? _continuation;
    private object? _continuationState;

    private bool BelongsElsewhere => _connection.StaysOnLoop && !_connection.Loop.IsOnLoop;

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        ReadResult result = _waiter.GetResult(token);

        // The reader was completed between the read's completion and this: the bytes have gone back, and may be another connection's.
        return _isCompleted ? new ReadResult(default, isCanceled: true, isCompleted: false) : result;
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token)
    {
        ValueTaskSourceStatus status = _waiter.GetStatus(token);
        return status == ValueTaskSourceStatus.Succeeded && BelongsElsewhere ? ValueTaskSourceStatus.Pending : status;
    }

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (BelongsElsewhere && !HasContext(flags))
        {
            (_continuation, _continuationState) = (continuation, state);
            _waiter.OnCompleted(s_goToLoop, this, token, ValueTaskSourceOnCompletedFlags.None);
        }
        else
        {
            _waiter.OnCompleted(continuation, state, token, flags);
        }
    }

    /// <summary>Whether whoever waits wants to go on in a context of its own.</summary>
    private static bool HasContext(ValueTaskSourceOnCompletedFlags flags) =>
        (flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0
        || ((flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0 && (SynchronizationContext.Current is not null || TaskScheduler.Current != TaskScheduler.Default));

    private void GoToLoop()
    {
        (Action<object?> continuation, object? state) = (_continuation!, _continuationState);
        (_continuation, _continuationState) = (null, null);
        if (_connection.Loop.IsOnLoop)
        {
            continuation(state);
        }
        else
        {
            _connection.Loop.Schedule(continuation, state);
        }
    }
}
