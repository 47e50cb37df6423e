using System.Buffers;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// One step of the receive loop: a header, a control frame, a whole message where it lies, or as much of a payload as there is.
public sealed partial class WsConnection
{
    /// <summary>Takes the next step that the buffered bytes allow, and cuts what it used off the buffer.</summary>
    private ReceiveStep ReadStep(ref ReadOnlySequence<byte> buffer, WsReceiver receiver, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast)
    {
        payload = default;
        isFirst = isLast = false;
        while (true)
        {
            if (_frameRemaining > 0)
            {
                if (buffer.IsEmpty && !_inflatesOn)
                {
                    return ReceiveStep.NeedMore;
                }
            }
            else if (!_inflatesOn)
            {
                if (!TryReadHeader(buffer, out FrameHeader header, out ProtocolError error))
                {
                    return error.IsError ? FailStep(error) : ReceiveStep.NeedMore;
                }

                if (header.IsControl)
                {
                    return ReadControl(ref buffer, header, receiver);
                }

                error = BeginDataFrame(header, receiver);
                if (error.IsError)
                {
                    return FailStep(error);
                }

                long length = (long)header.PayloadLength;
                buffer = buffer.Slice(header.Length);
                if (header.Fin && !_inMessage && !_inParts && !_isDeflated && buffer.Length >= length)
                {
                    return ReadWholeMessage(ref buffer, header, length, out payload);
                }

                _inMessage = true;
                _frameRemaining = length;
                Partial.FrameOffset = 0;
                Partial.FrameKey = header.MaskingKey;
                _frameFin = header.Fin;
            }

            ReceiveStep step = _isDeflated
                ? ReadDeflatedPayload(ref buffer, out payload, out isFirst, out isLast)
                : ReadPayload(ref buffer, out payload, out isFirst, out isLast);
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

        error = FrameRules.CheckStart(header, _isServer, _inMessage, allowRsv1: _compression is not null);
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
            _partial?.Begin();
            _isDeflated = header.Rsv != 0;
            if (_compression is not null)
            {
                BeginDeflatedMessage();
            }

            try
            {
                _inParts = _partIsFirst = receiver.ReceivesParts(_messageType);
            }
            catch (Exception e)
            {
                End.HandlerException = e;
                return s_handlerFailed;
            }
        }

        if (header.PayloadLength == 0)
        {
            return header.Fin || ++Partial.EmptyFragments <= _options.MaxEmptyFragments ? default : s_emptyFragments;
        }

        if (_isDeflated)
        {
            BeginDeflatedFragment((long)header.PayloadLength, header.Fin);
        }

        if (_inParts)
        {
            return default;
        }

        // Both are at most long.MaxValue, so the difference cannot overflow where the sum could.
        if ((long)header.PayloadLength > (_isDeflated ? MaxDeflatedBytes : MaxMessageBytes) - Partial.MessageBytes)
        {
            return s_tooBig;
        }

        Partial.MessageBytes += (long)header.PayloadLength;
        return default;
    }

    private ReceiveStep ReadWholeMessage(ref ReadOnlySequence<byte> buffer, in FrameHeader header, long length, out ReadOnlySequence<byte> payload)
    {
        payload = buffer.Slice(0, length);
        buffer = buffer.Slice(length);
        bool valid;
        if (payload.IsSingleSegment)
        {
            valid = UnmaskWhole(WritableOf(payload.FirstSpan), _messageType, header.MaskingKey);
        }
        else
        {
            valid = UnmaskAndValidate(payload, header.MaskingKey, 0) && (_messageType != WsMessageType.Text || Partial.Utf8.IsComplete);
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
            if (!(_inParts ? UnmaskAndValidate(payload, Partial.FrameKey, Partial.FrameOffset) : AssembleValid(payload)))
            {
                return FailStep(s_notUtf8);
            }

            _frameRemaining -= length;
            Partial.FrameOffset = (int)((Partial.FrameOffset + length) & 3);
        }

        bool ends = _frameRemaining == 0 && _frameFin;
        if (ends && _messageType == WsMessageType.Text && !Partial.Utf8.IsComplete)
        {
            return FailStep(s_notUtf8);
        }

        if (_inParts)
        {
            return EndPart(ends, length == 0, out isFirst, out isLast);
        }

        if (!ends)
        {
            return ReceiveStep.NeedMore;
        }

        _inMessage = false;
        payload = Partial.Assembly.Message;
        return ReceiveStep.Message;
    }

    private ReceiveStep EndPart(bool ends, bool isEmpty, out bool isFirst, out bool isLast)
    {
        isFirst = isLast = false;
        if (isEmpty && !ends)
        {
            return ReceiveStep.NeedMore;
        }

        isFirst = _partIsFirst;
        isLast = ends;
        _partIsFirst = false;
        _inMessage = _inParts = !ends;
        return ReceiveStep.Part;
    }

    private ReceiveStep ReadControl(ref ReadOnlySequence<byte> buffer, in FrameHeader header, WsReceiver receiver)
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
        _controlBytes = length;
        switch (header.Opcode)
        {
            case Opcode.Ping:
                SendControl(Opcode.Pong, payload);
                return ReceiveStep.Control;
            case Opcode.Pong:
                OnPong(payload, receiver);
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
