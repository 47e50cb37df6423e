using System.Buffers.Binary;
using System.Diagnostics;

namespace PipeWs.Protocol.Framing;

/// <summary>
/// One frame's header, read and written. It parses and never judges: <see cref="FrameRules"/> does. RFC 6455, section 5.2.
/// <code>
///   byte 0           byte 1            then
///  +-+-+-+-+-------+ +-+-------------+ +--------------------+ +-----------+
///  |F|R|R|R| op    | |M| length      | | 0, 2 or 8 bytes of | | 0 or 4 of |
///  |I|S|S|S| code  | |A| 0-125, 126, | | length, big-endian | | masking   |
///  |N|V|V|V|       | |S| 127         | |                    | | key       |
///  | |1|2|3|       | |K|             | |                    | |           |
///  +-+-+-+-+-------+ +-+-------------+ +--------------------+ +-----------+
/// </code>
/// </summary>
public readonly struct FrameHeader
{
    /// <summary>The longest header there is, in bytes: 2, 8 of length and 4 of masking key.</summary>
    public const int MaxLength = 14;

    /// <summary>The reserved bit RSV1, which permessage-deflate uses. RFC 7692, section 6.</summary>
    public const byte Rsv1 = 0x40;

    private const byte FinBit = 0x80;
    private const byte RsvBits = 0x70;
    private const byte OpcodeBits = 0x0F;
    private const byte MaskBit = 0x80;
    private const byte LengthBits = 0x7F;
    private const byte Length16 = 126;
    private const byte Length64 = 127;

    private readonly byte _first;
    private readonly byte _second;

    private FrameHeader(byte first, byte second, ulong payloadLength, uint maskingKey)
    {
        _first = first;
        _second = second;
        PayloadLength = payloadLength;
        MaskingKey = maskingKey;
    }

    /// <summary>Whether this is the last fragment of its message.</summary>
    public bool Fin => (_first & FinBit) != 0;

    /// <summary>The three reserved bits, in place: 0x40, 0x20, 0x10.</summary>
    public byte Rsv => (byte)(_first & RsvBits);

    /// <summary>What the frame is; may be one of the reserved values.</summary>
    public Opcode Opcode => (Opcode)(_first & OpcodeBits);

    /// <summary>Whether the opcode is a control frame's: the high bit of the four is set. RFC 6455, section 5.5.</summary>
    public bool IsControl => (_first & 0x08) != 0;

    /// <summary>Whether a masking key follows the length.</summary>
    public bool Masked => (_second & MaskBit) != 0;

    /// <summary>The seven bits of length in the second byte; 126 and 127 announce a longer form.</summary>
    public byte ShortLength => (byte)(_second & LengthBits);

    /// <summary>The payload's length in bytes as sent, the forbidden top bit included.</summary>
    public ulong PayloadLength { get; }

    /// <summary>The masking key in the order of the wire (read as a native integer), or 0 where the frame is not masked.</summary>
    public uint MaskingKey { get; }

    /// <summary>The header's own length in bytes.</summary>
    public int Length => LengthOf(_second);

    /// <summary>
    /// Reads the first two bytes only, which is all that most rules need: a frame that breaks one is failed before
    /// the rest of its header arrives. Length and key of the result are not set.
    /// </summary>
    /// <returns><see langword="false"/> where there are fewer than two bytes.</returns>
    public static bool TryReadStart(ReadOnlySpan<byte> source, out FrameHeader start)
    {
        if (source.Length < 2)
        {
            start = default;
            return false;
        }

        start = new FrameHeader(source[0], source[1], 0, 0);
        return true;
    }

    /// <summary>Reads a header from the start of <paramref name="source"/>.</summary>
    /// <returns><see langword="false"/> where the header is not complete yet; more bytes may make it so.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        if (source.Length < 2)
        {
            header = default;
            return false;
        }

        byte second = source[1];
        int length = LengthOf(second);
        if (source.Length < length)
        {
            header = default;
            return false;
        }

        ulong payloadLength = (second & LengthBits) switch
        {
            Length16 => BinaryPrimitives.ReadUInt16BigEndian(source[2..]),
            Length64 => BinaryPrimitives.ReadUInt64BigEndian(source[2..]),
            int small => (ulong)small,
        };
        uint key = (second & MaskBit) != 0 ? BitConverter.ToUInt32(source[(length - 4)..]) : 0;
        header = new FrameHeader(source[0], second, payloadLength, key);
        return true;
    }

    /// <summary>The length in bytes of the header that <see cref="Write"/> makes for a payload.</summary>
    public static int GetLength(long payloadLength, bool masked) =>
        (payloadLength < Length16 ? 2 : payloadLength <= ushort.MaxValue ? 4 : 10) + (masked ? 4 : 0);

    /// <summary>Writes an unmasked header, with the shortest form of the length as RFC 6455, section 5.2 asks.</summary>
    /// <returns>The bytes written.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is negative.</exception>
    public static int Write(Span<byte> destination, Opcode opcode, long payloadLength, bool fin = true, byte rsv = 0) =>
        WriteCore(destination, opcode, payloadLength, fin, rsv, mask: 0);

    /// <summary>Writes a masked header, as a client must. The key is in wire order, as <see cref="MaskingKey"/> gives it.</summary>
    /// <returns>The bytes written.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="payloadLength"/> is negative.</exception>
    public static int WriteMasked(Span<byte> destination, Opcode opcode, long payloadLength, uint maskingKey, bool fin = true, byte rsv = 0)
    {
        int written = WriteCore(destination, opcode, payloadLength, fin, rsv, MaskBit);
        BitConverter.TryWriteBytes(destination[written..], maskingKey);
        return written + 4;
    }

    private static int WriteCore(Span<byte> destination, Opcode opcode, long payloadLength, bool fin, byte rsv, byte mask)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        Debug.Assert((rsv & ~RsvBits) == 0, "Reserved bits are given in place.");
        destination[0] = (byte)((fin ? FinBit : 0) | rsv | (byte)opcode);
        if (payloadLength < Length16)
        {
            destination[1] = (byte)(mask | (byte)payloadLength);
            return 2;
        }

        if (payloadLength <= ushort.MaxValue)
        {
            destination[1] = (byte)(mask | Length16);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)payloadLength);
            return 4;
        }

        destination[1] = (byte)(mask | Length64);
        BinaryPrimitives.WriteInt64BigEndian(destination[2..], payloadLength);
        return 10;
    }

    private static int LengthOf(byte second)
    {
        int length = (second & MaskBit) != 0 ? 6 : 2;
        return (second & LengthBits) switch
        {
            Length16 => length + 2,
            Length64 => length + 8,
            _ => length,
        };
    }
}
