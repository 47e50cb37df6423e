using System.Buffers;
using System.Buffers.Binary;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

// To bytes and back.
public readonly partial record struct WsRawFrame
{
    private const int MaxHeaderBytes = 14;

    /// <summary>The frame's bytes, the length in its shortest form. Whatever else is illegal about it stays so.</summary>
    public byte[] ToBytes()
    {
        ReadOnlySpan<byte> payload = Payload.Span;
        Span<byte> header = stackalloc byte[MaxHeaderBytes];
        header[0] = (byte)((Fin ? 0x80 : 0) | Rsv | (byte)Opcode);
        int maskBit = Masked ? 0x80 : 0;
        int length = 2;
        switch (payload.Length)
        {
            case < 126:
                header[1] = (byte)(maskBit | payload.Length);
                break;
            case <= ushort.MaxValue:
                header[1] = (byte)(maskBit | 126);
                BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)payload.Length);
                length += sizeof(ushort);
                break;
            default:
                header[1] = (byte)(maskBit | 127);
                BinaryPrimitives.WriteInt64BigEndian(header[2..], payload.Length);
                length += sizeof(long);
                break;
        }

        if (MaskingKey is { } key)
        {
            BinaryPrimitives.WriteUInt32BigEndian(header[length..], key);
            length += sizeof(uint);
        }

        byte[] bytes = [.. header[..length], .. payload];
        Mask(bytes.AsSpan(length), MaskingKey);
        return bytes;
    }

    /// <summary>Reads a frame from the start of a buffer.</summary>
    /// <param name="buffer">The bytes; cut to what follows the frame where one was read.</param>
    /// <param name="frame">The frame, its payload a copy.</param>
    /// <returns><see langword="false"/> where it is not whole yet.</returns>
    /// <exception cref="WsAssertionException">The length is not in its shortest form, or larger than an array: whoever sent it broke RFC 6455, section 5.2.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, out WsRawFrame frame)
    {
        frame = default;
        Span<byte> header = stackalloc byte[MaxHeaderBytes];
        int available = (int)Math.Min(buffer.Length, MaxHeaderBytes);
        buffer.Slice(0, available).CopyTo(header);
        if (available < 2)
        {
            return false;
        }

        int shortLength = header[1] & 0x7F;
        int lengthBytes = shortLength switch { 126 => sizeof(ushort), 127 => sizeof(ulong), _ => 0 };
        bool masked = (header[1] & 0x80) != 0;
        int headerBytes = 2 + lengthBytes + (masked ? sizeof(uint) : 0);
        if (available < headerBytes)
        {
            return false;
        }

        ulong length = shortLength switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            127 => BinaryPrimitives.ReadUInt64BigEndian(header[2..]),
            _ => (ulong)shortLength,
        };
        CheckLength(length, lengthBytes);
        if ((ulong)buffer.Length - (ulong)headerBytes < length)
        {
            return false;
        }

        uint? key = masked ? BinaryPrimitives.ReadUInt32BigEndian(header[(2 + lengthBytes)..]) : null;
        byte[] payload = buffer.Slice(headerBytes, (long)length).ToArray();
        Mask(payload, key);
        frame = new WsRawFrame((header[0] & 0x80) != 0, (byte)(header[0] & 0x70), (Opcode)(header[0] & 0x0F), key, payload);
        buffer = buffer.Slice(headerBytes + (long)length);
        return true;
    }

    private static void CheckLength(ulong length, int lengthBytes)
    {
        if ((lengthBytes == sizeof(ushort) && length < 126) || (lengthBytes == sizeof(ulong) && length <= ushort.MaxValue))
        {
            throw new WsAssertionException($"A frame's length of {length} came in {lengthBytes} bytes, which is not its shortest form (RFC 6455, 5.2).");
        }

        if (length > (ulong)Array.MaxLength)
        {
            throw new WsAssertionException($"A frame with a length of {length} bytes was announced.");
        }
    }

    private static void Mask(Span<byte> payload, uint? maskingKey)
    {
        if (maskingKey is not { } key)
        {
            return;
        }

        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] ^= (byte)(key >> (24 - (8 * (i & 3))));
        }
    }
}
