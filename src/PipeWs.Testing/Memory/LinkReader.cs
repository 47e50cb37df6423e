using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace PipeWs.Testing;

/// <summary>The reading end of one direction of a <see cref="MemoryLink"/>: it knows whether its reader has looked at everything and waits for more, and breaks when the link does.</summary>
internal sealed class LinkReader(PipeReader inner) : PipeReader
{
    private readonly Lock _gate = new();
    private ValueTask<ReadResult>? _pending;
    private Exception? _broken;
    private long _reads;

    /// <summary>Whether the reader waits for bytes that have not been sent.</summary>
    public bool IsWaiting
    {
        get
        {
            lock (_gate)
            {
                return _pending is { IsCompleted: false };
            }
        }
    }

    /// <summary>How many reads there ever were.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>Whether there is no reader any more.</summary>
    public bool IsCompleted { get; private set; }

    /// <summary>From now on reading fails, and a read that waits is woken to see it.</summary>
    public void Break(Exception error)
    {
        lock (_gate)
        {
            _broken ??= error;
        }

        inner.CancelPendingRead();
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _reads);
        ThrowIfBroken();
        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        lock (_gate)
        {
            _pending = read;
        }

        return read;
    }

    public override bool TryRead(out ReadResult result)
    {
        ThrowIfBroken();
        return inner.TryRead(out result);
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        Forget();
        inner.AdvanceTo(consumed);
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        Forget();
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        Forget();
        IsCompleted = true;
        inner.Complete(exception);
    }

    private void ThrowIfBroken()
    {
        if (_broken is { } broken)
        {
            throw new ConnectionAbortedException(broken.Message, broken);
        }
    }

    private void Forget()
    {
        lock (_gate)
        {
            _pending = null;
        }
    }
}
