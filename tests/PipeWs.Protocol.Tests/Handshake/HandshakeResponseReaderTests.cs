using PipeWs.Protocol.Handshake;
using static PipeWs.Protocol.Tests.Handshake.HandshakeBytes;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakeResponseReaderTests
{
    private const string Accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    private const string Upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n";

    private static readonly HandshakeOffer Offer = new()
    {
        Target = "/ws",
        Host = "localhost",
        Subprotocols = ["chat"],
        Extensions = "permessage-deflate; client_max_window_bits",
    };

    [Theory]
    [InlineData(Upgrade + Accept + "\r\n")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Protocol: chat\r\n\r\n")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n")]
    [InlineData("HTTP/1.1 101\r\nUpgrade: websocket\r\nConnection: x, Upgrade\r\n" + Accept + "\r\n")]
    public void Accepts(string answer)
    {
        Assert.Null(Judge(answer + "\u0081\u0000", step: int.MaxValue, out int headLength));
        Assert.Equal(answer.Length, headLength);
        Assert.Null(Judge(answer, step: 1, out _));
    }

    [Theory]
    [InlineData(Upgrade + "\r\n", "Sec-WebSocket-Accept")]
    [InlineData(Upgrade + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOx=\r\n\r\n", "Sec-WebSocket-Accept")]
    [InlineData(Upgrade + Accept + Accept + "\r\n", "Sec-WebSocket-Accept")]
    [InlineData("HTTP/1.1 101 X\r\nConnection: upgrade\r\n" + Accept + "\r\n", "Upgrade: websocket")]
    [InlineData("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n" + Accept + "\r\n", "Connection: Upgrade")]
    [InlineData("HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" + Accept + "\r\n", "HTTP/1.1")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Protocol: other\r\n\r\n", "subprotocol")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n", "subprotocol")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Extensions: x-other\r\n\r\n", "extension")]
    [InlineData(Upgrade + Accept + "Sec-WebSocket-Extensions: permessage-deflate; x=\"\r\n\r\n", "malformed")]
    [InlineData("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nNot here!", "403 Forbidden: Not here!")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n<html>", "200 OK")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: https://evil.example/ws?token=secret\r\nContent-Length: 0\r\n\r\n", "a redirect to https://evil.example/ws. Redirects are not followed")]
    [InlineData("SSH-2.0-OpenSSH\r\n", "not HTTP")]
    [InlineData("HTTP/1.x 101 X\r\n", "not HTTP")]
    [InlineData("HTTP/1.1 101 X\nUpgrade: websocket\n\n", "not HTTP")]
    [InlineData("HTTP/1.1 101 X\r\nUpgrade : websocket\r\n\r\n", "malformed")]
    [InlineData("HTTP/1.1 101 X\r\nUpgr", "closed the connection")]
    public void Fails_with_a_clear_error(string answer, string expected)
    {
        foreach (int step in new[] { int.MaxValue, 1, 3 })
        {
            string? error = Judge(answer, step, out _);
            Assert.NotNull(error);
            Assert.Contains(step == 1 && answer.Contains("200 OK", StringComparison.Ordinal) ? "200 OK" : expected, error);
            Assert.DoesNotContain("secret", error);
        }
    }

    [Fact]
    public void Limits_what_it_reads()
    {
        Assert.Contains("too long", Judge(Upgrade + "X: " + new string('a', 9000) + "\r\n\r\n", 1, out _));
        Assert.Contains("too many", Judge(Upgrade + string.Concat(Enumerable.Repeat("X: y\r\n", 101)) + "\r\n", 100, out _));
        string? error = Judge("HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n" + new string('a', 100_000), 1, out _);
        Assert.InRange(error!.Length, 256, 400);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public void Interim_answers_are_passed_over(int step)
    {
        const string Interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: wrong\r\n\r\nHTTP/1.1 100\r\n\r\n";
        string answer = Interim + Upgrade + Accept + "\r\n";
        Assert.Null(Judge(answer + "frames", step, out int headLength));
        Assert.Equal(answer.Length, headLength);
        Assert.StartsWith("The server refused the handshake: 403", Judge(Interim + "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", step, out _), StringComparison.Ordinal);
        Assert.Contains("closed the connection", Judge(Interim, step, out _), StringComparison.Ordinal);
        Assert.Contains("interim", Judge(string.Concat(Enumerable.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 9)) + Upgrade + "\r\n", step, out _), StringComparison.Ordinal);
    }

    [Fact]
    public void A_decision_stays_and_nothing_more_is_read()
    {
        var reader = new HandshakeResponseReader();
        Assert.Equal(HandshakeReadStatus.Malformed, reader.Read(Sequence(Bytes("no HTTP at all\r\n")), isCompleted: false));
        string error = reader.Error;
        Assert.Equal(HandshakeReadStatus.Malformed, reader.Read(Sequence(Bytes(Upgrade + "\r\n")), isCompleted: true));
        Assert.Equal(error, reader.Error);
    }

    [Fact]
    public void Extensions_of_several_lines_are_one_list()
    {
        var reader = new HandshakeResponseReader();
        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(Upgrade + "Sec-WebSocket-Extensions: a; b\r\nsec-websocket-extensions: c\r\n\r\n")), isCompleted: false));
        Assert.Equal("a; b, c", reader.Response.Extensions);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "The server refused the handshake: 200 OK")]
    [InlineData("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "The server answered 302 Found: a redirect. ")]
    [InlineData("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/b\r\n\r\n", "The server answered 302 Found: a redirect to http://a/b. ")]
    [InlineData("HTTP/1.1 400\r\nContent-Length: 2\r\n\r\nno", "The server refused the handshake: 400: no")]
    public void Says_what_a_server_answered_instead(string answer, string expected) =>
        Assert.StartsWith(expected, Judge(answer, int.MaxValue, out _), StringComparison.Ordinal);

    [Theory]
    [InlineData("HTTP/1.1 202 \u009B2J\u0081gone\r\n\r\n")]
    [InlineData("HTTP/1.1 302 x\r\nLocation: http://a/\u009B2J\r\n\r\n")]
    [InlineData("HTTP/1.1 403 x\r\nContent-Length: 3\r\n\r\n\u001B\u009B!")]
    public void What_a_refusal_says_holds_nothing_that_a_terminal_obeys(string answer)
    {
        string? error = Judge(answer, int.MaxValue, out _);
        Assert.DoesNotContain(error!, char.IsControl);
    }

    private static string? Judge(string answer, int step, out int headLength)
    {
        byte[] bytes = Bytes(answer);
        var reader = new HandshakeResponseReader();
        var status = HandshakeReadStatus.Incomplete;
        for (int length = Math.Min(step, bytes.Length); status == HandshakeReadStatus.Incomplete; length = (int)Math.Min((long)length + step, bytes.Length))
        {
            status = reader.Read(Sequence(bytes.AsMemory(0, length)), isCompleted: false);
            if (length == bytes.Length && status == HandshakeReadStatus.Incomplete)
            {
                status = reader.Read(Sequence(bytes), isCompleted: true);
                break;
            }
        }

        headLength = reader.HeadLengthBytes;
        return status == HandshakeReadStatus.Malformed ? reader.Error : HandshakeResponseRules.Check(reader.Response, Offer, Bytes(Key));
    }
}
