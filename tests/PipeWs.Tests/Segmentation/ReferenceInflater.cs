namespace PipeWs.Tests.Segmentation;

/// <summary>What a message's bytes say.</summary>
internal enum ReferenceVerdict
{
    /// <summary>A whole message, or the start of one.</summary>
    Valid,

    /// <summary>Not deflate, or cut short.</summary>
    Invalid,

    /// <summary>More than the limit.</summary>
    TooLong,
}

/// <summary>RFC 1951 and the end of a message of RFC 7692, section 7.2.2, bit by bit: slow, plain and independent of zlib.</summary>
internal sealed class ReferenceInflater
{
    private static readonly int[] s_lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static readonly int[] s_lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static readonly int[] s_distanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static readonly int[] s_distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
    private static readonly int[] s_codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>All that was written since the stream began: how far back a distance may go.</summary>
    private readonly List<byte> _history = [];

    /// <summary>What this message said so far.</summary>
    private readonly List<byte> _said = [];

    private byte[] _bytes = [];
    private int _bit;
    private int _messageBits;

    /// <summary>How much it had said when its own bits were used up.</summary>
    private int _saidByMessage;

    /// <summary>The most a message may say.</summary>
    public int MaxBytes { get; set; } = int.MaxValue;

    /// <summary>The largest distance there was, in bytes.</summary>
    public int LargestDistance { get; private set; }

    /// <summary>Forgets the messages so far.</summary>
    public void Reset() => _history.Clear();

    /// <summary>Inflates one message.</summary>
    /// <param name="message">All its bytes.</param>
    /// <param name="output">What it says; where that is too much, the limit and one byte more.</param>
    public ReferenceVerdict Inflate(ReadOnlySpan<byte> message, out byte[] output) =>
        // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
        Read([.. message, 0x00, 0x00, 0xFF, 0xFF], message.Length, out output);

    /// <summary>Looks at the start of a message, and forgets it again.</summary>
    public ReferenceVerdict Look(ReadOnlySpan<byte> start, out byte[] output)
    {
        byte[] history = [.. _history];
        ReferenceVerdict verdict = Read(start.ToArray(), int.MaxValue / 8, out output);
        _history.Clear();
        _history.AddRange(history);
        return verdict;
    }

    private ReferenceVerdict Read(byte[] bytes, int messageBytes, out byte[] output)
    {
        _bytes = bytes;
        _bit = 0;
        _messageBits = messageBytes * 8;
        _said.Clear();
        ReferenceVerdict verdict;
        try
        {
            Blocks();
            verdict = ReferenceVerdict.Valid;
        }
        catch (EndOfStreamException)
        {
            verdict = _messageBits < bytes.Length * 8 ? ReferenceVerdict.Invalid : ReferenceVerdict.Valid;
        }
        catch (InvalidDataException)
        {
            verdict = _said.Count > MaxBytes && _bit <= _messageBits ? ReferenceVerdict.TooLong : ReferenceVerdict.Invalid;
        }

        output = [.. _said];
        return verdict;
    }

    private void Blocks()
    {
        while (true)
        {
            bool isFinal = Bits(1) == 1;
            switch (Bits(2))
            {
                case 0:
                    Stored();
                    break;
                case 1:
                    Compressed(Code.FixedLengths, Code.FixedDistances);
                    break;
                case 2:
                    Dynamic();
                    break;
                default:
                    throw new InvalidDataException("A kind of block that does not exist.");
            }

            if (isFinal)
            {
                // A stream has ended: the next block begins another, at the next byte, which knows nothing of this one.
                _history.Clear();
                _bit = (_bit + 7) & ~7;
                if (_bit == _messageBits)
                {
                    return;
                }
            }

            if (_bit > _messageBits)
            {
                // The block that holds the four bytes: they must be its end, and say nothing.
                if (_bit != _messageBits + 32 || _said.Count != _saidByMessage)
                {
                    throw new InvalidDataException("The message stops before its end.");
                }

                return;
            }
        }
    }

    private int Bits(int count)
    {
        int value = 0;
        for (int i = 0; i < count; i++)
        {
            value |= Bit() << i;
        }

        return value;
    }

    private int Bit()
    {
        if (_bit == _messageBits)
        {
            _saidByMessage = _said.Count;
        }

        if (_bit >= _bytes.Length * 8)
        {
            throw new EndOfStreamException();
        }

        int bit = (_bytes[_bit >> 3] >> (_bit & 7)) & 1;
        _bit++;
        return bit;
    }

    private void Stored()
    {
        while ((_bit & 7) != 0)
        {
            Bit();
        }

        int length = Bits(16);
        if (Bits(16) != (length ^ 0xFFFF))
        {
            throw new InvalidDataException("A length and its complement.");
        }

        for (; length > 0; length--)
        {
            Write((byte)Bits(8));
        }
    }

    private void Write(byte value)
    {
        _history.Add(value);
        _said.Add(value);
        if (_said.Count > MaxBytes)
        {
            throw new InvalidDataException("Too much.");
        }
    }

    private void Dynamic()
    {
        int literals = Bits(5) + 257;
        int distances = Bits(5) + 1;
        int codes = Bits(4) + 4;
        if (literals > 286 || distances > 30)
        {
            throw new InvalidDataException("Too many codes.");
        }

        var lengths = new int[19];
        for (int i = 0; i < codes; i++)
        {
            lengths[s_codeOrder[i]] = Bits(3);
        }

        // A code without codes is wrong as soon as one is used; zlib takes each bit of it for a length of 0, and finds afterwards that the block has no end.
        bool isEmpty = lengths.All(static length => length == 0);
        var lengthCode = new Code(lengths, mayBeIncomplete: false);
        var all = new int[literals + distances];
        for (int i = 0; i < all.Length;)
        {
            int symbol = isEmpty ? Bit() & 0 : lengthCode.Read(this);
            if (symbol < 16)
            {
                all[i++] = symbol;
                continue;
            }

            if (symbol == 16 && i == 0)
            {
                throw new InvalidDataException("Nothing to repeat.");
            }

            int value = symbol == 16 ? all[i - 1] : 0;
            int times = symbol == 16 ? 3 + Bits(2) : symbol == 17 ? 3 + Bits(3) : 11 + Bits(7);
            if (i + times > all.Length)
            {
                throw new InvalidDataException("Too many lengths.");
            }

            all.AsSpan(i, times).Fill(value);
            i += times;
        }

        if (all[256] == 0)
        {
            throw new InvalidDataException("No end of the block.");
        }

        Compressed(new Code(all[..literals], mayBeIncomplete: true), new Code(all[literals..], mayBeIncomplete: true));
    }

    private void Compressed(Code literals, Code distances)
    {
        while (true)
        {
            int symbol = literals.Read(this);
            if (symbol < 256)
            {
                Write((byte)symbol);
                continue;
            }

            if (symbol == 256)
            {
                return;
            }

            symbol -= 257;
            if (symbol >= s_lengthBase.Length)
            {
                throw new InvalidDataException("A length that does not exist.");
            }

            int length = s_lengthBase[symbol] + Bits(s_lengthExtra[symbol]);
            symbol = distances.Read(this);
            if (symbol >= s_distanceBase.Length)
            {
                throw new InvalidDataException("A distance that does not exist.");
            }

            int distance = s_distanceBase[symbol] + Bits(s_distanceExtra[symbol]);
            if (distance > _history.Count)
            {
                throw new InvalidDataException("Too far back.");
            }

            LargestDistance = Math.Max(LargestDistance, distance);
            for (; length > 0; length--)
            {
                Write(_history[^distance]);
            }
        }
    }

    /// <summary>A canonical Huffman code, read a bit at a time: RFC 1951, section 3.2.2.</summary>
    private sealed class Code
    {
        private readonly int[] _counts = new int[16];
        private readonly int[] _symbols;
        private readonly int _longest;

        public Code(int[] lengths, bool mayBeIncomplete)
        {
            foreach (int length in lengths)
            {
                _counts[length]++;
            }

            int left = 1;
            for (int length = 1; length < 16; length++)
            {
                left = (left << 1) - _counts[length];
                _longest = _counts[length] > 0 ? length : _longest;
                if (left < 0)
                {
                    throw new InvalidDataException("More codes than there is room for.");
                }
            }

            // One code of one bit may stand alone, as for a single distance; and there may be none at all, which is wrong only once one is used.
            if (left > 0 && _longest != 0 && !(mayBeIncomplete && _longest == 1))
            {
                throw new InvalidDataException("Fewer codes than there is room for.");
            }

            _counts[0] = 0;
            _symbols = [.. Enumerable.Range(0, lengths.Length).Where(symbol => lengths[symbol] > 0).OrderBy(symbol => lengths[symbol]).ThenBy(static symbol => symbol)];
        }

        public static Code FixedLengths { get; } = new([.. Enumerable.Range(0, 288).Select(static symbol => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)], mayBeIncomplete: false);

        public static Code FixedDistances { get; } = new([.. Enumerable.Repeat(5, 32)], mayBeIncomplete: false);

        public int Read(ReferenceInflater input)
        {
            int code = 0;
            int first = 0;
            int index = 0;
            for (int length = 1; length <= Math.Max(1, _longest); length++)
            {
                code |= input.Bit();
                int count = _counts[length];
                if (code - first < count)
                {
                    return _symbols[index + code - first];
                }

                index += count;
                first = (first + count) << 1;
                code <<= 1;
            }

            throw new InvalidDataException("A code that does not exist.");
        }
    }
}
