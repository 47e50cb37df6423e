using System.Buffers;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing.Tests.Frames;

public sealed class WsRawFrameTests
{
    // The examples of RFC 6455, section 5.7.
    public static TheoryData<string, string> Examples => new()
    {
        { "81 05 48 65 6C 6C 6F", "text 5 bytes Hello" },
        { "81 85 37 FA 21 3D 7F 9F 4D 51 58", "text masked 5 bytes Hello" },
        { "01 03 48 65 6C", "text (more follows) 3 bytes Hel" },
        { "80 02 6C 6F", "continuation 2 bytes lo" },
        { "89 05 48 65 6C 6C 6F", "ping 5 bytes 0x48656C6C6F" },
        { "8A 85 37 FA 21 3D 7F 9F 4D 51 58", "pong masked 5 bytes 0x48656C6C6F" },
        { "88 00", "close 1005" },
        { "88 05 0B C0 62 79 65", "close 3008 \"bye\"" },
        { "C3 01 FF", "opcode 0x3 rsv 0x40 1 byte 0xFF" },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public void A_frame_is_read_and_written_as_it_is_on_the_wire(string hex, string shown)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        WsRawFrame frame = Read(bytes);

        Assert.Equal(shown, frame.ToString());
        Assert.Equal(bytes, frame.ToBytes());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(100_000)]
    public void Every_length_is_what_the_library_writes_and_reads(int length)
    {
        byte[] payload = [.. Enumerable.Range(0, length).Select(static i => (byte)i)];
        WsRawFrame frame = WsRawFrame.Binary(payload) with { MaskingKey = 0x37FA213D };

        byte[] bytes = frame.ToBytes();

        Assert.True(FrameHeader.TryRead(bytes, out FrameHeader header));
        Assert.Equal((ulong)length, header.PayloadLength);
        byte[] unmasked = bytes[header.Length..];
        Masking.Apply(unmasked, header.MaskingKey);
        Assert.Equal(payload, unmasked);
        Assert.Equal(frame, Read(bytes));
    }

    [Fact]
    public void A_frame_is_read_when_it_is_whole_and_however_it_is_cut()
    {
        byte[] bytes = [.. (WsRawFrame.Text(new string('x', 300)) with { MaskingKey = 1 }).ToBytes(), .. WsRawFrame.Ping().ToBytes()];

        for (int cut = 0; cut < bytes.Length; cut++)
        {
            var buffer = new ReadOnlySequence<byte>(bytes, 0, cut);
            int read = 0;
            while (WsRawFrame.TryRead(ref buffer, out _))
            {
                read++;
            }

            Assert.Equal(cut < 308 ? 0 : 1, read);
            Assert.Equal(cut < 308 ? cut : cut - 308, buffer.Length);
        }
    }

    [Theory]
    [InlineData("82 7E 00 02 01 02")]
    [InlineData("82 7F 00 00 00 00 00 00 00 02 01 02")]
    [InlineData("82 7F 80 00 00 00 00 00 00 00")]
    public void A_length_that_nobody_may_send_is_a_failure(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.Throws<WsAssertionException>(() => Read(bytes));
    }

    [Fact]
    public void Frames_are_equal_by_what_they_hold()
    {
        Assert.Equal(WsRawFrame.Text("a"), WsRawFrame.Text("a"));
        Assert.Equal(WsRawFrame.Text("a").GetHashCode(), WsRawFrame.Text("a").GetHashCode());
        Assert.NotEqual(WsRawFrame.Text("a"), WsRawFrame.Text("b"));
        Assert.NotEqual(WsRawFrame.Text("a"), WsRawFrame.Text("a", fin: false));
    }

    [Fact]
    public void A_right_frame_passes_its_assertion()
    {
        WsRawFrame.Text("hi").AssertText().AssertText("hi").AssertUnmasked();
        WsRawFrame.Binary(new byte[] { 1, 2 }).AssertBinary([1, 2]);
        WsRawFrame.Ping().AssertPing();
        WsRawFrame.Pong(new byte[] { 1 }).AssertPong([1]);
        WsRawFrame.Close(1001, "bye").AssertClose(1001).AssertClose(1001, "bye");
        WsRawFrame.Close(1005).AssertClose(1005);
        WsRawFrame.Text("h", fin: false).AssertFragment(Opcode.Text, fin: false);
        WsRawFrame.Continuation(default).AssertFragment(Opcode.Continuation, fin: true);
        (WsRawFrame.Text("hi") with { MaskingKey = 1 }).AssertMasked();
    }

    [Fact]
    public void A_wrong_frame_fails_its_assertion_and_says_what_it_is()
    {
        WsAssertionException wrong = Assert.Throws<WsAssertionException>(() => WsRawFrame.Close(1001, "bye").AssertText("hi"));
        Assert.Equal("Expected: text with no reserved bit.\nCame: close 1001 \"bye\".", wrong.Message);
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Text("ho").AssertText("hi"));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Text("hi", fin: false).AssertText("hi"));
        Assert.Throws<WsAssertionException>(() => (WsRawFrame.Text("hi") with { Rsv = 0x40 }).AssertText("hi"));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Binary(new byte[] { 1 }).AssertBinary([2]));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Pong().AssertPing());
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Pong().AssertPong([1]));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Close(1000).AssertClose(1001));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Close(1001, "bye").AssertClose(1001, "ciao"));
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Text("hi").AssertMasked());
        Assert.Throws<WsAssertionException>(() => (WsRawFrame.Text("hi") with { MaskingKey = 1 }).AssertUnmasked());
        Assert.Throws<WsAssertionException>(() => WsRawFrame.Text("hi").AssertFragment(Opcode.Text, fin: false));
    }

    private static WsRawFrame Read(byte[] bytes)
    {
        var buffer = new ReadOnlySequence<byte>(bytes);
        Assert.True(WsRawFrame.TryRead(ref buffer, out WsRawFrame frame));
        Assert.True(buffer.IsEmpty);
        return frame;
    }
}
