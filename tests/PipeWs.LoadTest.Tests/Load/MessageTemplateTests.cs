using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.SignalR;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Tests.Load;

public sealed class MessageTemplateTests
{
    private static readonly LoadOptions Echo = new() { Url = new Uri("ws://localhost/echo"), Mode = LoadMode.Echo };

    [Theory]
    [InlineData(40)]
    [InlineData(128)]
    [InlineData(131)]
    [InlineData(70_001)]
    public void A_frame_is_masked_and_holds_stamp_and_filler(int payloadBytes)
    {
        var template = new MessageTemplate(Echo with { PayloadBytes = payloadBytes });
        var stamp = new LoadStamp(7, 8, 9);

        byte[] payload = WriteAndUnmask(template, stamp, out FrameHeader header);

        Assert.Equal(Opcode.Text, header.Opcode);
        Assert.True(header.Fin);
        Assert.NotEqual(0u, header.MaskingKey);
        Assert.Equal(payloadBytes, payload.Length);
        Assert.True(LoadStamp.TryRead(payload, out LoadStamp read));
        Assert.Equal(stamp, read);
        Assert.True(template.Matches(payload));
    }

    [Fact]
    public void A_payload_that_differs_in_its_filler_or_length_does_not_match()
    {
        var template = new MessageTemplate(Echo);
        byte[] payload = WriteAndUnmask(template, default, out _);

        Assert.False(template.Matches(payload.AsSpan(0, payload.Length - 1)));
        Assert.False(template.Matches([.. payload, (byte)'q']));
        payload[^1] ^= 1;
        Assert.False(template.Matches(payload));
    }

    [Theory]
    [InlineData(LoadMode.Echo, "Echo")]
    [InlineData(LoadMode.FanOut, "Broadcast")]
    public void A_SignalR_frame_is_an_invocation_around_the_payload(object mode, string method)
    {
        var template = new MessageTemplate(Echo with { Mode = (LoadMode)mode, Protocol = LoadProtocol.SignalR });
        byte[] message = WriteAndUnmask(template, new LoadStamp(1, 2, 3), out _);

        Assert.Equal(HubMessages.RecordSeparator, message[^1]);
        Assert.True(HubMessages.TryReadArgument(message.AsSpan(0, message.Length - 1), out ReadOnlySpan<byte> argument));
        Assert.True(template.Matches(argument));
        Assert.Contains($"\"target\":\"{method}\"", System.Text.Encoding.UTF8.GetString(message), StringComparison.Ordinal);
    }

    [Fact]
    public void Masking_is_the_exclusive_or_with_the_keys_bytes_in_turn()
    {
        byte[] key = [0x37, 0xFA, 0x21, 0x3D];
        for (int length = 0; length < 40; length++)
        {
            byte[] source = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 11))];
            byte[] masked = new byte[length];
            MessageTemplate.MaskTo(masked, source, BitConverter.ToUInt32(key));

            Assert.Equal(source.Select((value, i) => (byte)(value ^ key[i % 4])), masked);
        }
    }

    private static byte[] WriteAndUnmask(MessageTemplate template, LoadStamp stamp, out FrameHeader header)
    {
        byte[] frame = new byte[template.FrameLength];
        Assert.Equal(frame.Length, template.WriteFrame(frame, stamp));
        Assert.True(FrameHeader.TryRead(frame, out header));
        byte[] key = BitConverter.GetBytes(header.MaskingKey);
        return [.. frame.Skip(header.Length).Select((value, i) => (byte)(value ^ key[i % 4]))];
    }
}
