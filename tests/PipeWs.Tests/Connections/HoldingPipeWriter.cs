using System.IO.Pipelines;
using System.Runtime.InteropServices;

namespace PipeWs.Tests.Connections;

/// <summary>
/// An output that copies nothing of what is written with its flush, and reads it only when the test lets the flush end: whoever gives the bytes away before is found out.
/// </summary>
internal sealed class HoldingPipeWriter : PipeWriter
{
    private readonly byte[] _gathered = new byte[4 * 1024 * 1024];
    private readonly MemoryStream _sent = new();
    private TaskCompletionSource<FlushResult>? _flush;
    private ReadOnlyMemory<byte> _direct;
    private int _length;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _length;

    /// <summary>What has left.</summary>
    public byte[] Sent => _sent.ToArray();

    /// <summary>How many flushes have begun, whether there was something behind them or not.</summary>
    public int Flushes { get; private set; }

    /// <summary>What was written with the flush under way, where it lies.</summary>
    public ReadOnlyMemory<byte> Direct => _direct;

    public bool IsFlushing => _flush is not null;

    /// <summary>What the next flush fails with.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Lets the flush under way end.</summary>
    public void End(bool isCompleted = false)
    {
        _sent.Write(_gathered, 0, _length);
        _sent.Write(_direct.Span);
        _length = 0;
        _direct = default;
        TaskCompletionSource<FlushResult> flush = _flush!;
        _flush = null;

        // Whoever waits goes on here and now.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        flush.SetResult(new FlushResult(isCanceled: false, isCompleted));
        SynchronizationContext.SetSynchronizationContext(context);
    }

    /// <summary>Whether what is under way is a piece of this array.</summary>
    public bool IsDirectFrom(byte[] array) => MemoryMarshal.TryGetArray(_direct, out ArraySegment<byte> segment) && ReferenceEquals(segment.Array, array);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _gathered.AsMemory(_length);

    public override Span<byte> GetSpan(int sizeHint = 0) => _gathered.AsSpan(_length);

    public override void Advance(int bytes) => _length += bytes;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => WriteAsync(default, cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (Failure is not null)
        {
            throw Failure;
        }

        Assert.Null(_flush);
        Flushes++;
        _direct = source;
        _flush = new TaskCompletionSource<FlushResult>();
        return new ValueTask<FlushResult>(_flush.Task);
    }

    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }
}
