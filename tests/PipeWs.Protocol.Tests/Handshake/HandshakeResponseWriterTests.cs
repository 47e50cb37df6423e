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

    [Fact]
    public void Writes_the_101_alone_where_nothing_was_agreed_on()
    {
        var output = new ArrayBufferWriter<byte>();
        HandshakeResponseWriter.WriteAccepted(output, Bytes(Key));
        Assert.Equal(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData(400, "Bad Request")]
    [InlineData(401, "Unauthorized")]
    [InlineData(403, "Forbidden")]
    [InlineData(404, "Not Found")]
    [InlineData(405, "Method Not Allowed")]
    [InlineData(408, "Request Timeout")]
    [InlineData(414, "URI Too Long")]
    [InlineData(426, "Upgrade Required")]
    [InlineData(429, "Too Many Requests")]
    [InlineData(431, "Request Header Fields Too Large")]
    [InlineData(500, "Internal Server Error")]
    [InlineData(501, "Not Implemented")]
    [InlineData(503, "Service Unavailable")]
    [InlineData(505, "HTTP Version Not Supported")]
    [InlineData(410, "Refused")]
    [InlineData(402, "Refused")]
    [InlineData(499, "Refused")]
    [InlineData(504, "Refused")]
    [InlineData(599, "Refused")]
    public void Says_in_words_what_the_status_is(int status, string phrase)
    {
        var output = new ArrayBufferWriter<byte>();
        HandshakeResponseWriter.WriteRefusal(output, new HandshakeRefusal(status, "No."));
        Assert.StartsWith($"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\n", Encoding.ASCII.GetString(output.WrittenSpan), StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_Upgrade_in_Connection_where_it_asks_for_one()
    {
        var output = new ArrayBufferWriter<byte>();
        HandshakeResponseWriter.WriteRefusal(output, new HandshakeRefusal(426, "Upgrade.", "Upgrade", "websocket"));
        Assert.Contains("\r\nConnection: close, Upgrade\r\n", Encoding.ASCII.GetString(output.WrittenSpan), StringComparison.Ordinal);
    }
}
