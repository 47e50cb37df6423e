using System.Buffers;
using System.IO.Pipelines;

namespace PipeWs.Shared;

/// <summary>A PipeWriter that keeps all that is written and takes it at once.</summary>
internal sealed class RecordedPipeWriter : PipeWriter
{
    private readonly ArrayBufferWriter<byte> _written = new();
    private int _flushed;

    /// <summary>What was written and flushed.</summary>
    public ReadOnlySpan<byte> Flushed => _written.WrittenSpan[.._flushed];

    /// <summary>What a writer did not hand over before it completed.</summary>
    public int UnflushedCount => _written.WrittenCount - _flushed;

    public override void Advance(int bytes) => _written.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _written.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _written.GetSpan(sizeHint);

    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _flushed = _written.WrittenCount;
        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
    }
}
