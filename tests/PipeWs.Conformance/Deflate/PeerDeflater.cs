namespace PipeWs.Conformance.Deflate;

/// <summary>
/// Compresses what a peer sends, written from RFC 1951 and without any code of the library, so that it uses just the window that was agreed on, to its last byte, and every kind
/// of block that a message may have.
/// </summary>
internal sealed class PeerDeflater(int windowBits, bool keepsContext)
{
    private const int HashBits = 14;

    private readonly int _windowBytes = 1 << windowBits;
    private readonly int[] _heads = new int[1 << HashBits];
    private readonly List<byte> _output = [];
    private byte[] _history = [];
    private int _messages;
    private ulong _bits;
    private int _bitCount;

    /// <summary>Compresses a message; the kinds of its blocks change from one to the next.</summary>
    public byte[] Deflate(ReadOnlySpan<byte> payload)
    {
        _output.Clear();
        byte[] data = [.. _history, .. payload];
        int start = _history.Length;
        int kind = _messages++ % 4;
        Array.Fill(_heads, -1);
        for (int i = 0; i < start - 2; i++)
        {
            _heads[Hash(data, i)] = i;
        }

        int blockBytes = kind == 3 ? 500 : kind == 2 ? 65535 : int.MaxValue;
        int position = start;
        do
        {
            int end = (int)Math.Min(data.Length, (long)position + blockBytes);
            bool isStored = kind == 2 || (kind == 3 && ((position - start) / 500) % 2 == 1);
            if (isStored)
            {
                Stored(data.AsSpan(position, end - position));
                for (int i = position; i < end; i++)
                {
                    Remember(data, i);
                }
            }
            else
            {
                Fixed(data, position, end);
            }

            position = end;
        }
        while (position < data.Length);

        // An empty stored block, without its last four bytes (RFC 7692, section 7.2.1).
        Bits(0, 3);
        Flush();
        _history = keepsContext ? data[Math.Max(0, data.Length - _windowBytes)..] : [];
        return [.. _output];
    }

    private static int Hash(byte[] data, int at) => (int)((((uint)data[at] | ((uint)data[at + 1] << 8) | ((uint)data[at + 2] << 16)) * 2654435761u) >> (32 - HashBits));

    private void Remember(byte[] data, int at)
    {
        if (at + 2 < data.Length)
        {
            _heads[Hash(data, at)] = at;
        }
    }

    private void Stored(ReadOnlySpan<byte> bytes)
    {
        Bits(0, 3);
        Flush();
        _output.AddRange([(byte)bytes.Length, (byte)(bytes.Length >> 8), (byte)~bytes.Length, (byte)(~bytes.Length >> 8)]);
        _output.AddRange(bytes);
    }

    private void Fixed(byte[] data, int position, int end)
    {
        Bits(0b010, 3);
        while (position < end)
        {
            int match = position + 2 < data.Length ? _heads[Hash(data, position)] : -1;
            int distance = position - match;
            int length = match >= 0 && distance <= _windowBytes
                ? data.AsSpan(position, Math.Min(DeflateTables.MaxMatch, end - position)).CommonPrefixLength(data.AsSpan(match, Math.Min(DeflateTables.MaxMatch, data.Length - match)))
                : 0;
            if (length < DeflateTables.MinMatch)
            {
                length = 1;
                Literal(data[position]);
            }
            else
            {
                Match(length, distance);
            }

            for (int i = 0; i < length; i++)
            {
                Remember(data, position++);
            }
        }

        Literal(DeflateTables.EndOfBlock);
    }

    // The fixed codes of RFC 1951, section 3.2.6.
    private void Literal(int symbol)
    {
        switch (symbol)
        {
            case < 144:
                Code(0x30 + symbol, 8);
                break;
            case < 256:
                Code(0x190 + symbol - 144, 9);
                break;
            case < 280:
                Code(symbol - 256, 7);
                break;
            default:
                Code(0xC0 + symbol - 280, 8);
                break;
        }
    }

    private void Match(int length, int distance)
    {
        int index = DeflateTables.IndexOf(DeflateTables.LengthBase, length);
        Literal(257 + index);
        Bits(length - DeflateTables.LengthBase[index], DeflateTables.LengthExtra[index]);
        index = DeflateTables.IndexOf(DeflateTables.DistanceBase, distance);
        Code(index, 5);
        Bits(distance - DeflateTables.DistanceBase[index], DeflateTables.DistanceExtra[index]);
    }

    /// <summary>A Huffman code: its highest bit first.</summary>
    private void Code(int code, int count)
    {
        int reversed = 0;
        for (int i = 0; i < count; i++)
        {
            reversed = (reversed << 1) | ((code >> i) & 1);
        }

        Bits(reversed, count);
    }

    private void Bits(int value, int count)
    {
        _bits |= (ulong)(uint)value << _bitCount;
        for (_bitCount += count; _bitCount >= 8; _bitCount -= 8)
        {
            _output.Add((byte)_bits);
            _bits >>= 8;
        }
    }

    private void Flush()
    {
        if (_bitCount > 0)
        {
            _output.Add((byte)_bits);
        }

        _bits = 0;
        _bitCount = 0;
    }
}
