using System.Buffers.Binary;

namespace PipeWs.Conformance.Matrix;

/// <summary>How a frame says its length.</summary>
internal enum LengthForm
{
    Shortest,
    SixteenBits,
    SixtyFourBits,
}

/// <summary>A frame as a case wants it on the wire, legal or not, whole or cut short. Encoded here without any code of the library.</summary>
internal sealed record WireFrame(int Opcode, byte[] Payload, bool Fin = true, int Rsv = 0)
{
    /// <summary>The length the header announces; null for the payload's own.</summary>
    public ulong? AnnouncedBytes { get; init; }

    public LengthForm Form { get; init; }

    /// <summary>Masked where it must not be, and not where it must.</summary>
    public bool HasWrongMasking { get; init; }

    /// <summary>The masking key; null for one that differs from frame to frame.</summary>
    public uint? Key { get; init; }

    /// <summary>How many bytes of the header are sent, and nothing after them; null for all.</summary>
    public int? HeaderBytes { get; init; }

    /// <summary>How many bytes of the payload are sent; null for all.</summary>
    public int? PayloadBytes { get; init; }

    public byte[] Encode(bool masks, uint key)
    {
        bool masked = masks != HasWrongMasking;
        ulong length = AnnouncedBytes ?? (ulong)Payload.Length;
        Span<byte> header = stackalloc byte[14];
        header[0] = (byte)((Fin ? 0x80 : 0) | Rsv | Opcode);
        int headerBytes = 2;
        int mask = masked ? 0x80 : 0;
        if (Form == LengthForm.Shortest && length < 126)
        {
            header[1] = (byte)(mask | (int)length);
        }
        else if (Form == LengthForm.SixteenBits || (Form == LengthForm.Shortest && length <= ushort.MaxValue))
        {
            header[1] = (byte)(mask | 126);
            BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)length);
            headerBytes = 4;
        }
        else
        {
            header[1] = (byte)(mask | 127);
            BinaryPrimitives.WriteUInt64BigEndian(header[2..], length);
            headerBytes = 10;
        }

        Span<byte> keyBytes = stackalloc byte[4];
        if (masked)
        {
            BinaryPrimitives.WriteUInt32BigEndian(keyBytes, Key ?? key);
            keyBytes.CopyTo(header[headerBytes..]);
            headerBytes += 4;
        }

        if (HeaderBytes is { } cut && cut < headerBytes)
        {
            return header[..cut].ToArray();
        }

        int payloadBytes = PayloadBytes ?? Payload.Length;
        byte[] frame = GC.AllocateUninitializedArray<byte>(headerBytes + payloadBytes);
        header[..headerBytes].CopyTo(frame);
        Span<byte> payload = frame.AsSpan(headerBytes);
        Payload.AsSpan(0, payloadBytes).CopyTo(payload);
        if (masked)
        {
            for (int i = 0; i < payload.Length; i++)
            {
                payload[i] ^= keyBytes[i & 3];
            }
        }

        return frame;
    }
}
