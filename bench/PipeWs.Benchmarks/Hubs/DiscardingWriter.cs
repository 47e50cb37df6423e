using System.IO.Pipelines;

namespace PipeWs.Benchmarks.Hubs;

/// <summary>An output that forgets what is written: what is left is our own cost.</summary>
internal sealed class DiscardingWriter : PipeWriter
{
    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _written;

    internal long Flushes { get; private set; }

    public override void Advance(int bytes) => _written += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(Start(sizeHint));

    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(Start(sizeHint));

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Flushes++;
        _written = 0;
        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
    }

    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }

    private int Start(int sizeHint) => _buffer.Length - _written > Math.Max(sizeHint, 4096) ? _written : _written = 0;
}
