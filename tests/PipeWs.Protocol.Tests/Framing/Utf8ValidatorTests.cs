using PipeWs.Shared;
using System.Buffers;
using System.Text;
using System.Text.Unicode;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class Utf8ValidatorTests
{
    // Where ranges of table 3-7 begin and end.
    private static readonly byte[] Telling =
        [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF];

    [Theory]
    [InlineData(new byte[] { 0x80 }, 0)] // a lone continuation
    [InlineData(new byte[] { 0x61, 0xBF }, 1)]
    [InlineData(new byte[] { 0xC0 }, 0)] // overlong, whatever follows
    [InlineData(new byte[] { 0xC1 }, 0)]
    [InlineData(new byte[] { 0xF5 }, 0)] // past U+10FFFF, whatever follows
    [InlineData(new byte[] { 0xFE }, 0)]
    [InlineData(new byte[] { 0xFF }, 0)]
    [InlineData(new byte[] { 0xE0, 0x9F }, 1)] // overlong
    [InlineData(new byte[] { 0xF0, 0x8F }, 1)]
    [InlineData(new byte[] { 0xED, 0xA0 }, 1)] // a surrogate
    [InlineData(new byte[] { 0xED, 0xBF }, 1)]
    [InlineData(new byte[] { 0xF4, 0x90 }, 1)] // past U+10FFFF
    [InlineData(new byte[] { 0xC2, 0x61 }, 1)] // a continuation is missing
    [InlineData(new byte[] { 0xE2, 0x82, 0x61 }, 2)]
    [InlineData(new byte[] { 0xF0, 0x9F, 0x98, 0x61 }, 3)]
    [InlineData(new byte[] { 0xF0, 0x9F, 0x98, 0x80, 0x80 }, 4)] // one too many
    [InlineData(new byte[] { 0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xF4, 0x90, 0x80, 0x80 }, 12)]
    public void Fails_on_the_byte_that_makes_it_certain(byte[] bytes, int failure)
    {
        Utf8Validator validator = default;
        for (int i = 0; i <= failure; i++)
        {
            Assert.Equal(i < failure, validator.Append([bytes[i]]));
        }

        validator.Reset();
        Assert.True(validator.Append(bytes.AsSpan(0, failure)));
        validator.Reset();
        Assert.False(validator.Append(bytes.AsSpan(0, failure + 1)));
        Assert.False(Utf8Validator.IsValid(bytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Hello")]
    [InlineData("\0\u007F\u0080\u07FF\u0800\uD7FF\uE000\uFFFD\uFFFE\uFFFF")]
    [InlineData("\U00010000\U0001FFFE\U0010FFFF")]
    [InlineData("\uFEFFκόσμε")]
    public void Accepts_every_kind_of_character(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Assert.True(Utf8Validator.IsValid(bytes));
        Utf8Validator validator = default;
        Assert.True(validator.Append(bytes));
        Assert.True(validator.IsComplete);
    }

    [Fact]
    public void A_character_cut_at_the_end_is_not_complete_until_its_last_byte()
    {
        byte[] bytes = "😀"u8.ToArray();
        Utf8Validator validator = default;
        Assert.True(validator.IsComplete);
        for (int i = 0; i < bytes.Length; i++)
        {
            Assert.True(validator.Append([bytes[i]]));
            Assert.True(validator.Append([]));
            Assert.Equal(i == 3, validator.IsComplete);
            Assert.Equal(i == 3, Utf8Validator.IsValid(bytes.AsSpan(0, i + 1)));
        }
    }

    [Fact]
    public void A_failure_stays_until_reset()
    {
        Utf8Validator validator = default;
        Assert.False(validator.Append([0x61, 0xFF]));
        Assert.False(validator.IsComplete);
        Assert.False(validator.Append("plain"u8));
        Assert.False(validator.Append([]));
        Assert.False(validator.IsComplete);
        validator.Reset();
        Assert.True(validator.IsComplete);
        Assert.True(validator.Append("plain"u8));
        Assert.True(validator.IsComplete);

        // The same where the vectors, and where a character under way, find it.
        Assert.False(validator.Append([.. "жжж"u8, .. new byte[100], 0xFF, .. new byte[100]]));
        Assert.False(validator.Append("plain"u8));
        validator.Reset();
        Assert.True(validator.Append([0xF0]));
        Assert.False(validator.Append([0x41]));
        Assert.False(validator.Append([0x80]));
        validator.Reset();
        Assert.True(validator.Append([0xF0]));
        validator.Reset();
        Assert.True(validator.Append("plain"u8));
    }

    [Fact]
    public void The_oracle_agrees_with_the_base_library()
    {
        Span<byte> sequence = stackalloc byte[4];
        foreach (byte third in Telling)
        {
            foreach (byte fourth in Telling)
            {
                for (int pair = 0; pair <= ushort.MaxValue; pair++)
                {
                    sequence[0] = (byte)(pair >> 8);
                    sequence[1] = (byte)pair;
                    sequence[2] = third;
                    sequence[3] = fourth;
                    (int failure, bool complete) = Utf8Oracle.Judge(sequence);
                    int valid = 0;
                    OperationStatus status = OperationStatus.Done;
                    while (valid < 4 && (status = Rune.DecodeFromUtf8(sequence[valid..], out _, out int consumed)) == OperationStatus.Done)
                    {
                        valid += consumed;
                    }

                    // The base library tells whether a failed tail is hopeless or cut, and so does the oracle.
                    if ((failure == 4) != (status != OperationStatus.InvalidData) || (failure == 4 && complete) != (status == OperationStatus.Done) || failure < valid)
                    {
                        Assert.Fail($"{Convert.ToHexString(sequence)}: oracle {failure} {complete}, library {status} after {valid}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Every_sequence_of_one_to_three_bytes_is_judged_as_the_table_says()
    {
        Parallel.For(0, 256, first =>
        {
            Span<byte> text = stackalloc byte[160];
            text.Fill((byte)'a');
            JudgeAloneAndInside([(byte)first], text);
            for (int second = 0; second < 256; second++)
            {
                JudgeAloneAndInside([(byte)first, (byte)second], text);
                for (int third = 0; third < 256; third++)
                {
                    // The vectors see pairs and, of a third byte, the high nibble: these thirds tell as much as all.
                    ReadOnlySpan<byte> sequence = [(byte)first, (byte)second, (byte)third];
                    JudgeAlone(sequence);
                    if (Telling.AsSpan().Contains((byte)third))
                    {
                        JudgeInside(sequence, text);
                    }
                }
            }
        });
    }

    [Fact]
    public void Sequences_of_four_bytes_are_judged_as_the_table_says_alone_and_inside_a_long_text()
    {
        Parallel.For(0, 256, first =>
        {
            Span<byte> text = stackalloc byte[160];
            text.Fill((byte)'a');
            for (int second = 0; second < 256; second++)
            {
                foreach (byte third in Telling)
                {
                    foreach (byte fourth in Telling)
                    {
                        JudgeAloneAndInside([(byte)first, (byte)second, third, fourth], text);
                    }
                }
            }
        });
    }

    [Fact]
    public void Every_character_is_valid_wherever_it_stands_in_a_vector()
    {
        byte[] text = new byte[224];
        for (int value = 0x80; value <= 0x10FFFF; value++)
        {
            if (!Rune.TryCreate(value, out Rune rune))
            {
                continue;
            }

            int position = value % 208;
            int length = rune.EncodeToUtf8(text.AsSpan(position));
            if (!Utf8Validator.IsValid(text))
            {
                Assert.Fail($"{rune.Value:X} at {position}");
            }

            text.AsSpan(position, length).Clear();
        }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 12), .. Enumerable.Range(0, 4).Select(_ => Random.Shared.Next())];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_text_with_an_error_at_any_place_and_cut_at_any_place_fails_exactly_where_it_is_certain(int seed)
    {
        Random random = new(seed);
        byte[] text = Mix(random, random.Next(40, 130));
        AssertJudged(text, text.Length, seed);
        for (int place = 0; place < text.Length; place++)
        {
            byte[] wrong = random.Next(4) switch
            {
                0 => [.. text[..place], (byte)random.Next(256), .. text[(place + 1)..]],
                1 => [.. text[..place], .. text[(place + 1)..]],
                2 => [.. text[..place], Telling[random.Next(Telling.Length)], .. text[place..]],
                _ => [.. text[..place], 0xED, 0xA0, 0x80, .. text[place..]],
            };
            for (int cut = 0; cut <= wrong.Length; cut++)
            {
                AssertJudged(wrong, cut, seed);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_long_text_in_random_pieces_fails_in_the_piece_where_it_is_certain(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 100; round++)
        {
            byte[] text = Mix(random, random.Next(1, 5000));
            if (round % 2 == 0)
            {
                text[random.Next(text.Length)] = (byte)random.Next(256);
            }

            (int failure, bool complete) = Utf8Oracle.Judge(text);
            Utf8Validator validator = default;
            int position = 0;
            while (position < text.Length)
            {
                int length = Math.Min(random.Next(random.Next(2) == 0 ? 8 : 400), text.Length - position);
                bool valid = validator.Append(text.AsSpan(position, length));
                position += length;
                Assert.True(valid == failure >= position, $"seed {seed}, round {round}: {valid} after {position} bytes, failure at {failure}");
            }

            Assert.True(validator.IsComplete == (failure == text.Length && complete), $"seed {seed}, round {round}");
            Assert.True(Utf8Validator.IsValid(text) == Utf8.IsValid(text), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Judges_as_the_base_library_does_whatever_the_bytes()
    {
        Gen<byte[]> piece = Gen.OneOf(
            Gen.Elements("a", "quite plain text, longer than one vector of any width there is", "é", "жжж", "中文", "😀", "\uFFFF").Select(Encoding.UTF8.GetBytes),
            Gen.Frequency((1, Gen.Elements(Telling).ArrayOf(1)), (4, Gen.Constant(Array.Empty<byte>()))));

        Prop.ForAll(piece.ListOf().ToArbitrary(), pieces =>
        {
            byte[] whole = [.. pieces.SelectMany(bytes => bytes)];
            (int failure, bool complete) = Utf8Oracle.Judge(whole);
            Utf8Validator validator = default;
            int position = 0;
            foreach (byte[] bytes in pieces)
            {
                position += bytes.Length;
                if (validator.Append(bytes) != (failure >= position))
                {
                    return false;
                }
            }

            return validator.IsComplete == (failure == whole.Length && complete) && Utf8Validator.IsValid(whole) == Utf8.IsValid(whole);
        }).Check(Properties.Of(2000));
    }

    [Fact]
    public void Reads_nothing_outside_of_its_bytes()
    {
        // The neighbours would make each text invalid, or its first and last characters whole.
        for (int length = 0; length < 200; length++)
        {
            byte[] buffer = new byte[length + 128];
            buffer.AsSpan().Fill(0xFF);
            Span<byte> text = buffer.AsSpan(64, length);
            for (int i = 0; i + 1 < length; i += 2)
            {
                "ж"u8.CopyTo(text[i..]);
            }

            if (length % 2 == 1)
            {
                text[^1] = (byte)'a';
            }

            Assert.True(Utf8Validator.IsValid(text), $"{length}");
        }
    }

    private static void JudgeAloneAndInside(ReadOnlySpan<byte> sequence, Span<byte> text)
    {
        JudgeAlone(sequence);
        JudgeInside(sequence, text);
    }

    private static void JudgeAlone(ReadOnlySpan<byte> sequence)
    {
        (int failure, bool complete) = Utf8Oracle.Judge(sequence);
        Utf8Validator validator = default;
        bool valid = validator.Append(sequence);
        bool same = valid == (failure == sequence.Length) && validator.IsComplete == (valid && complete);

        validator.Reset();
        for (int i = 0; i < sequence.Length; i++)
        {
            same &= validator.Append(sequence.Slice(i, 1)) == i < failure;
        }

        if (!same)
        {
            Assert.Fail(Convert.ToHexString(sequence));
        }
    }

    // The text is of the letter 'a', which no character that is cut can bear; the sequence goes where vectors of 16, of 32 and of 64 bytes meet.
    private static void JudgeInside(ReadOnlySpan<byte> sequence, Span<byte> text)
    {
        const int Place = 63;
        (int failure, bool complete) = Utf8Oracle.Judge(sequence);
        bool possible = failure == sequence.Length;
        bool whole = possible && complete;

        sequence.CopyTo(text[Place..]);
        bool same = Utf8Validator.IsValid(text) == whole
            && Utf8Validator.IsValid(text[..(Place + sequence.Length)]) == whole
            && Utf8Validator.IsValid(text[32..112]) == whole
            && Utf8Validator.IsValid(text[48..82]) == whole
            && Utf8Validator.IsValid(text[50..82]) == whole;
        Utf8Validator validator = default;
        same &= validator.Append(text[..(Place + sequence.Length)]) == possible && validator.IsComplete == whole;
        text.Slice(Place, sequence.Length).Fill((byte)'a');
        if (!same)
        {
            Assert.Fail(Convert.ToHexString(sequence));
        }
    }

    private static void AssertJudged(byte[] text, int cut, int seed)
    {
        (int failure, bool complete) = Utf8Oracle.Judge(text);
        Utf8Validator validator = default;
        bool before = validator.Append(text.AsSpan(0, cut));
        bool after = validator.Append(text.AsSpan(cut));
        bool same = before == failure >= cut && after == (failure == text.Length) && validator.IsComplete == (after && complete);

        validator.Reset();
        same &= validator.Append(text.AsSpan(0, failure));
        if (failure < text.Length)
        {
            validator.Reset();
            same &= !validator.Append(text.AsSpan(0, failure + 1));
        }

        same &= Utf8Validator.IsValid(text) == Utf8.IsValid(text);
        if (!same)
        {
            Assert.Fail($"seed {seed}, cut {cut}, failure at {failure}: {Convert.ToHexString(text)}");
        }
    }

    // Runs of one script each, as texts have them; at least `length` bytes.
    private static byte[] Mix(Random random, int length)
    {
        List<byte> text = [];
        Span<byte> encoded = stackalloc byte[4];
        while (text.Count < length)
        {
            (int min, int max) = random.Next(5) switch { 0 => (0, 0x80), 1 => (0x80, 0x800), 2 => (0x800, 0xD800), 3 => (0xE000, 0x10000), _ => (0x10000, 0x110000) };
            for (int run = random.Next(1, 30); run > 0; run--)
            {
                int size = new Rune(random.Next(min, max)).EncodeToUtf8(encoded);
                text.AddRange(encoded[..size]);
            }
        }

        return [.. text];
    }
}
