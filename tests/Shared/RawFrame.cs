using System.Buffers.Binary;
using System.Text;

namespace PipeWs.Shared;

/// <summary>A frame as it was on the wire, read and written here without any code of the library.</summary>
internal sealed record RawFrame(bool Fin, int Rsv, int Opcode, uint? MaskingKey, byte[] Payload)
{
    public const int Continuation = 0;
    public const int Text = 1;
    public const int Binary = 2;
    public const int Close = 8;
    public const int Ping = 9;
    public const int Pong = 10;

    public string PayloadText => Encoding.UTF8.GetString(Payload);

    /// <summary>The close code; 1005 where there is none.</summary>
    public int CloseCode => Payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Payload) : 1005;

    public string CloseReason => Payload.Length > 2 ? Encoding.UTF8.GetString(Payload.AsSpan(2)) : "";

    public static byte[] Encode(int opcode, ReadOnlySpan<byte> payload, bool fin = true, uint? maskingKey = null, int rsv = 0)
    {
        var bytes = new List<byte> { (byte)((fin ? 0x80 : 0) | rsv | opcode) };
        int mask = maskingKey is null ? 0 : 0x80;
        if (payload.Length < 126)
        {
            bytes.Add((byte)(mask | payload.Length));
        }
        else if (payload.Length <= ushort.MaxValue)
        {
            bytes.Add((byte)(mask | 126));
            bytes.Add((byte)(payload.Length >> 8));
            bytes.Add((byte)payload.Length);
        }
        else
        {
            bytes.Add((byte)(mask | 127));
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(length, payload.Length);
            bytes.AddRange(length);
        }

        byte[] key = KeyBytes(maskingKey ?? 0);
        if (maskingKey is not null)
        {
            bytes.AddRange(key);
        }

        int header = bytes.Count;
        var frame = new byte[header + payload.Length];
        bytes.CopyTo(frame);
        for (int i = 0; i < payload.Length; i++)
        {
            frame[header + i] = (byte)(payload[i] ^ key[i & 3]);
        }

        return frame;
    }

    public static byte[] ClosePayload(int code, string reason = "")
    {
        byte[] text = Encoding.UTF8.GetBytes(reason);
        return [(byte)(code >> 8), (byte)code, .. text];
    }

    /// <summary>Reads one frame from the start of the bytes; null where it is not whole.</summary>
    public static RawFrame? TryRead(ReadOnlySpan<byte> bytes, out int used)
    {
        used = 0;
        if (bytes.Length < 2)
        {
            return null;
        }

        int position = 2;
        long length = bytes[1] & 0x7F;
        int extra = length == 126 ? 2 : length == 127 ? 8 : 0;
        bool masked = (bytes[1] & 0x80) != 0;
        if (bytes.Length < 2 + extra + (masked ? 4 : 0))
        {
            return null;
        }

        if (extra != 0)
        {
            length = 0;
            for (int i = 0; i < extra; i++)
            {
                length = (length << 8) | bytes[position++];
            }

            if (length < 126 || (extra == 8 && length <= ushort.MaxValue))
            {
                throw new InvalidDataException("A length that is not in its shortest form was sent.");
            }
        }

        uint? key = null;
        if (masked)
        {
            key = BinaryPrimitives.ReadUInt32BigEndian(bytes[position..]);
            position += 4;
        }

        if (bytes.Length - position < length)
        {
            return null;
        }

        byte[] payload = bytes.Slice(position, (int)length).ToArray();
        byte[] keyBytes = KeyBytes(key ?? 0);
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] ^= keyBytes[i & 3];
        }

        used = position + (int)length;
        return new RawFrame((bytes[0] & 0x80) != 0, bytes[0] & 0x70, bytes[0] & 0x0F, key, payload);
    }

    private static byte[] KeyBytes(uint key) => [(byte)(key >> 24), (byte)(key >> 16), (byte)(key >> 8), (byte)key];
}
