using System.IO.Pipelines;

namespace PipeWs.Testing;

/// <summary>Runs a pipe's callbacks on the thread pool, as a transport does, and knows whether any is still to run.</summary>
internal sealed class CountingScheduler : PipeScheduler
{
    private int _pending;
    private long _scheduled;

    /// <summary>How many callbacks wait or run.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>How many there ever were.</summary>
    public long Scheduled => Volatile.Read(ref _scheduled);

    public override void Schedule(Action<object?> action, object? state)
    {
        Interlocked.Increment(ref _pending);
        Interlocked.Increment(ref _scheduled);
        System.Threading.ThreadPool.UnsafeQueueUserWorkItem(Run, (Scheduler: this, Action: action, State: state), preferLocal: false);
    }

    private static void Run((CountingScheduler Scheduler, Action<object?> Action, object? State) work)
    {
        try
        {
            work.Action(work.State);
        }
        finally
        {
            Interlocked.Decrement(ref work.Scheduler._pending);
        }
    }
}
