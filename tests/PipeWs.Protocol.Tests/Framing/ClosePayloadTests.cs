using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class ClosePayloadTests
{
    [Fact]
    public void An_empty_body_reads_as_no_status_received()
    {
        ProtocolError error = ClosePayload.Read([], out ushort code, out string reason);
        Assert.False(error.IsError);
        Assert.Equal(1005, code);
        Assert.Equal("", reason);
    }

    [Fact]
    public void A_body_of_one_byte_is_1002()
    {
        for (int value = 0; value <= 255; value++)
        {
            Assert.Equal(1002, ClosePayload.Read([(byte)value], out _, out string reason).Code);
            Assert.Equal("", reason);
        }
    }

    [Theory]
    [InlineData(0x00, 0x00)] // 0
    [InlineData(0x03, 0xE7)] // 999
    [InlineData(0x03, 0xEC)] // 1004
    [InlineData(0x03, 0xED)] // 1005
    [InlineData(0x03, 0xEE)] // 1006
    [InlineData(0x03, 0xF7)] // 1015
    [InlineData(0x03, 0xF8)] // 1016
    [InlineData(0x04, 0x4C)] // 1100
    [InlineData(0x07, 0xD0)] // 2000
    [InlineData(0x0B, 0xB7)] // 2999
    [InlineData(0x13, 0x88)] // 5000
    [InlineData(0xFF, 0xFF)] // 65535
    public void A_code_that_must_not_be_sent_is_1002(byte high, byte low)
    {
        Assert.Equal(1002, ClosePayload.Read([high, low], out _, out string reason).Code);
        Assert.Equal("", reason);
        Assert.Equal(1002, ClosePayload.Read([high, low, (byte)'b', (byte)'y', (byte)'e'], out _, out reason).Code);
        Assert.Equal("", reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(999)]
    [InlineData(1004)]
    [InlineData(1006)]
    [InlineData(1015)]
    [InlineData(1016)]
    [InlineData(2999)]
    [InlineData(5000)]
    [InlineData(65535)]
    public void A_code_that_must_not_be_sent_is_not_written(int code)
    {
        byte[] body = new byte[125];
        Assert.Throws<ArgumentOutOfRangeException>(nameof(code), () => ClosePayload.Write(body, (ushort)code, "bye"));
        Assert.Equal(new byte[125], body);
    }

    [Theory]
    [InlineData(0x03, 0xE8, 1000)]
    [InlineData(0x03, 0xEB, 1003)]
    [InlineData(0x03, 0xEF, 1007)]
    [InlineData(0x03, 0xF6, 1014)]
    [InlineData(0x0B, 0xB8, 3000)]
    [InlineData(0x13, 0x87, 4999)]
    public void A_code_that_may_be_sent_is_read_and_written(byte high, byte low, int expected)
    {
        byte[] body = [high, low, (byte)'b', (byte)'y', (byte)'e'];
        Assert.False(ClosePayload.Read(body, out ushort code, out string reason).IsError);
        Assert.Equal(expected, code);
        Assert.Equal("bye", reason);

        byte[] written = new byte[125];
        int length = ClosePayload.Write(written, code, reason);
        Assert.Equal(body, written[..length]);
    }

    [Theory]
    [InlineData(new byte[] { 0xFF })]
    [InlineData(new byte[] { 0x80 })]
    [InlineData(new byte[] { 0xC0, 0x80 })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    [InlineData(new byte[] { 0xF4, 0x90, 0x80, 0x80 })]
    [InlineData(new byte[] { 0x6F, 0x6B, 0xE2, 0x82 })] // cut in the middle of a character
    public void A_reason_that_is_not_UTF8_is_1007(byte[] bytes)
    {
        Assert.Equal(1007, ClosePayload.Read([0x03, 0xE8, .. bytes], out ushort code, out string reason).Code);
        Assert.Equal(1000, code);
        Assert.Equal("", reason);
    }

    [Fact]
    public void A_byte_order_mark_is_part_of_the_reason()
    {
        Assert.False(ClosePayload.Read([0x03, 0xE8, 0xEF, 0xBB, 0xBF], out _, out string reason).IsError);
        Assert.Equal("\uFEFF", reason);
    }

    [Fact]
    public void No_status_received_is_written_as_an_empty_body()
    {
        Assert.Equal(0, ClosePayload.Write([], CloseCode.NoStatusReceived, "never sent"));
    }

    [Fact]
    public void A_body_is_never_longer_than_a_control_frame_allows()
    {
        // One, two, three and four bytes a character; each is cut at the last whole one within 123 bytes.
        foreach (string character in (string[])["x", "ж", "中", "😀"])
        {
            int size = Encoding.UTF8.GetByteCount(character);
            for (int count = 0; count <= 130; count++)
            {
                string reason = string.Concat(Enumerable.Repeat(character, count));
                byte[] body = new byte[125];
                int length = ClosePayload.Write(body, 1011, reason);
                int whole = Math.Min(count, 123 / size);
                Assert.Equal(2 + whole * size, length);
                Assert.False(ClosePayload.Read(body.AsSpan(0, length), out ushort code, out string read).IsError);
                Assert.Equal(1011, code);
                Assert.Equal(reason[..(whole * character.Length)], read);
            }
        }
    }

    [Fact]
    public void A_lone_surrogate_is_written_as_the_replacement_character()
    {
        byte[] body = new byte[125];
        int length = ClosePayload.Write(body, 1000, "a\uD800b");
        Assert.Equal([0x03, 0xE8, 0x61, 0xEF, 0xBF, 0xBD, 0x62], body[..length]);
    }
}
