using System.IO.Pipelines;

namespace PipeWs;

// What is not copied into the transport's buffer: a large frame that leaves alone, and a large lent payload after its first flush. Their bytes are the connection's until the flush has
// ended; a transport that cannot send them at once copies them, or keeps the flush waiting. With the turn.
public sealed partial class WsConnection
{
    /// <summary>The frame that leaves with the next flush from where it lies; held until that has ended.</summary>
    private WsFrame? _uncopied;

    /// <summary>How much of it has been handed over: as much as is flushed at a time, so that a peer which takes it slowly is seen to take it. Not 0 only while some of it has yet to leave.</summary>
    private int _uncopiedBytesTaken;

    /// <summary>How much of the lent payload leaves with the next flush from where it lies.</summary>
    private int _directLentBytes;

    private static ReadOnlyMemory<byte> FirstLent(OutboundNode node)
    {
        // The first segment may be empty, even of a sequence that is not.
        SequencePosition position = node.Rest.Start;
        ReadOnlyMemory<byte> segment;
        while (node.Rest.TryGet(ref position, out segment) && segment.IsEmpty)
        {
        }

        return segment;
    }

    /// <summary>Hands over what was written, with what is to leave from where it lies behind it.</summary>
    private ValueTask<FlushResult> FlushOutput()
    {
        if (_uncopied is { } frame)
        {
            ReadOnlyMemory<byte> bytes = frame.Memory.Slice(_uncopiedBytesTaken, Math.Min(frame.Length - _uncopiedBytesTaken, _options.FlushBytes));
            _uncopiedBytesTaken += bytes.Length;
            return _output.WriteAsync(bytes);
        }

        if (_directLentBytes > 0)
        {
            // The one that was being written is still the first.
            OutboundNode node = _inbox!;
            ReadOnlyMemory<byte> piece = FirstLent(node)[.._directLentBytes];
            _directLentBytes = 0;
            node.Rest = node.Rest.Slice(piece.Length);
            return _output.WriteAsync(piece);
        }

        return _output.FlushAsync();
    }

    /// <summary>The flush has ended, or there will be none.</summary>
    private void ReleaseUncopied()
    {
        if (_uncopied is { } frame)
        {
            _uncopied = null;
            _uncopiedBytesTaken = 0;
            frame.Release();
        }
    }
}
