using System.Buffers;
using System.Net;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>Takes what a <see cref="FrameReader"/> found. Spans are valid during the call only.</summary>
internal interface IFrameSink
{
    /// <summary>A whole message.</summary>
    void OnMessage(Opcode type, ReadOnlySpan<byte> payload);

    /// <summary>A ping, pong or close.</summary>
    void OnControl(Opcode opcode, ReadOnlySpan<byte> payload);
}

/// <summary>
/// Finds the messages in a client's incoming bytes, however they are cut. What lies whole in the received bytes is not copied; of the rest, only one
/// frame's beginning and the fragments of one message are kept.
/// </summary>
internal sealed class FrameReader(IFrameSink sink, int maxMessageBytes)
{
    private byte[] _partial = [];
    private int _partialLength;
    private ArrayBufferWriter<byte>? _fragments;
    private Opcode _fragmentedType;
    private bool _inMessage;

    /// <summary>Frames read, control frames too.</summary>
    public long Frames { get; private set; }

    /// <summary>Takes the next bytes of the connection.</summary>
    /// <exception cref="ProtocolViolationException">The server broke RFC 6455, or sent more than the longest message that is expected.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_partialLength > 0)
            {
                bytes = bytes[Complete(bytes)..];
            }
            else if (TryRead(bytes, out FrameHeader header, out int frameLength))
            {
                Deliver(header, bytes[header.Length..frameLength]);
                bytes = bytes[frameLength..];
            }
            else
            {
                Keep(bytes, Math.Max(frameLength, FrameHeader.MaxLength));
                return;
            }
        }
    }

    // Adds to the partial frame no more than it lacks, first of its header and then of its payload.
    private int Complete(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> partial = _partial.AsSpan(0, _partialLength);
        int wanted = 2;
        if (TryRead(partial, out _, out int frameLength) || frameLength > 0)
        {
            wanted = frameLength;
        }
        else if (FrameHeader.TryReadStart(partial, out FrameHeader start))
        {
            wanted = start.Length;
        }

        int taken = Math.Min(wanted - _partialLength, bytes.Length);
        Keep(bytes[..taken], wanted);
        if (TryRead(_partial.AsSpan(0, _partialLength), out FrameHeader header, out frameLength))
        {
            _partialLength = 0;
            Deliver(header, _partial.AsSpan(header.Length, frameLength - header.Length));
        }

        return taken;
    }

    private void Keep(ReadOnlySpan<byte> bytes, int capacity)
    {
        if (_partial.Length < capacity)
        {
            Array.Resize(ref _partial, capacity);
        }

        bytes.CopyTo(_partial.AsSpan(_partialLength));
        _partialLength += bytes.Length;
    }

    // The frame's length is known, and not 0, as soon as its header is whole.
    private bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header, out int frameLength)
    {
        frameLength = 0;
        if (!FrameHeader.TryRead(bytes, out header))
        {
            return false;
        }

        ThrowIfError(FrameRules.CheckStart(header, isServer: false, _inMessage, allowRsv1: false));
        ThrowIfError(FrameRules.CheckLength(header));
        if (header.PayloadLength > (ulong)maxMessageBytes)
        {
            throw new ProtocolViolationException($"The server sent a frame of {header.PayloadLength} bytes; no message of this load is longer than {maxMessageBytes}.");
        }

        frameLength = header.Length + (int)header.PayloadLength;
        return bytes.Length >= frameLength;
    }

    private void Deliver(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Frames++;
        if (header.IsControl)
        {
            sink.OnControl(header.Opcode, payload);
        }
        else if (header.Fin && !_inMessage)
        {
            sink.OnMessage(header.Opcode, payload);
        }
        else
        {
            Assemble(header, payload);
        }
    }

    private void Assemble(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _fragments ??= new ArrayBufferWriter<byte>();
        if (!_inMessage)
        {
            _fragmentedType = header.Opcode;
            _inMessage = true;
        }

        if (_fragments.WrittenCount + payload.Length > maxMessageBytes)
        {
            throw new ProtocolViolationException($"The server sent a fragmented message longer than {maxMessageBytes} bytes.");
        }

        _fragments.Write(payload);
        if (header.Fin)
        {
            _inMessage = false;
            sink.OnMessage(_fragmentedType, _fragments.WrittenSpan);
            _fragments.ResetWrittenCount();
        }
    }

    private static void ThrowIfError(ProtocolError error)
    {
        if (error.IsError)
        {
            throw new ProtocolViolationException($"The server broke the protocol: {error.Message}.");
        }
    }
}
