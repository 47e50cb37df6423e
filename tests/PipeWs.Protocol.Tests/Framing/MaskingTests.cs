using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class MaskingTests
{
    private const uint Key = 0x3D21FA37; // read from 37 FA 21 3D on a little-endian machine

    private static readonly int[] Lengths = [.. Enumerable.Range(0, 201), 255, 256, 257, 511, 512, 513, 640, 1000, 1024, 4095, 4096, 4097, 16384, 65537];

    [Fact]
    public void Unmasks_the_example_of_the_RFC()
    {
        // RFC 6455, section 5.7: "Hello".
        byte[] payload = [0x7F, 0x9F, 0x4D, 0x51, 0x58];
        Masking.Apply(payload, BitConverter.ToUInt32([0x37, 0xFA, 0x21, 0x3D]));
        Assert.Equal("Hello"u8.ToArray(), payload);
    }

    [Fact]
    public void In_place_agrees_with_the_byte_loop_at_every_offset_length_and_alignment()
    {
        const int Guard = 64;
        foreach (int length in Lengths)
        {
            int alignments = length <= 200 ? 17 : length <= 1024 ? 65 : 3;
            for (int alignment = 0; alignment < alignments; alignment++)
            {
                for (int offset = 0; offset < 5; offset++)
                {
                    byte[] buffer = Noise(Guard + alignment + length + Guard);
                    byte[] expected = [.. buffer];
                    MaskByBytes(expected.AsSpan(Guard + alignment, length), Key, offset);

                    Masking.Apply(buffer.AsSpan(Guard + alignment, length), Key, offset);

                    Assert.True(expected.AsSpan().SequenceEqual(buffer), $"length {length}, alignment {alignment}, offset {offset}");
                }
            }
        }
    }

    [Fact]
    public void Copying_agrees_with_the_byte_loop_and_leaves_the_source_and_its_neighbours_alone()
    {
        const int Guard = 64;
        foreach (int length in Lengths)
        {
            for (int alignment = 0; alignment < 3; alignment++)
            {
                for (int offset = 0; offset < 4; offset++)
                {
                    byte[] source = Noise(alignment + length);
                    byte[] untouched = [.. source];
                    byte[] destination = Noise(Guard + length + Guard);
                    byte[] expected = [.. destination];
                    source.AsSpan(alignment).CopyTo(expected.AsSpan(Guard));
                    MaskByBytes(expected.AsSpan(Guard, length), Key, offset);

                    Masking.Apply(source.AsSpan(alignment), destination.AsSpan(Guard), Key, offset);

                    Assert.True(expected.AsSpan().SequenceEqual(destination), $"length {length}, alignment {alignment}, offset {offset}");
                    Assert.True(untouched.AsSpan().SequenceEqual(source), $"length {length}, alignment {alignment}, offset {offset}");
                }
            }
        }
    }

    [Fact]
    public void Copying_onto_itself_is_masking_in_place()
    {
        foreach (int length in Lengths)
        {
            byte[] payload = Noise(length);
            byte[] expected = [.. payload];
            MaskByBytes(expected, Key, 1);
            Masking.Apply((ReadOnlySpan<byte>)payload, payload, Key, 1);
            Assert.True(expected.AsSpan().SequenceEqual(payload), $"length {length}");
        }
    }

    [Fact]
    public void Copying_into_too_short_a_destination_throws_and_writes_nothing()
    {
        byte[] destination = new byte[4];
        Assert.Throws<ArgumentException>("destination", () => Masking.Apply("Hello"u8, destination, Key));
        Assert.Equal(new byte[4], destination);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(int.MaxValue - 1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MinValue + 3)]
    [InlineData(-1)]
    [InlineData(1 << 30)]
    [InlineData((1 << 29) + 1)]
    public void Only_the_two_low_bits_of_the_offset_matter(int offset)
    {
        byte[] payload = Noise(100);
        byte[] expected = [.. payload];
        MaskByBytes(expected, Key, offset & 3);
        Masking.Apply(payload, Key, offset);
        Assert.Equal(expected, payload);
    }

    [Fact]
    public void A_payload_masked_in_segments_is_the_payload_masked_at_once()
    {
        var cases =
            from length in Gen.Choose(0, 600)
            from cuts in Gen.Choose(0, length).ListOf()
            from key in ArbMap.Default.GeneratorFor<uint>()
            select (length, cuts: cuts.Order().ToArray(), key);

        Prop.ForAll(cases.ToArbitrary(), sample =>
        {
            byte[] payload = Noise(sample.length);
            byte[] expected = [.. payload];
            MaskByBytes(expected, sample.key, 0);
            int position = 0;
            foreach (int cut in (int[])[.. sample.cuts, sample.length])
            {
                Masking.Apply(payload.AsSpan(position..cut), sample.key, position);
                position = cut;
            }

            return expected.AsSpan().SequenceEqual(payload);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Masking_twice_gives_the_payload_back()
    {
        byte[] payload = Noise(777);
        byte[] masked = new byte[777];
        Masking.Apply(payload, masked, Key, 3);
        Assert.NotEqual(payload, masked);
        Masking.Apply(masked, Key, 3);
        Assert.Equal(payload, masked);
    }

    private static void MaskByBytes(Span<byte> payload, uint maskingKey, int offset)
    {
        byte[] key = BitConverter.GetBytes(maskingKey);
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] ^= key[(i + offset) % 4];
        }
    }

    private static byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
