using System.IO.Pipelines;

namespace PipeWs.Shared;

/// <summary>A PipeReader that tells whether its reader has looked at all that was written and waits for more.</summary>
internal sealed class ObservedPipeReader(PipeReader inner) : PipeReader
{
    private readonly Lock _lock = new();
    private ValueTask<ReadResult>? _pending;

    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _pending is { IsCompleted: false };
            }
        }
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
        inner.Complete(exception);
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        lock (_lock)
        {
            _pending = read;
        }

        return read;
    }

    public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

    private void Forget()
    {
        lock (_lock)
        {
            _pending = null;
        }
    }
}
