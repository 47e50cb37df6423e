using System.Buffers;
using System.Text;
using PipeWs.Protocol.Handshake;
using static PipeWs.Protocol.Tests.Handshake.HandshakeBytes;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakeResponseWriterTests
{
    [Fact]
    public void Writes_the_101()
    {
        var output = new ArrayBufferWriter<byte>();
        HandshakeResponseWriter.WriteAccepted(output, Bytes(Key), "chat", "permessage-deflate", [new("X-A", "b c")]);
        Assert.Equal(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
            "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-A: b c\r\n\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("chat\r\nX: y", null, "A", "b")]
    [InlineData("a b", null, "A", "b")]
    [InlineData("", null, "A", "b")]
    [InlineData(null, "x\nY: z", "A", "b")]
    [InlineData(null, null, "A", "b\r\nX: y")]
    [InlineData(null, null, "A", "b\0")]
    [InlineData(null, null, "A", "\u00E9")]
    [InlineData(null, null, "A", " b")]
    [InlineData(null, null, "A B", "b")]
    [InlineData(null, null, "A:", "b")]
    public void Throws_for_what_would_break_the_answer_and_writes_nothing(string? subprotocol, string? extensions, string name, string value)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Throws<ArgumentException>(() => HandshakeResponseWriter.WriteAccepted(output, Bytes(Key), subprotocol, extensions, [new(name, value)]));
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void Writes_a_refusal_that_says_what_to_do()
    {
        var output = new ArrayBufferWriter<byte>();
        HandshakeResponseWriter.WriteRefusal(output, new HandshakeRefusal(426, "Use version 13.", "Sec-WebSocket-Version", "13"));
        Assert.Equal(
            "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 16\r\nSec-WebSocket-Version: 13\r\n\r\nUse version 13.\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }
}
