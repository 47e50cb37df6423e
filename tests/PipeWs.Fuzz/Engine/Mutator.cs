using System.Buffers.Binary;

namespace PipeWs.Fuzz.Engine;

/// <summary>Makes inputs out of inputs: a few small changes at a time, and now and then the halves of two.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> dictionary, int maxBytes)
{
    private static readonly byte[] s_bytes = [0, 1, 2, 9, 10, 13, 32, 34, 44, 58, 59, 61, 64, 80, 81, 88, 125, 126, 127, 128, 129, 130, 136, 137, 138, 191, 192, 193, 224, 237, 240, 244, 254, 255];
    private static readonly ulong[] s_numbers = [0, 1, 125, 126, 127, 128, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536, 1 << 20, int.MaxValue, uint.MaxValue, long.MaxValue, 1UL << 63, ulong.MaxValue];

    private readonly List<byte> _bytes = [];

    /// <summary>A new input.</summary>
    /// <param name="parent">What it is made of.</param>
    /// <param name="other">What parts are taken from.</param>
    public byte[] Mutate(byte[] parent, byte[] other)
    {
        _bytes.Clear();
        _bytes.AddRange(parent);
        if (random.Next(8) == 0)
        {
            Splice(other);
        }

        for (int changes = 1 << random.Next(0, 5); changes > 0; changes--)
        {
            Change(other);
        }

        if (_bytes.Count > maxBytes)
        {
            _bytes.RemoveRange(maxBytes, _bytes.Count - maxBytes);
        }

        return [.. _bytes];
    }

    private void Splice(byte[] other)
    {
        int keep = random.Next(_bytes.Count + 1);
        _bytes.RemoveRange(keep, _bytes.Count - keep);
        _bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
    }

    private void Change(byte[] other)
    {
        int at = random.Next(_bytes.Count + 1);
        bool isInside = at < _bytes.Count;
        switch (random.Next(13))
        {
            case 0 or 1 when isInside:
                _bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2 when isInside:
                _bytes[at] = s_bytes[random.Next(s_bytes.Length)];
                break;
            case 3 when isInside:
                _bytes[at] = (byte)random.Next(256);
                break;
            case 4 when isInside:
                _bytes[at] += (byte)random.Next(-16, 17);
                break;
            case 5:
                _bytes.Insert(at, random.Next(2) == 0 ? (byte)random.Next(256) : s_bytes[random.Next(s_bytes.Length)]);
                break;
            case 6 when isInside:
                _bytes.RemoveRange(at, Math.Min(_bytes.Count - at, Length()));
                break;
            case 7:
                Number(at);
                break;
            case 8 when isInside:
                _bytes.InsertRange(random.Next(_bytes.Count + 1), _bytes.GetRange(at, Math.Min(_bytes.Count - at, Length())));
                break;
            case 9 or 10 when dictionary.Count > 0:
                Token(at, dictionary[random.Next(dictionary.Count)]);
                break;
            case 11 when other.Length > 0:
                int start = random.Next(other.Length);
                Token(at, other.AsSpan(start, Math.Min(other.Length - start, Length())));
                break;
            case 12 when isInside:
                // A length field: a byte that says how many follow.
                _bytes[at] = (byte)((_bytes[at] & 0x80) | Math.Min(127, Math.Max(0, _bytes.Count - at - 1 - random.Next(6))));
                break;
            default:
                _bytes.InsertRange(at, Enumerable.Repeat(s_bytes[random.Next(s_bytes.Length)], Length()));
                break;
        }
    }

    private int Length() => random.Next(16) == 0 ? random.Next(1, 400) : random.Next(1, 12);

    private void Number(int at)
    {
        Span<byte> bytes = stackalloc byte[8];
        ulong number = s_numbers[random.Next(s_numbers.Length)] + (ulong)random.Next(-1, 2);
        if (random.Next(3) > 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
            Token(at, bytes[^(1 << random.Next(4))..]);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
            Token(at, bytes[..(1 << random.Next(4))]);
        }
    }

    /// <summary>Puts a token in, or over what is there.</summary>
    private void Token(int at, ReadOnlySpan<byte> token)
    {
        if (random.Next(2) == 0)
        {
            _bytes.RemoveRange(at, Math.Min(_bytes.Count - at, token.Length));
        }

        _bytes.InsertRange(at, token);
    }
}
