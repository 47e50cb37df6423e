using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

/// <summary>Unmasking and judging in one pass is unmasking, and then judging.</summary>
public class Utf8UnmaskTests
{
    private const uint Key = 0x3D21FA37;
    private const int Guard = 64;

    // Around the widths of the vectors, where long payloads begin to be aligned, and where the blocks end that are judged at a time.
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 140), 511, 512, 513, 1000, 8191, 8192, 8193, 8196, 16384, 20001];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8), .. Enumerable.Range(0, 4).Select(_ => Random.Shared.Next())];

    [Fact]
    public void Ascii_is_unmasked_and_valid_at_every_length_alignment_and_offset()
    {
        foreach (int length in Lengths)
        {
            byte[] text = Letters(length);
            for (int alignment = 0; alignment < (length <= 1024 ? 65 : 3); alignment++)
            {
                for (int offset = 0; offset < 4; offset++)
                {
                    byte[] buffer = new byte[Guard + alignment + length + Guard];
                    Masking.Apply(text, buffer.AsSpan(Guard + alignment), Key, offset);
                    Utf8Validator validator = default;
                    Span<byte> payload = buffer.AsSpan(Guard + alignment, length);

                    Assert.True(validator.Unmask(payload, payload, Key, offset));

                    Assert.True(validator.IsComplete);
                    Assert.True(text.AsSpan().SequenceEqual(payload), $"length {length}, alignment {alignment}, offset {offset}");
                    Assert.False(buffer.AsSpan(0, Guard + alignment).ContainsAnyExcept((byte)0));
                    Assert.False(buffer.AsSpan(Guard + alignment + length).ContainsAnyExcept((byte)0));
                }
            }
        }
    }

    [Fact]
    public void A_byte_that_no_text_holds_is_seen_wherever_it_stands()
    {
        foreach (int length in Lengths)
        {
            foreach (int place in length <= 1000 ? Enumerable.Range(0, length) : [0, 1, 63, 64, 8191, 8192, length - 65, length - 1])
            {
                byte[] text = Letters(length);
                if (place >= length)
                {
                    continue;
                }

                text[place] = 0xFF;
                Masking.Apply(text, Key);
                Assert.False(Utf8Validator.Unmask(text, Key), $"length {length}, place {place}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_text_unmasked_in_random_pieces_is_judged_as_one_that_came_plain(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 60; round++)
        {
            byte[] text = Mix(random, random.Next(1, round % 3 == 0 ? 30_000 : 600));
            if (round % 2 == 0)
            {
                text[random.Next(text.Length)] = (byte)random.Next(256);
            }

            byte[] masked = [.. text];
            Masking.Apply(masked, Key);
            byte[] destination = new byte[text.Length];
            Utf8Validator plain = default;
            Utf8Validator unmasking = default;
            int position = 0;
            while (position < text.Length)
            {
                int length = Math.Min(random.Next(random.Next(2) == 0 ? 8 : 12_000), text.Length - position);
                bool expected = plain.Append(text.AsSpan(position, length));
                bool valid = random.Next(2) == 0
                    ? unmasking.Unmask(masked.AsSpan(position, length), destination.AsSpan(position), Key, position)
                    : UnmaskInPlace(ref unmasking, masked.AsSpan(position, length), destination.AsSpan(position), position);
                position += length;
                Assert.True(expected == valid, $"seed {seed}, round {round}: {valid} after {position} bytes");
                Assert.True(plain.IsComplete == unmasking.IsComplete, $"seed {seed}, round {round}: after {position} bytes");
                if (!valid)
                {
                    break;
                }

                Assert.True(text.AsSpan(0, position).SequenceEqual(destination.AsSpan(0, position)), $"seed {seed}, round {round}: after {position} bytes");
            }

            byte[] whole = [.. text];
            Masking.Apply(whole, Key);
            Assert.Equal(Utf8Validator.IsValid(text), Utf8Validator.Unmask(whole, Key));
        }
    }

    [Fact]
    public void A_character_that_is_cut_must_go_on_after_the_cut_though_what_follows_is_ascii()
    {
        byte[] masked = [.. "ж"u8[..1], .. "abc"u8];
        Masking.Apply(masked, Key);
        Utf8Validator validator = default;

        Assert.True(validator.Unmask(masked.AsSpan(0, 1), masked, Key));
        Assert.False(validator.IsComplete);
        Assert.True(validator.Unmask([], [], Key, 1));
        Assert.False(validator.Unmask(masked.AsSpan(1), masked.AsSpan(1), Key, 1));
        Assert.False(validator.Unmask([], [], Key, 0));
        Assert.False(Utf8Validator.Unmask([(byte)(0xD0 ^ 0x37)], Key));
        Assert.True(Utf8Validator.Unmask([], Key));
    }

    [Fact]
    public void Into_too_short_a_destination_throws_and_writes_nothing()
    {
        byte[] destination = new byte[4];
        Assert.Throws<ArgumentException>("destination", () =>
        {
            Utf8Validator validator = default;
            validator.Unmask("Hello"u8, destination, Key);
        });
        Assert.Equal(new byte[4], destination);
    }

    private static bool UnmaskInPlace(ref Utf8Validator validator, Span<byte> masked, Span<byte> destination, int offset)
    {
        bool valid = validator.Unmask(masked, masked, Key, offset);
        masked.CopyTo(destination);
        return valid;
    }

    private static byte[] Letters(int length)
    {
        byte[] text = new byte[length];
        for (int i = 0; i < length; i++)
        {
            text[i] = (byte)('a' + (i % 26));
        }

        return text;
    }

    // Long runs of ASCII, so that whole blocks are of it, and runs of everything else.
    private static byte[] Mix(Random random, int length)
    {
        StringBuilder text = new();
        for (int bytes = 0; bytes < length;)
        {
            string run = random.Next(5) switch
            {
                0 => new string('a', random.Next(1, 20_000)),
                1 => string.Concat(Enumerable.Repeat("ж", random.Next(1, 30))),
                2 => string.Concat(Enumerable.Repeat("東京", random.Next(1, 30))),
                3 => "🗼",
                _ => " quite plain ",
            };
            text.Append(run);
            bytes += Encoding.UTF8.GetByteCount(run);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
