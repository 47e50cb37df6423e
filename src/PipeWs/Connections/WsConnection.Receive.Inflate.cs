using System.Buffers;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Compressed messages: inflated as their bytes come, into room that never exceeds what a message may have, so that a bomb ends at its limit, and text at its first wrong byte.
public sealed partial class WsConnection
{
    private static readonly ProtocolError s_notDeflate = new(CloseCode.InvalidPayloadData, "the message is not deflate, or not all of it (RFC 7692, 7.2.2)");

    /// <summary>Of a message in parts: how many bytes are inflated at a time, which say 1,032 times as many at most.</summary>
    private const int InflatedPieceBytes = 4 * 1024;

    private static readonly ProtocolError s_saysNothing = new(CloseCode.PolicyViolation, "too many compressed bytes that say nothing");

    /// <summary>What a fragment that says nothing, and does not end the message, counts at least.</summary>
    private const int LeastSilentFragmentBytes = 64;

    /// <summary>
    /// How many compressed bytes may come one after the other that say nothing, whoever takes the message: 64 KiB, or 1,024 fragments, and what ends the message. Empty blocks without end are
    /// no memory, but work that no limit on messages sees.
    /// </summary>
    private const int MaxSilentBytes = (1025 * LeastSilentFragmentBytes) - 1;

    /// <summary>What of a fragment that says something does not count into <see cref="MaxDeflatedBytes"/>: a part of one byte, flushed, is 7 compressed.</summary>
    private const int FreeFragmentBytes = 16;

    // Of the message under way.
    private bool _isDeflated;
    /// <summary>Of a message in parts: whether its room was used up before all was said that the bytes so far say.</summary>
    private bool _inflatesOn;

    /// <summary>Of a message in parts: how large a part becomes by inflating, in bytes.</summary>
    private const int InflatedPartBytes = 16 * 1024;

    private long MaxMessageBytes => Math.Min(_options.MaxMessageBytes, Array.MaxLength - 1);

    /// <summary>How many compressed bytes became the message or part that is with the receiver, those before it that became nothing included; 0 where it came as it is.</summary>
    internal long DeflatedPayloadBytes => _compression?.Received.PayloadBytes ?? 0;

    /// <summary>
    /// The most a message may have compressed, but for <see cref="FreeFragmentBytes"/> of each fragment. What bounds memory is <see cref="MaxMessageBytes"/>; but no honest peer makes
    /// messages twice as long by compressing.
    /// </summary>
    private long MaxDeflatedBytes => (2 * MaxMessageBytes) + (64 * 1024);

    /// <summary>Uses what there is of the compressed payload of the frame under way.</summary>
    private ReceiveStep ReadDeflatedPayload(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast)
    {
        payload = default;
        isFirst = isLast = false;
        if (!_inflatesOn && (_frameRemaining > 0 ? buffer.IsEmpty : !_frameFin))
        {
            // A header alone says nothing: until there is a byte, neither an inflater nor room is taken.
            return ReceiveStep.NeedMore;
        }

        ProtocolError error = _inParts ? InflatePart(ref buffer) : InflateAll(ref buffer);
        bool ends = _frameRemaining == 0 && _frameFin && !_inflatesOn;
        if (!error.IsError && ends)
        {
            error = EndInflated();
        }

        if (error.IsError)
        {
            return FailStep(error);
        }

        if (_inParts)
        {
            payload = Partial.Assembly.Message;
            ReceiveStep step = EndPart(ends, payload.IsEmpty, out isFirst, out isLast);
            if (step == ReceiveStep.Part)
            {
                EndDeflatedPayload();
            }

            return step;
        }

        if (!ends)
        {
            return ReceiveStep.NeedMore;
        }

        _inMessage = false;
        payload = Partial.Assembly.Message;
        EndDeflatedPayload();
        return ReceiveStep.Message;
    }

    private void BeginDeflatedMessage() => _compression!.Received = default;

    /// <summary>A fragment begins that is not empty.</summary>
    private void BeginDeflatedFragment(long length, bool fin)
    {
        _compression!.Received.SilentBytes += fin ? 0 : Math.Max(0, LeastSilentFragmentBytes - length);
        _compression.Received.FragmentCredit = (int)Math.Min(length, FreeFragmentBytes);
    }

    private void EndDeflatedPayload()
    {
        ref InflatedCounts received = ref _compression!.Received;
        received.PayloadBytes = received.UsedBytes;
        received.UsedBytes = 0;
    }

    private ProtocolError EndInflated()
    {
        bool isWhole = _compression!.Inflater.TryEndMessage();
        _compression.EndReceived(isWhole);
        return !isWhole ? s_notDeflate : _messageType == WsMessageType.Text && !Partial.Utf8.IsComplete ? s_notUtf8 : default;
    }

    private ProtocolError InflateAll(ref ReadOnlySequence<byte> buffer)
    {
        long length = Math.Min(_frameRemaining, buffer.Length);
        foreach (ReadOnlyMemory<byte> segment in buffer.Slice(0, length))
        {
            ReadOnlySpan<byte> rest = segment.Span;
            Unmask(rest, Partial.FrameKey, Partial.FrameOffset);
            Partial.FrameOffset = (Partial.FrameOffset + rest.Length) & 3;
            InflateStatus status;
            do
            {
                long left = MaxMessageBytes - _compression!.Received.InflatedBytes;
                ProtocolError error = left > 0
                    ? InflateInto(ref rest, Partial.Assembly.GetRoom(GuessInflatedBytes(rest.Length)), left, out status)
                    : InflateBeyond(ref rest, out status);
                if (error.IsError)
                {
                    return error;
                }
            }
            while (status == InflateStatus.NeedsRoom);
        }

        _frameRemaining -= length;
        buffer = buffer.Slice(length);
        return default;
    }

    private ProtocolError InflatePart(ref ReadOnlySequence<byte> buffer)
    {
        // What the inflater does not use now is masked again, as it came: it is still the transport's.
        ReadOnlySpan<byte> piece = FirstBytesOf(buffer);
        piece = piece[..(int)Math.Min(Math.Min(piece.Length, InflatedPieceBytes), _frameRemaining)];
        Unmask(piece, Partial.FrameKey, Partial.FrameOffset);
        ReadOnlySpan<byte> rest = piece;
        ProtocolError error = InflateInto(ref rest, Partial.Assembly.GetRoom(InflatedPartBytes), long.MaxValue, out InflateStatus status);
        _inflatesOn = !error.IsError && status == InflateStatus.NeedsRoom;
        int used = piece.Length - rest.Length;
        Partial.FrameOffset = (Partial.FrameOffset + used) & 3;
        Unmask(rest, Partial.FrameKey, Partial.FrameOffset);
        _frameRemaining -= used;
        buffer = buffer.Slice(used);
        return error;
    }

    /// <summary>The first segment may be empty, even of a sequence that is not.</summary>
    private static ReadOnlySpan<byte> FirstBytesOf(in ReadOnlySequence<byte> buffer)
    {
        SequencePosition position = buffer.Start;
        ReadOnlyMemory<byte> segment;
        while (buffer.TryGet(ref position, out segment) && segment.IsEmpty)
        {
        }

        return segment.Span;
    }

    /// <summary>Text becomes about a quarter by compressing; whatever becomes less is found to need more room.</summary>
    private static int GuessInflatedBytes(int deflatedBytes) => (int)Math.Clamp(4L * deflatedBytes, 1024, 64 * 1024);

    private ProtocolError InflateInto(ref ReadOnlySpan<byte> source, Span<byte> room, long maxBytes, out InflateStatus status)
    {
        room = room[..(int)Math.Min(room.Length, maxBytes)];
        ProtocolError error = Inflate(ref source, room, out int written, out status);
        if (_messageType == WsMessageType.Text && !Partial.Utf8.Append(room[..written]))
        {
            return s_notUtf8;
        }

        Partial.Assembly.Advance(written);
        return error;
    }

    /// <summary>A message that is as large as it may be is over, or says one byte more: for which the room would be twice what there is.</summary>
    private ProtocolError InflateBeyond(ref ReadOnlySpan<byte> source, out InflateStatus status)
    {
        Span<byte> room = stackalloc byte[1];
        ProtocolError error = Inflate(ref source, room, out int written, out status);
        return written > 0 ? s_tooBig : error;
    }

    private ProtocolError Inflate(ref ReadOnlySpan<byte> source, scoped Span<byte> room, out int written, out InflateStatus status)
    {
        status = _compression!.Inflater.Inflate(source, room, out int consumed, out written);
        source = source[consumed..];
        _compression.CountInflated(consumed, written);
        ref InflatedCounts received = ref _compression.Received;
        received.InflatedBytes += written;
        received.UsedBytes += consumed;
        if (written > 0)
        {
            received.SilentBytes = 0;
            Partial.MessageBytes -= received.FragmentCredit;
            received.FragmentCredit = 0;
        }
        else
        {
            received.SilentBytes += consumed;
        }

        return status == InflateStatus.Invalid ? s_notDeflate : received.SilentBytes > MaxSilentBytes ? s_saysNothing : default;
    }
}
