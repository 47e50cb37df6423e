using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>Writes frames to a connection's transport on behalf of whoever holds its turn.</summary>
public ref struct WsFrameWriter
{
    private readonly PipeWriter _output;
    private readonly bool _masks;
    private readonly int _fullBytes;

    internal WsFrameWriter(PipeWriter output, bool masks, int fullBytes)
    {
        _output = output;
        _masks = masks;
        _fullBytes = fullBytes;
    }

    /// <summary>The bytes written through this writer.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>The whole messages written through this writer.</summary>
    internal int MessagesWritten { get; private set; }

    /// <summary>Whether as much has been written as is handed to the transport at a time; the rest waits until it took this.</summary>
    public readonly bool IsFull => BytesWritten >= _fullBytes;

    /// <summary>Writes an encoded frame.</summary>
    public void Write(WsFrame frame)
    {
        MessagesWritten++;
        if (_masks)
        {
            Write(frame.Type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, fin: true, frame.Payload);
            return;
        }

        ReadOnlySpan<byte> bytes = frame.Bytes;
        BytesWritten += bytes.Length;
        Copy(bytes);
    }

    /// <summary>Writes a whole message.</summary>
    public void Write(WsMessageType type, scoped ReadOnlySpan<byte> payload)
    {
        MessagesWritten++;
        Write(type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, fin: true, payload);
    }

    internal void Write(Opcode opcode, bool fin, scoped ReadOnlySpan<byte> payload)
    {
        uint key = WriteHeader(opcode, fin, payload.Length);
        WritePayload(payload, key, 0);
    }

    /// <summary>Writes the header of a frame whose payload follows in pieces.</summary>
    /// <returns>The masking key; unused by a server.</returns>
    internal uint WriteHeader(Opcode opcode, bool fin, long payloadLength)
    {
        Span<byte> header = _output.GetSpan(FrameHeader.MaxLength);
        uint key = 0;
        int written;
        if (_masks)
        {
            key = MaskingKeySource.Next();
            written = FrameHeader.WriteMasked(header, opcode, payloadLength, key, fin);
        }
        else
        {
            written = FrameHeader.Write(header, opcode, payloadLength, fin);
        }

        _output.Advance(written);
        BytesWritten += written;
        return key;
    }

    internal void WritePayload(scoped ReadOnlySpan<byte> payload, uint key, int offset)
    {
        BytesWritten += payload.Length;
        if (!_masks)
        {
            Copy(payload);
            return;
        }

        while (!payload.IsEmpty)
        {
            Span<byte> destination = _output.GetSpan();
            int length = Math.Min(destination.Length, payload.Length);
            Masking.Apply(payload[..length], destination, key, offset);
            _output.Advance(length);
            payload = payload[length..];
            offset = (offset + length) & 3;
        }
    }

    private readonly void Copy(scoped ReadOnlySpan<byte> bytes)
    {
        Span<byte> destination = _output.GetSpan();
        if (bytes.Length <= destination.Length)
        {
            bytes.CopyTo(destination);
            _output.Advance(bytes.Length);
            return;
        }

        _output.Write(bytes);
    }
}
