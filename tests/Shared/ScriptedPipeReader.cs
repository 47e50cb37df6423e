using System.Buffers;
using System.IO.Pipelines;

namespace PipeWs.Shared;

/// <summary>
/// A PipeReader whose reads are decided beforehand and complete at once, so that whoever reads from it runs to the end on the test's own thread. One read adds a piece;
/// after the last one comes the transport's end.
/// </summary>
/// <param name="bytes">All that will be read; copied, since a connection unmasks in place.</param>
/// <param name="pieces">How many bytes each read adds.</param>
/// <param name="endsWithBytes">Whether the last read says that it is the last, rather than a further, empty one.</param>
internal sealed class ScriptedPipeReader(ReadOnlySpan<byte> bytes, int[] pieces, bool endsWithBytes) : PipeReader
{
    private SequencePosition _start = Cuts.Sequence(bytes, pieces).Start;
    private Cuts.Piece? _end;
    private int _next;
    private long _available;
    private long _consumed;
    private long _examined = -1;
    private bool _isCanceled;

    /// <summary>How many bytes the reader took.</summary>
    public long ConsumedBytes => _consumed;

    public override bool TryRead(out ReadResult result)
    {
        if (_isCanceled)
        {
            _isCanceled = false;
            result = new ReadResult(Buffer(), isCanceled: true, isCompleted: false);
            return true;
        }

        bool isCompleted = false;
        if (_examined >= _available || _next == 0)
        {
            if (_next < pieces.Length)
            {
                _available += pieces[_next];
                _end = (Cuts.Piece)(_end ?? First).Next!;
            }
            else
            {
                isCompleted = true;
            }

            _next++;
        }

        result = new ReadResult(Buffer(), isCanceled: false, isCompleted || (endsWithBytes && _next >= pieces.Length));
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        TryRead(out ReadResult result);
        return new ValueTask<ReadResult>(result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long consumedTo = Offset(consumed);
        long examinedTo = Offset(examined);
        if (consumedTo < _consumed || examinedTo < consumedTo || examinedTo > _available)
        {
            throw new InvalidOperationException($"Advanced to {consumedTo} and {examinedTo} of the bytes from {_consumed} to {_available}.");
        }

        _start = consumed;
        _consumed = consumedTo;
        _examined = examinedTo;
    }

    public override void CancelPendingRead() => _isCanceled = true;

    public override void Complete(Exception? exception = null)
    {
    }

    private static long Offset(SequencePosition position) =>
        ((Cuts.Piece)position.GetObject()!).RunningIndex + position.GetInteger();

    private Cuts.Piece First => (Cuts.Piece)_start.GetObject()!;

    private ReadOnlySequence<byte> Buffer()
    {
        Cuts.Piece end = _end ?? First;
        return new ReadOnlySequence<byte>(First, _start.GetInteger(), end, end.Memory.Length);
    }
}
