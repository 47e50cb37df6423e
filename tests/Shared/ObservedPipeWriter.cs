using System.IO.Pipelines;

namespace PipeWs.Shared;

/// <summary>A PipeWriter that counts its flushes, and can hold them up as a transport does whose peer does not read.</summary>
internal sealed class ObservedPipeWriter(PipeWriter inner) : PipeWriter
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<bool>? _held;
    private int _flushes;
    private int _inFlush;

    /// <summary>How many times what was written was handed to the transport.</summary>
    public int Flushes => Volatile.Read(ref _flushes);

    /// <summary>Whether two threads were ever in a flush at once.</summary>
    public bool WasFlushedConcurrently { get; private set; }

    /// <summary>What a flush throws from now on.</summary>
    public Exception? FlushError { get; set; }

    /// <summary>From now on a flush does not complete before <see cref="Release"/>.</summary>
    public void Hold()
    {
        lock (_lock)
        {
            _held ??= new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Release() => Let(canceled: false, again: false);

    /// <summary>Lets the flush that is held up complete, and holds up the next.</summary>
    public void ReleaseOne() => Let(canceled: false, again: true);

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush()
    {
        Let(canceled: true, again: false);
        inner.CancelPendingFlush();
    }

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _flushes);
        if (FlushError is { } error)
        {
            return ValueTask.FromException<FlushResult>(error);
        }

        Task<bool>? held;
        lock (_lock)
        {
            held = _held?.Task;
        }

        if (held is not null)
        {
            return HeldFlushAsync(held, cancellationToken);
        }

        if (Interlocked.Exchange(ref _inFlush, 1) != 0)
        {
            WasFlushedConcurrently = true;
        }

        ValueTask<FlushResult> flush = inner.FlushAsync(cancellationToken);
        Volatile.Write(ref _inFlush, 0);
        return flush;
    }

    private async ValueTask<FlushResult> HeldFlushAsync(Task<bool> held, CancellationToken cancellationToken)
    {
        bool canceled = await held;
        return canceled ? new FlushResult(isCanceled: true, isCompleted: false) : await inner.FlushAsync(cancellationToken);
    }

    private void Let(bool canceled, bool again)
    {
        TaskCompletionSource<bool>? held;
        lock (_lock)
        {
            held = _held;
            _held = again ? new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        }

        held?.TrySetResult(canceled);
    }
}
