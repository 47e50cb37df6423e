using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Tests.Framing;
using PipeWs.Shared;

namespace PipeWs.Protocol.Tests.Segmentation;

/// <summary>Headers and text judge bytes that come in pieces as they judge them together.</summary>
public class FramingSegmentationTests
{
    private static readonly Config Many = Properties.Of(3000);
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Fact]
    public void A_header_is_whole_at_its_last_byte_and_nothing_that_follows_changes_it() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            byte[] bytes = new byte[FrameHeader.MaxLength + 6];
            new Random(seed).NextBytes(bytes);
            bool whole = FrameHeader.TryRead(bytes, out FrameHeader expected);
            Assert.True(whole);
            for (int length = 0; length <= bytes.Length; length++)
            {
                Assert.Equal(length >= 2, FrameHeader.TryReadStart(bytes.AsSpan(0, length), out FrameHeader start));
                Assert.Equal(length >= expected.Length, FrameHeader.TryRead(bytes.AsSpan(0, length), out FrameHeader header));
                if (length >= expected.Length)
                {
                    Assert.Equal(expected, header);
                }

                // The first two bytes are judged alone as they are with the rest.
                if (length >= 2)
                {
                    foreach ((bool isServer, bool inMessage, bool allowRsv1) in (ReadOnlySpan<(bool, bool, bool)>)[(true, false, false), (true, true, true), (false, false, true), (false, true, false)])
                    {
                        Assert.Equal(FrameRules.CheckStart(expected, isServer, inMessage, allowRsv1), FrameRules.CheckStart(start, isServer, inMessage, allowRsv1));
                    }
                }
            }
        }));

    [Fact]
    public void Text_fails_in_the_piece_that_holds_the_byte_which_makes_it_certain() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var random = new Random(seed);
            byte[] text = Text(random);
            (int failure, bool complete) = Utf8Oracle.Judge(text);
            Utf8Validator validator = default;
            int end = 0;
            foreach (int piece in Cuts.Random(text.Length, random))
            {
                bool valid = validator.Append(text.AsSpan(end, piece));
                end += piece;
                Assert.Equal(failure >= end, valid);
            }

            Assert.Equal(failure == text.Length && complete, validator.IsComplete);
            Assert.Equal(validator.IsComplete, Utf8Validator.IsValid(text));
        }));

    [Fact]
    public void A_payload_is_unmasked_the_same_however_it_is_cut() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var random = new Random(seed);
            byte[] payload = new byte[random.Next(300)];
            random.NextBytes(payload);
            uint key = (uint)random.NextInt64(1L << 32);
            byte[] expected = new byte[payload.Length];
            byte[] keyBytes = BitConverter.GetBytes(key);
            for (int i = 0; i < payload.Length; i++)
            {
                expected[i] = (byte)(payload[i] ^ keyBytes[i % 4]);
            }

            int offset = 0;
            foreach (int piece in Cuts.Random(payload.Length, random))
            {
                Masking.Apply(payload.AsSpan(offset, piece), key, offset);
                offset += piece;
            }

            Assert.Equal(expected, payload);
        }));

    private static byte[] Text(Random random)
    {
        string[] pieces = ["a", "plain text that is longer than one vector of any width, so that all of them are used", "é", "жж", "中文", "😀", "\uFFFF"];
        var text = new StringBuilder();
        for (int i = random.Next(30); i > 0; i--)
        {
            text.Append(pieces[random.Next(pieces.Length)]);
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        if (bytes.Length > 0 && random.Next(2) == 0)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(0x80, 0x100);
        }

        return random.Next(4) == 0 ? bytes[..random.Next(bytes.Length + 1)] : bytes;
    }
}
