namespace PipeWs.Conformance.Deflate;

/// <summary>
/// Inflates what the side under test sends, written from RFC 1951 and without any code of the library: it also finds what zlib would let pass, a distance beyond the window that was agreed on.
/// </summary>
internal sealed class PeerInflater(int windowBits, bool keepsContext)
{
    private static readonly Huffman s_fixedLiterals = new([.. Enumerable.Repeat(8, 144), .. Enumerable.Repeat(9, 112), .. Enumerable.Repeat(7, 24), .. Enumerable.Repeat(8, 8)]);
    private static readonly Huffman s_fixedDistances = new([.. Enumerable.Repeat(5, 30)]);

    private readonly int _windowBytes = 1 << windowBits;
    private byte[] _output = new byte[1 << 16];
    private int _length;
    private int _messageStart;
    private byte[] _input = [];
    private int _position;
    private uint _bits;
    private int _bitCount;

    /// <summary>Inflates a whole message.</summary>
    /// <exception cref="InvalidDataException">It is not what was agreed on.</exception>
    public byte[] Inflate(byte[] payload)
    {
        _input = [.. payload, 0x00, 0x00, 0xFF, 0xFF];
        _position = 0;
        _bits = 0;
        _bitCount = 0;
        Slide();
        _messageStart = _length;
        do
        {
            ReadBlock();
        }
        while (_position < _input.Length);

        return _output[_messageStart.._length];
    }

    /// <summary>Keeps of the messages before no more than the window, or nothing.</summary>
    private void Slide()
    {
        int kept = keepsContext ? Math.Min(_length, _windowBytes) : 0;
        _output.AsSpan(_length - kept, kept).CopyTo(_output);
        _length = kept;
    }

    private void ReadBlock()
    {
        bool isFinal = Bits(1) == 1;
        switch (Bits(2))
        {
            case 0:
                ReadStored();
                break;
            case 1:
                ReadCodes(s_fixedLiterals, s_fixedDistances);
                break;
            case 2:
                ReadDynamic();
                break;
            default:
                throw new InvalidDataException("a block of the type that does not exist");
        }

        if (isFinal)
        {
            throw new InvalidDataException("a block with BFINAL, which this library does not send");
        }
    }

    private void ReadStored()
    {
        _bits = 0;
        _bitCount = 0;
        if (_input.Length - _position < 4)
        {
            throw new InvalidDataException("deflate that breaks off");
        }

        int length = _input[_position] | (_input[_position + 1] << 8);
        if ((length ^ 0xFFFF) != (_input[_position + 2] | (_input[_position + 3] << 8)))
        {
            throw new InvalidDataException("a stored block whose lengths differ");
        }

        _position += 4;
        if (_input.Length - _position < length)
        {
            throw new InvalidDataException("deflate that breaks off");
        }

        Room(length);
        _input.AsSpan(_position, length).CopyTo(_output.AsSpan(_length));
        _position += length;
        _length += length;
    }

    private void ReadDynamic()
    {
        int literals = Bits(5) + 257;
        int distances = Bits(5) + 1;
        int codes = Bits(4) + 4;
        var lengths = new int[19];
        for (int i = 0; i < codes; i++)
        {
            lengths[DeflateTables.CodeLengthOrder[i]] = Bits(3);
        }

        var code = new Huffman(lengths);
        var all = new int[literals + distances];
        for (int i = 0; i < all.Length;)
        {
            int symbol = Decode(code);
            if (symbol < 16)
            {
                all[i++] = symbol;
                continue;
            }

            int value = symbol == 16 ? (i > 0 ? all[i - 1] : throw new InvalidDataException("a length to repeat before the first")) : 0;
            for (int times = symbol switch { 16 => 3 + Bits(2), 17 => 3 + Bits(3), _ => 11 + Bits(7) }; times > 0; times--)
            {
                if (i == all.Length)
                {
                    throw new InvalidDataException("more lengths than codes");
                }

                all[i++] = value;
            }
        }

        ReadCodes(new Huffman(all[..literals]), new Huffman(all[literals..]));
    }

    private void ReadCodes(Huffman literals, Huffman distances)
    {
        while (true)
        {
            int symbol = Decode(literals);
            if (symbol == DeflateTables.EndOfBlock)
            {
                return;
            }

            if (symbol < DeflateTables.EndOfBlock)
            {
                Room(1);
                _output[_length++] = (byte)symbol;
                continue;
            }

            symbol -= 257;
            int length = symbol < DeflateTables.LengthBase.Length ? DeflateTables.LengthBase[symbol] + Bits(DeflateTables.LengthExtra[symbol]) : throw new InvalidDataException("a length that does not exist");
            int code = Decode(distances);
            int distance = code < DeflateTables.DistanceBase.Length ? DeflateTables.DistanceBase[code] + Bits(DeflateTables.DistanceExtra[code]) : throw new InvalidDataException("a distance that does not exist");
            if (distance > _length || distance > _windowBytes)
            {
                throw new InvalidDataException($"a distance of {distance}, beyond the window of {_windowBytes} or what was sent in it");
            }

            Room(length);
            for (int i = 0; i < length; i++, _length++)
            {
                _output[_length] = _output[_length - distance];
            }
        }
    }

    private void Room(int bytes)
    {
        if (_output.Length - _length < bytes)
        {
            Array.Resize(ref _output, Math.Max(_output.Length * 2, _length + bytes));
        }
    }

    private int Bits(int count)
    {
        Need(count);
        int value = (int)(_bits & ((1u << count) - 1));
        _bits >>= count;
        _bitCount -= count;
        return value;
    }

    private void Need(int count)
    {
        while (_bitCount < count)
        {
            if (_position == _input.Length)
            {
                throw new InvalidDataException("deflate that breaks off");
            }

            _bits |= (uint)_input[_position++] << _bitCount;
            _bitCount += 8;
        }
    }

    private int Decode(Huffman code)
    {
        // As many bits as there are, up to the longest code; the last code of the input may be shorter.
        while (_bitCount < Huffman.MaxBits && _position < _input.Length)
        {
            _bits |= (uint)_input[_position++] << _bitCount;
            _bitCount += 8;
        }

        (int symbol, int length) = code.Find(_bits);
        if (length == 0 || length > _bitCount)
        {
            throw new InvalidDataException("a code that does not exist");
        }

        _bits >>= length;
        _bitCount -= length;

        // Whole bytes that were read ahead go back: a stored block begins at the next one.
        while (_bitCount >= 8)
        {
            _bitCount -= 8;
            _position--;
        }

        _bits &= (1u << _bitCount) - 1;
        return symbol;
    }

    /// <summary>A canonical code (RFC 1951, section 3.2.2), as a table by the next 15 bits.</summary>
    private sealed class Huffman
    {
        public const int MaxBits = 15;

        private readonly short[] _symbols = new short[1 << MaxBits];
        private readonly byte[] _lengths = new byte[1 << MaxBits];

        public Huffman(int[] lengths)
        {
            var next = new int[MaxBits + 2];
            for (int bits = 1; bits <= MaxBits; bits++)
            {
                next[bits + 1] = (next[bits] + lengths.Count(length => length == bits)) << 1;
            }

            for (int symbol = 0; symbol < lengths.Length; symbol++)
            {
                int length = lengths[symbol];
                if (length == 0)
                {
                    continue;
                }

                int code = next[length]++;
                int reversed = 0;
                for (int i = 0; i < length; i++)
                {
                    reversed |= ((code >> i) & 1) << (length - 1 - i);
                }

                for (int rest = reversed; rest < 1 << MaxBits; rest += 1 << length)
                {
                    _symbols[rest] = (short)symbol;
                    _lengths[rest] = (byte)length;
                }
            }
        }

        public (int Symbol, int Length) Find(uint bits) => (_symbols[bits & ((1 << MaxBits) - 1)], _lengths[bits & ((1 << MaxBits) - 1)]);
    }
}
