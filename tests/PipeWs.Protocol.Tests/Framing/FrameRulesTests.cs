using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class FrameRulesTests
{
    [Theory]
    [InlineData(0xA1)] // RSV2, text
    [InlineData(0x91)] // RSV3, text
    [InlineData(0xF1)] // all three
    [InlineData(0xE2)] // RSV1 and RSV2, binary
    [InlineData(0xA8)] // RSV2, close
    [InlineData(0x99)] // RSV3, ping
    public void RSV2_and_RSV3_are_1002_whatever_was_negotiated(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true, allowRsv1: false).Code);
        Assert.Equal(1002, Check([first, 0x80], isServer: true, allowRsv1: true).Code);
        Assert.Equal(1002, Check([first, 0x00], isServer: false, allowRsv1: true).Code);
    }

    [Theory]
    [InlineData(0xC1)]
    [InlineData(0xC2)]
    [InlineData(0x41)] // the first of several fragments
    public void RSV1_on_a_first_frame_is_1002_unless_compression_was_negotiated(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true, allowRsv1: false).Code);
        Assert.False(Check([first, 0x80], isServer: true, allowRsv1: true).IsError);
    }

    [Theory]
    [InlineData(0xC8)]
    [InlineData(0xC9)]
    [InlineData(0xCA)]
    public void RSV1_on_a_control_frame_is_1002(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true, allowRsv1: true).Code);
        Assert.Equal(1002, Check([first, 0x80], isServer: true, inMessage: true, allowRsv1: true).Code);
    }

    [Theory]
    [InlineData(0xC0)]
    [InlineData(0x40)]
    public void RSV1_on_a_continuation_is_1002(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true, inMessage: true, allowRsv1: true).Code);
    }

    [Theory]
    [InlineData(0x3)]
    [InlineData(0x4)]
    [InlineData(0x5)]
    [InlineData(0x6)]
    [InlineData(0x7)]
    [InlineData(0xB)]
    [InlineData(0xC)]
    [InlineData(0xD)]
    [InlineData(0xE)]
    [InlineData(0xF)]
    public void A_reserved_opcode_is_1002(byte opcode)
    {
        foreach (bool inMessage in (bool[])[false, true])
        {
            Assert.Equal(1002, Check([(byte)(0x80 | opcode), 0x80], isServer: true, inMessage).Code);
            Assert.Equal(1002, Check([opcode, 0x80], isServer: true, inMessage).Code);
            Assert.Equal(1002, Check([(byte)(0x80 | opcode), 0x00], isServer: false, inMessage).Code);
        }
    }

    [Fact]
    public void An_unmasked_frame_to_the_server_is_1002_from_its_first_two_bytes()
    {
        Assert.Equal(1002, Check([0x81, 0x05], isServer: true).Code);
        Assert.Equal(1002, Check([0x88, 0x00], isServer: true).Code);
        Assert.Equal(1002, Check([0x82, 0x7F], isServer: true).Code);
    }

    [Fact]
    public void A_masked_frame_to_the_client_is_1002_from_its_first_two_bytes()
    {
        Assert.Equal(1002, Check([0x81, 0x85], isServer: false).Code);
        Assert.Equal(1002, Check([0x88, 0x80], isServer: false).Code);
        Assert.Equal(1002, Check([0x82, 0xFF], isServer: false).Code);
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x09)]
    [InlineData(0x0A)]
    public void A_fragmented_control_frame_is_1002(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true).Code);
        Assert.Equal(1002, Check([first, 0x80], isServer: true, inMessage: true).Code);
    }

    [Theory]
    [InlineData(0x88)]
    [InlineData(0x89)]
    [InlineData(0x8A)]
    public void A_control_frame_of_126_bytes_is_1002_from_its_first_two_bytes(byte first)
    {
        Assert.False(Check([first, 0x80 | 125], isServer: true).IsError);
        Assert.Equal(1002, Check([first, 0x80 | 126], isServer: true).Code);
        Assert.Equal(1002, Check([first, 0x80 | 127], isServer: true).Code);
    }

    [Fact]
    public void A_close_frame_of_one_byte_is_1002_from_its_first_two_bytes()
    {
        Assert.Equal(1002, Check([0x88, 0x81], isServer: true).Code);
        Assert.Equal(1002, Check([0x88, 0x01], isServer: false).Code);
        Assert.False(Check([0x88, 0x80], isServer: true).IsError);
        Assert.False(Check([0x88, 0x82], isServer: true).IsError);
        Assert.False(Check([0x89, 0x81], isServer: true).IsError);
    }

    [Theory]
    [InlineData(0x80)]
    [InlineData(0x00)]
    public void A_continuation_without_a_start_is_1002(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true).Code);
        Assert.False(Check([first, 0x80], isServer: true, inMessage: true).IsError);
    }

    [Theory]
    [InlineData(0x81)]
    [InlineData(0x82)]
    [InlineData(0x01)]
    [InlineData(0x02)]
    public void A_data_frame_inside_a_fragmented_message_is_1002(byte first)
    {
        Assert.Equal(1002, Check([first, 0x80], isServer: true, inMessage: true).Code);
        Assert.False(Check([first, 0x80], isServer: true).IsError);
    }

    [Theory]
    [InlineData(0x88)]
    [InlineData(0x89)]
    [InlineData(0x8A)]
    public void A_control_frame_inside_a_fragmented_message_is_legal(byte first)
    {
        Assert.False(Check([first, 0x80], isServer: true, inMessage: true).IsError);
    }

    [Fact]
    public void Exactly_the_legal_starts_pass()
    {
        byte[] data = [0x1, 0x2], control = [0x8, 0x9, 0xA];
        for (int all = 0; all < 65536 * 8; all++)
        {
            byte first = (byte)all, second = (byte)(all >> 8);
            bool isServer = (all & 0x10000) != 0, inMessage = (all & 0x20000) != 0, allowRsv1 = (all & 0x40000) != 0;
            int opcode = first & 0x0F, rsv = first & 0x70;
            bool legal = second >= 0x80 == isServer
                && (rsv == 0 || (rsv == 0x40 && allowRsv1 && data.Contains((byte)opcode)))
                && ((opcode == 0 && inMessage)
                    || (data.Contains((byte)opcode) && !inMessage)
                    || (control.Contains((byte)opcode) && first >= 0x80 && (second & 0x7F) <= 125 && (opcode, second & 0x7F) is not (8, 1)));
            ProtocolError error = Check([first, second], isServer, inMessage, allowRsv1);
            Assert.True(legal == !error.IsError, $"{first:X2} {second:X2}, server {isServer}, in message {inMessage}, RSV1 {allowRsv1}: {error}");
            Assert.True(legal || error.Code == 1002);
            Assert.True(legal || error.Message.Length is > 0 and <= ClosePayload.MaxReasonBytes, error.Message);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x82, 0xFE, 0x00, 0x00, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x82, 0xFE, 0x00, 0x02, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x82, 0xFE, 0x00, 0x7D, 0, 0, 0, 0 })] // 125
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0x00, 0x02, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0x00, 0x7E, 0, 0, 0, 0 })] // 126
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0 })] // 65535
    public void A_length_that_is_not_minimal_is_1002(byte[] bytes)
    {
        Assert.True(FrameHeader.TryRead(bytes, out FrameHeader header));
        ProtocolError error = FrameRules.CheckLength(header);
        Assert.Equal(1002, error.Code);
        Assert.InRange(error.Message.Length, 1, ClosePayload.MaxReasonBytes);
    }

    [Theory]
    [InlineData(new byte[] { 0x82, 0xFD, 0, 0, 0, 0 })] // 125
    [InlineData(new byte[] { 0x82, 0xFE, 0x00, 0x7E, 0, 0, 0, 0 })] // 126
    [InlineData(new byte[] { 0x82, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0 })] // 65535
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 0x01, 0x00, 0x00, 0, 0, 0, 0 })] // 65536
    [InlineData(new byte[] { 0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0 })] // 2^63 - 1
    public void A_minimal_length_is_legal(byte[] bytes)
    {
        Assert.True(FrameHeader.TryRead(bytes, out FrameHeader header));
        Assert.False(FrameRules.CheckLength(header).IsError);
    }

    [Theory]
    [InlineData(new byte[] { 0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0 })]
    public void A_64_bit_length_with_the_top_bit_is_1002(byte[] bytes)
    {
        Assert.True(FrameHeader.TryRead(bytes, out FrameHeader header));
        ProtocolError error = FrameRules.CheckLength(header);
        Assert.Equal(1002, error.Code);
        Assert.InRange(error.Message.Length, 1, ClosePayload.MaxReasonBytes);
    }

    private static ProtocolError Check(ReadOnlySpan<byte> bytes, bool isServer, bool inMessage = false, bool allowRsv1 = false)
    {
        Assert.True(FrameHeader.TryReadStart(bytes, out FrameHeader start));
        return FrameRules.CheckStart(start, isServer, inMessage, allowRsv1);
    }
}
