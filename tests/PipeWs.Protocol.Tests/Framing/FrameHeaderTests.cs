using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class FrameHeaderTests
{
    private static readonly long[] Boundaries =
        [0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, int.MaxValue, 1L << 31, 1L << 32, long.MaxValue - 1, long.MaxValue];

    private static readonly Opcode[] Opcodes = [Opcode.Continuation, Opcode.Text, Opcode.Binary, Opcode.Close, Opcode.Ping, Opcode.Pong];

    // RFC 6455, section 5.7.
    [Theory]
    [InlineData(new byte[] { 0x81, 0x05 }, true, Opcode.Text, false, 5UL)]
    [InlineData(new byte[] { 0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D }, true, Opcode.Text, true, 5UL)]
    [InlineData(new byte[] { 0x01, 0x03 }, false, Opcode.Text, false, 3UL)]
    [InlineData(new byte[] { 0x80, 0x02 }, true, Opcode.Continuation, false, 2UL)]
    [InlineData(new byte[] { 0x89, 0x05 }, true, Opcode.Ping, false, 5UL)]
    [InlineData(new byte[] { 0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D }, true, Opcode.Pong, true, 5UL)]
    [InlineData(new byte[] { 0x82, 0x7E, 0x01, 0x00 }, true, Opcode.Binary, false, 256UL)]
    [InlineData(new byte[] { 0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00 }, true, Opcode.Binary, false, 65536UL)]
    public void Reads_and_writes_the_examples_of_the_RFC(byte[] bytes, bool fin, Opcode opcode, bool masked, ulong payloadLength)
    {
        Assert.True(FrameHeader.TryRead(bytes, out FrameHeader header));
        Assert.Equal(fin, header.Fin);
        Assert.Equal(0, header.Rsv);
        Assert.Equal(opcode, header.Opcode);
        Assert.Equal(masked, header.Masked);
        Assert.Equal(payloadLength, header.PayloadLength);
        Assert.Equal(bytes.Length, header.Length);
        Assert.Equal(masked ? BitConverter.ToUInt32([0x37, 0xFA, 0x21, 0x3D]) : 0, header.MaskingKey);

        byte[] written = new byte[FrameHeader.MaxLength];
        int length = masked
            ? FrameHeader.WriteMasked(written, opcode, (long)payloadLength, header.MaskingKey, fin)
            : FrameHeader.Write(written, opcode, (long)payloadLength, fin);
        Assert.Equal(bytes, written[..length]);
    }

    [Fact]
    public void Every_pair_of_first_bytes_is_told_apart()
    {
        for (int pair = 0; pair <= ushort.MaxValue; pair++)
        {
            byte[] bytes = [(byte)(pair >> 8), (byte)pair];
            Assert.True(FrameHeader.TryReadStart(bytes, out FrameHeader start));
            Assert.Equal((bytes[0] & 0x80) != 0, start.Fin);
            Assert.Equal(bytes[0] & 0x70, start.Rsv);
            Assert.Equal(bytes[0] & 0x0F, (int)start.Opcode);
            Assert.Equal((bytes[0] & 0x0F) >= 8, start.IsControl);
            Assert.Equal((bytes[1] & 0x80) != 0, start.Masked);
            Assert.Equal(bytes[1] & 0x7F, start.ShortLength);
            int extended = (bytes[1] & 0x7F) switch { 126 => 2, 127 => 8, _ => 0 };
            Assert.Equal(2 + extended + (bytes[1] >> 7) * 4, start.Length);
        }
    }

    [Fact]
    public void The_start_needs_two_bytes()
    {
        Assert.False(FrameHeader.TryReadStart([], out _));
        Assert.False(FrameHeader.TryReadStart([0x81], out _));
        Assert.True(FrameHeader.TryReadStart([0x81, 0xFE], out _));
    }

    [Fact]
    public void Reads_a_length_with_the_forbidden_top_bit_as_sent()
    {
        Assert.True(FrameHeader.TryRead([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0x01], out FrameHeader header));
        Assert.Equal(0x8000_0000_0000_0001UL, header.PayloadLength);
    }

    [Fact]
    public void Reads_a_length_that_is_not_minimal_as_sent()
    {
        Assert.True(FrameHeader.TryRead([0x82, 0xFE, 0x00, 0x02, 1, 2, 3, 4], out FrameHeader header));
        Assert.Equal(2UL, header.PayloadLength);
        Assert.Equal(126, header.ShortLength);
        Assert.Equal(8, header.Length);
        Assert.Equal(BitConverter.ToUInt32([1, 2, 3, 4]), header.MaskingKey);
    }

    [Fact]
    public void A_header_is_read_from_its_last_byte_on_and_not_before()
    {
        Span<byte> buffer = stackalloc byte[FrameHeader.MaxLength + 3];
        foreach (long payloadLength in Boundaries)
        {
            foreach (bool masked in (bool[])[false, true])
            {
                buffer.Fill(0xEE);
                int length = Write(buffer, Opcode.Binary, payloadLength, masked, 0xA1B2C3D4, true, 0);
                for (int available = 0; available < length; available++)
                {
                    Assert.False(FrameHeader.TryRead(buffer[..available], out _), $"length {payloadLength}, masked {masked}, {available} bytes");
                }

                for (int available = length; available <= buffer.Length; available++)
                {
                    Assert.True(FrameHeader.TryRead(buffer[..available], out FrameHeader header));
                    Assert.Equal((ulong)payloadLength, header.PayloadLength);
                    Assert.Equal(masked ? 0xA1B2C3D4 : 0, header.MaskingKey);
                    Assert.Equal(length, header.Length);
                }

                Assert.All(buffer[length..].ToArray(), rest => Assert.Equal(0xEE, rest));
            }
        }
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(125, 2)]
    [InlineData(126, 4)]
    [InlineData(65535, 4)]
    [InlineData(65536, 10)]
    [InlineData(long.MaxValue, 10)]
    public void The_length_is_written_in_its_shortest_form(long payloadLength, int expected)
    {
        byte[] buffer = new byte[FrameHeader.MaxLength];
        Assert.Equal(expected, FrameHeader.Write(buffer, Opcode.Binary, payloadLength));
        Assert.Equal(expected, FrameHeader.GetLength(payloadLength, masked: false));
        Assert.Equal(expected + 4, FrameHeader.WriteMasked(buffer, Opcode.Binary, payloadLength, 1));
        Assert.Equal(expected + 4, FrameHeader.GetLength(payloadLength, masked: true));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void A_negative_length_is_not_written(long payloadLength)
    {
        byte[] buffer = new byte[FrameHeader.MaxLength];
        Assert.Throws<ArgumentOutOfRangeException>(nameof(payloadLength), () => FrameHeader.Write(buffer, Opcode.Binary, payloadLength));
        Assert.Throws<ArgumentOutOfRangeException>(nameof(payloadLength), () => FrameHeader.WriteMasked(buffer, Opcode.Binary, payloadLength, 1));
        Assert.Equal(new byte[FrameHeader.MaxLength], buffer);
    }

    [Fact]
    public void What_is_written_is_read_and_is_minimal()
    {
        var header =
            from opcode in Gen.Elements(Opcodes)
            from payloadLength in Gen.OneOf(Gen.Elements(Boundaries), ArbMap.Default.GeneratorFor<long>().Select(n => n & long.MaxValue), Gen.Choose(0, 200_000).Select(n => (long)n))
            from maskingKey in Gen.OneOf(Gen.Constant(0U), ArbMap.Default.GeneratorFor<uint>())
            from flags in Gen.Choose(0, 31)
            select (opcode, payloadLength, maskingKey, masked: (flags & 1) != 0, fin: (flags & 2) != 0, rsv: (byte)((flags >> 2) << 4));

        Prop.ForAll(header.ToArbitrary(), expected =>
        {
            byte[] buffer = new byte[FrameHeader.MaxLength];
            int length = Write(buffer, expected.opcode, expected.payloadLength, expected.masked, expected.maskingKey, expected.fin, expected.rsv);
            return FrameHeader.TryRead(buffer, out FrameHeader read)
                && !FrameHeader.TryRead(buffer.AsSpan(0, length - 1), out _)
                && read.Opcode == expected.opcode
                && read.PayloadLength == (ulong)expected.payloadLength
                && read.Masked == expected.masked
                && read.MaskingKey == (expected.masked ? expected.maskingKey : 0)
                && read.Fin == expected.fin
                && read.Rsv == expected.rsv
                && read.Length == length
                && length == FrameHeader.GetLength(expected.payloadLength, expected.masked)
                && !FrameRules.CheckLength(read).IsError;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_is_read_in_minimal_form_is_written_back_byte_for_byte()
    {
        Prop.ForAll(Gen.Choose(0, 255).Select(n => (byte)n).ArrayOf(FrameHeader.MaxLength).ToArbitrary(), bytes =>
        {
            if (!FrameHeader.TryRead(bytes, out FrameHeader header))
            {
                return false; // there are always bytes enough
            }

            if (FrameRules.CheckLength(header).IsError)
            {
                return true;
            }

            byte[] written = new byte[FrameHeader.MaxLength];
            int length = Write(written, header.Opcode, (long)header.PayloadLength, header.Masked, header.MaskingKey, header.Fin, header.Rsv);
            return bytes.AsSpan(0, header.Length).SequenceEqual(written.AsSpan(0, length));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_masking_key_is_in_the_order_of_the_wire()
    {
        byte[] buffer = new byte[FrameHeader.MaxLength];
        byte[] key = [0x11, 0x22, 0x33, 0x44];
        int length = FrameHeader.WriteMasked(buffer, Opcode.Text, 1, BitConverter.ToUInt32(key));
        Assert.Equal([0x81, 0x81, 0x11, 0x22, 0x33, 0x44], buffer[..length]);
        Assert.Equal(0x11223344U, BinaryPrimitives.ReadUInt32BigEndian(buffer.AsSpan(2)));
    }

    private static int Write(Span<byte> destination, Opcode opcode, long payloadLength, bool masked, uint maskingKey, bool fin, byte rsv) => masked
        ? FrameHeader.WriteMasked(destination, opcode, payloadLength, maskingKey, fin, rsv)
        : FrameHeader.Write(destination, opcode, payloadLength, fin, rsv);
}
