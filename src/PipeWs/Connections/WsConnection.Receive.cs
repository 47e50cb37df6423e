using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Bytes to messages. Whatever of a frame is in the transport's buffer is used at once: a whole frame is handed on where it lies, unmasked in place;
// what came of an incomplete one is unmasked, judged and moved to the assembled message, so that no frame is too large for the pipe, text fails at its
// first wrong byte, and memory follows the bytes that came, not the length that was announced.
public sealed partial class WsConnection
{
    private static readonly ProtocolError s_tooBig = new(CloseCode.MessageTooBig, "the message is larger than is accepted here");
    private static readonly ProtocolError s_notUtf8 = new(CloseCode.InvalidPayloadData, "the text is not valid UTF-8 (RFC 6455, 8.1)");
    private static readonly ProtocolError s_emptyFragments = new(CloseCode.PolicyViolation, "too many empty fragments in one message");
    private static readonly ProtocolError s_stalled = new(CloseCode.PolicyViolation, "half a frame, then silence");
    private static readonly ProtocolError s_handlerFailed = new(CloseCode.InternalError, "the message could not be handled");

    // Of the message under way.
    private MessageAssembler _assembly;
    private Utf8Validator _utf8;
    private long _messageBytes;
    private int _emptyFragments;
    private WsMessageType _messageType;
    private bool _inMessage;
    private bool _inParts;
    private bool _partIsFirst;

    // Of the frame whose payload is under way.
    private long _frameRemaining;
    private int _frameOffset;
    private uint _frameKey;
    private bool _frameFin;

    private Exception? _handlerException;

    /// <summary>Set by the loop, read and cleared by the heartbeat, which alone looks at the clock.</summary>
    private volatile bool _receivedSinceTick;
    private volatile bool _stopReading;
    private volatile bool _insideFrame;
    private volatile bool _inReceiver;

    private enum ReceiveStep
    {
        NeedMore,
        Control,
        Message,
        Part,
        End,
    }

    private enum BatchEnd
    {
        NeedMore,
        AwaitReceiver,
        AwaitBacklog,
        End,
    }

    private async Task ReceiveAsync(WsReceiver receiver)
    {
        try
        {
            while (true)
            {
                ReadResult result = await _input.ReadAsync();
                ReadOnlySequence<byte> buffer = result.Buffer;
                if (IsAborted || _stopReading)
                {
                    _input.AdvanceTo(buffer.End);
                    return;
                }

                if (!buffer.IsEmpty)
                {
                    _receivedSinceTick = true;
                }

                BatchEnd end;
                while ((end = ReadBatch(ref buffer, receiver, out ValueTask handled)) != BatchEnd.NeedMore)
                {
                    if (end == BatchEnd.AwaitReceiver)
                    {
                        bool failed = await FailedAsync(handled);
                        _inReceiver = false;
                        if (!failed)
                        {
                            _assembly.Release();
                            continue;
                        }
                    }
                    else if (end == BatchEnd.AwaitBacklog)
                    {
                        // The peer asks and does not read: stop reading rather than grow.
                        _insideFrame = false;
                        await WaitToReadAsync();
                        continue;
                    }

                    _input.AdvanceTo(buffer.End);
                    return;
                }

                _insideFrame = !buffer.IsEmpty || _frameRemaining > 0;
                _input.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                {
                    SetTransportEnded(null);
                    return;
                }
            }
        }
        finally
        {
            _inReceiver = false;
            _assembly.Release();
        }
    }

    /// <summary>
    /// Handles what is in the buffer, until its end or until something must be waited for. The receiver may run on and publish; what it causes leaves
    /// at the batch's end, before anything is waited for, and whatever is thrown.
    /// </summary>
    private BatchEnd ReadBatch(ref ReadOnlySequence<byte> buffer, WsReceiver receiver, out ValueTask handled)
    {
        handled = default;
        WsConnection? outer = WsBatch.Enter(this);
        try
        {
            while (true)
            {
                if (IsReadingHeldUp)
                {
                    return BatchEnd.AwaitBacklog;
                }

                ReceiveStep step = ReadStep(ref buffer, receiver, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast);
                switch (step)
                {
                    case ReceiveStep.NeedMore:
                        return BatchEnd.NeedMore;
                    case ReceiveStep.End:
                        return BatchEnd.End;
                    case ReceiveStep.Control:
                        continue;
                }

                _inReceiver = true;
                handled = Deliver(receiver, step, payload, isFirst, isLast);
                if (!handled.IsCompletedSuccessfully)
                {
                    return BatchEnd.AwaitReceiver;
                }

                handled.GetAwaiter().GetResult();
                _inReceiver = false;
                _assembly.Release();
            }
        }
        finally
        {
            ReleaseLoopTurn();
            WsBatch.Leave(outer);
        }
    }

    private ValueTask Deliver(WsReceiver receiver, ReceiveStep step, in ReadOnlySequence<byte> payload, bool isFirst, bool isLast)
    {
        if (IsClosing)
        {
            // The closing handshake began here: what still comes is read for its control frames alone.
            return default;
        }

        try
        {
            return step == ReceiveStep.Message
                ? receiver.OnMessageAsync(_messageType, payload)
                : receiver.OnPartAsync(new WsMessagePart(_messageType, payload, isFirst, isLast));
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FailedAsync(ValueTask handled)
    {
        try
        {
            await handled;
            return false;
        }
        catch (Exception e) when (IsClosing && e is OperationCanceledException or WsClosedException)
        {
            // Not a failure but how a receiver gives up when the connection ends under it; the peer's close frame is still to be read.
            return false;
        }
        catch (Exception e)
        {
            _handlerException = e;
            Fail(s_handlerFailed);
            return true;
        }
    }

    /// <summary>Takes the next step that the buffered bytes allow, and cuts what it used off the buffer.</summary>
    private ReceiveStep ReadStep(ref ReadOnlySequence<byte> buffer, WsReceiver receiver, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast)
    {
        payload = default;
        isFirst = isLast = false;
        while (true)
        {
            if (_frameRemaining > 0)
            {
                if (buffer.IsEmpty)
                {
                    return ReceiveStep.NeedMore;
                }
            }
            else
            {
                if (!TryReadHeader(buffer, out FrameHeader header, out ProtocolError error))
                {
                    return error.IsError ? FailStep(error) : ReceiveStep.NeedMore;
                }

                if (header.IsControl)
                {
                    return ReadControl(ref buffer, header);
                }

                error = BeginDataFrame(header, receiver);
                if (error.IsError)
                {
                    return FailStep(error);
                }

                long length = (long)header.PayloadLength;
                buffer = buffer.Slice(header.Length);
                if (header.Fin && !_inMessage && !_inParts && buffer.Length >= length)
                {
                    return ReadWholeMessage(ref buffer, header, length, out payload);
                }

                _inMessage = true;
                _frameRemaining = length;
                _frameOffset = 0;
                _frameKey = header.MaskingKey;
                _frameFin = header.Fin;
            }

            ReceiveStep step = ReadPayload(ref buffer, out payload, out isFirst, out isLast);
            if (step != ReceiveStep.NeedMore)
            {
                return step;
            }
        }
    }

    /// <summary>Reads and judges the header, as early as its bytes allow. False with no error where more are needed.</summary>
    private bool TryReadHeader(in ReadOnlySequence<byte> buffer, out FrameHeader header, out ProtocolError error)
    {
        scoped ReadOnlySpan<byte> bytes = buffer.FirstSpan;
        Span<byte> scratch = stackalloc byte[FrameHeader.MaxLength];
        if (bytes.Length < FrameHeader.MaxLength && !buffer.IsSingleSegment)
        {
            int length = (int)Math.Min(FrameHeader.MaxLength, buffer.Length);
            buffer.Slice(0, length).CopyTo(scratch);
            bytes = scratch[..length];
        }

        error = default;
        bool whole = FrameHeader.TryRead(bytes, out header);
        if (!whole && !FrameHeader.TryReadStart(bytes, out header))
        {
            return false;
        }

        error = FrameRules.CheckStart(header, _isServer, _inMessage, allowRsv1: false);
        if (whole && !error.IsError)
        {
            error = FrameRules.CheckLength(header);
        }

        return whole && !error.IsError;
    }

    private ProtocolError BeginDataFrame(in FrameHeader header, WsReceiver receiver)
    {
        if (header.Opcode != Opcode.Continuation)
        {
            _messageType = header.Opcode == Opcode.Text ? WsMessageType.Text : WsMessageType.Binary;
            _messageBytes = 0;
            _emptyFragments = 0;
            _utf8.Reset();
            try
            {
                _inParts = _partIsFirst = receiver.ReceivesParts(_messageType);
            }
            catch (Exception e)
            {
                _handlerException = e;
                return s_handlerFailed;
            }
        }

        if (header.PayloadLength == 0)
        {
            return header.Fin || ++_emptyFragments <= _options.MaxEmptyFragments ? default : s_emptyFragments;
        }

        if (_inParts)
        {
            return default;
        }

        // Both are at most long.MaxValue, so the difference cannot overflow where the sum could.
        if ((long)header.PayloadLength > Math.Min(_options.MaxMessageBytes, Array.MaxLength) - _messageBytes)
        {
            return s_tooBig;
        }

        _messageBytes += (long)header.PayloadLength;
        return default;
    }

    private ReceiveStep ReadWholeMessage(ref ReadOnlySequence<byte> buffer, in FrameHeader header, long length, out ReadOnlySequence<byte> payload)
    {
        payload = buffer.Slice(0, length);
        buffer = buffer.Slice(length);
        bool valid;
        if (payload.IsSingleSegment)
        {
            ReadOnlySpan<byte> span = payload.FirstSpan;
            Unmask(span, header.MaskingKey, 0);
            valid = _messageType != WsMessageType.Text || Utf8Validator.IsValid(span);
        }
        else
        {
            valid = UnmaskAndValidate(payload, header.MaskingKey, 0) && (_messageType != WsMessageType.Text || _utf8.IsComplete);
        }

        return valid ? ReceiveStep.Message : FailStep(s_notUtf8);
    }

    /// <summary>Uses what there is of the payload of the frame under way.</summary>
    private ReceiveStep ReadPayload(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast)
    {
        long length = Math.Min(_frameRemaining, buffer.Length);
        payload = buffer.Slice(0, length);
        buffer = buffer.Slice(length);
        isFirst = isLast = false;
        if (length > 0)
        {
            if (!UnmaskAndValidate(payload, _frameKey, _frameOffset))
            {
                return FailStep(s_notUtf8);
            }

            _frameRemaining -= length;
            _frameOffset = (int)((_frameOffset + length) & 3);
        }

        bool ends = _frameRemaining == 0 && _frameFin;
        if (ends && _messageType == WsMessageType.Text && !_utf8.IsComplete)
        {
            return FailStep(s_notUtf8);
        }

        if (_inParts)
        {
            if (length == 0 && !ends)
            {
                return ReceiveStep.NeedMore;
            }

            isFirst = _partIsFirst;
            isLast = ends;
            _partIsFirst = false;
            _inMessage = _inParts = !ends;
            return ReceiveStep.Part;
        }

        _assembly.Append(payload);
        if (!ends)
        {
            return ReceiveStep.NeedMore;
        }

        _inMessage = false;
        payload = _assembly.Message;
        return ReceiveStep.Message;
    }

    private bool UnmaskAndValidate(in ReadOnlySequence<byte> payload, uint key, int offset)
    {
        foreach (ReadOnlyMemory<byte> segment in payload)
        {
            Unmask(segment.Span, key, offset);
            offset = (offset + segment.Length) & 3;
            if (_messageType == WsMessageType.Text && !_utf8.Append(segment.Span))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Unmasks in place, the one method that writes to what was read: only bytes that this call consumes, which nobody reads again.
    /// </summary>
    private void Unmask(ReadOnlySpan<byte> payload, uint key, int offset)
    {
        if (_isServer)
        {
            Masking.Apply(MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(payload), payload.Length), key, offset);
        }
    }

    private ReceiveStep ReadControl(ref ReadOnlySequence<byte> buffer, in FrameHeader header)
    {
        int length = (int)header.PayloadLength;
        if (buffer.Length < header.Length + length)
        {
            return ReceiveStep.NeedMore;
        }

        Span<byte> payload = stackalloc byte[FrameRules.MaxControlPayloadBytes];
        payload = payload[..length];
        buffer.Slice(header.Length, length).CopyTo(payload);
        if (header.Masked)
        {
            Masking.Apply(payload, header.MaskingKey);
        }

        buffer = buffer.Slice(header.Length + length);
        switch (header.Opcode)
        {
            case Opcode.Ping:
                SendControl(Opcode.Pong, payload);
                return ReceiveStep.Control;
            case Opcode.Pong:
                OnPong(payload);
                return ReceiveStep.Control;
            default:
                return ReadClose(payload);
        }
    }

    private ReceiveStep ReadClose(ReadOnlySpan<byte> payload)
    {
        ProtocolError error = ClosePayload.Read(payload, out ushort code, out string reason);
        if (error.IsError)
        {
            return FailStep(error);
        }

        OnCloseReceived(code, reason);
        return ReceiveStep.End;
    }

    private ReceiveStep FailStep(in ProtocolError error)
    {
        Fail(error);
        return ReceiveStep.End;
    }
}
