using System.Buffers;
using System.Globalization;
using PipeWs.Protocol.Handshake;
using PipeWs.Shared;
using static PipeWs.Protocol.Tests.Handshake.HandshakeBytes;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakeRequestReaderTests
{
    private static readonly string[] Inputs =
    [
        Good,
        Good + "\u0081\u0085\u0001\u0002\u0003\u0004",
        Request(line: "GET http://example.com/ws?a=b HTTP/1.1"),
        Request(line: "GET //evil/ws HTTP/1.1"),
        Request(line: "GET /ws#frag HTTP/1.1"),
        Request(line: "GET * HTTP/1.1"),
        Request(line: "get /ws HTTP/1.1"),
        Request(line: "GET /ws HTTP/2.0"),
        Request(line: "GET /ws"),
        Request(line: "GET /wsx HTTP/1.1"),
        Request(line: "GET /w HTTP/1.1"),
        Request(connection: null),
        Request(more: "Authorization: Bearer abc.def"),
        Request(more: "Authorization: Bearer a\r\nauthorization: Bearer b"),
        Request(more: "Authorization: Bearer " + new string('t', 9000)),
        Request(more: "Bad : x"),
        Request(more: "X: a\nY: b"),
        Request(more: "X: a\rY: b"),
        Request(more: "X: a\0b"),
        Request(more: " folded"),
        Request(more: "X: " + new string('a', 9000)),
        Request(more: "X: " + new string('a', 9000) + "\0"),
        Request(more: string.Join("\r\n", Enumerable.Range(0, 120).Select(i => $"X{i}: y"))),
        Request(more: string.Join("\r\n", Enumerable.Range(0, 5).Select(i => $"X{i}: {new string('y', 8000)}"))),
        Request(line: "GET /ws?" + new string('q', 9000) + " HTTP/1.1"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u0016\u0003\u0001\u0002\0\u0001",
        "GET hello HTTP/1.1\r\n\r\n",
        " /ws HTTP/1.1\r\n\r\n",
        "GET habcdef/ws HTTP/1.1\r\n\r\n",
        "GET http://host HTTP/1.1\r\n\r\n",
        "GET http://host\u007F/ws HTTP/1.1\r\n\r\n",
        "GET http://a\u00E9/ws HTTP/1.1\r\n\r\n",
        "GET http://" + new string('h', 400) + "/ws HTTP/1.1\r\n\r\n",
        "GET http://host?x HTTP/1.1\r\n\r\n",
        "GET http://us@er/ws HTTP/1.1\r\n\r\n",
        "\r\nGET /ws HTTP/1.1\r\n\r\n",
    ];

    public static TheoryData<int> AllInputs => [.. Enumerable.Range(0, Inputs.Length)];

    [Theory]
    [InlineData("X: y", null, null)]
    [InlineData("traceparent: 00-a-b-01", "00-a-b-01", null)]
    [InlineData("TraceParent:  00-a-b-01 \r\nTraceState: a=1\r\ntracestate: b=2,c=3", "00-a-b-01", "a=1, b=2,c=3")]
    [InlineData("traceparent: 00-a-b-01\r\ntraceparent: 00-a-b-01", "", null)]
    [InlineData("traceparent: 1\r\ntraceparent: 2\r\ntraceparent: 3", "", null)]
    public void Keeps_the_context_of_a_trace(string headers, string? traceParent, string? traceState)
    {
        var reader = new HandshakeRequestReader(Paths);
        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(Request(more: headers)))));
        Assert.Equal((traceParent, traceState), (reader.Request.TraceParent, reader.Request.TraceState));
    }

    [Fact]
    public void Reads_a_whole_request()
    {
        var reader = new HandshakeRequestReader(Paths);

        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(Good + "\u0081\u0080frame"))));

        HandshakeRequest request = reader.Request;
        Assert.Equal(Good.Length, reader.HeadLengthBytes);
        Assert.Equal(HandshakeMethod.Get, request.Method);
        Assert.Equal(HandshakeHttpVersion.Http11, request.Version);
        Assert.Equal("/ws", request.Path);
        Assert.Equal("?room=1", request.Query);
        Assert.Equal("http://example.com", request.Origin);
        Assert.Equal("chat, superchat", request.Subprotocols);
        Assert.Equal(Bytes(Key), request.Key.ToArray());
        Assert.False(HandshakeRequestRules.Check(request).IsRefused);
    }

    [Fact]
    public void Keeps_the_authorization_as_it_was_sent()
    {
        var reader = new HandshakeRequestReader(Paths);

        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(Request(more: "aUTHORIZATION:\t Basic QWxhZGRpbjpvcGVu \t")))));

        Assert.Equal((1, "Basic QWxhZGRpbjpvcGVu"), (reader.Request.AuthorizationCount, reader.Request.Authorization));
    }

    [Fact]
    public void An_authorization_is_bounded_as_every_header_is()
    {
        var reader = new HandshakeRequestReader(Paths);

        Assert.Equal(HandshakeReadStatus.Malformed, reader.Read(Sequence(Bytes(Request(more: "Authorization: Bearer " + new string('t', 8 * 1024))))));
        Assert.Equal(431, reader.Refusal.StatusCode);
    }

    [Theory]
    [MemberData(nameof(AllInputs))]
    public void Gives_the_same_result_however_the_bytes_are_cut(int input)
    {
        byte[] bytes = Bytes(Inputs[input]);
        foreach (HandshakePaths? paths in new[] { Paths, null })
        {
            string whole = Outcome(paths, bytes, bytes.Length);

            Assert.Equal(whole, Outcome(paths, bytes, 1));
            Assert.Equal(whole, Outcome(paths, bytes, 7));
            int step = bytes.Length > 2000 ? 97 : 1;
            for (int cut = 1; cut < bytes.Length; cut += step)
            {
                Assert.Equal(whole, Outcome(paths, bytes, cut));
            }
        }
    }

    [Fact]
    public void Looks_at_each_byte_a_fixed_number_of_times_when_a_large_head_drips()
    {
        byte[] bytes = Bytes(Request(more: string.Join("\r\n", Enumerable.Range(0, 4).Select(i => $"X{i}: {new string('y', 7900)}"))));
        var reader = new HandshakeRequestReader(Paths);
        var status = HandshakeReadStatus.Incomplete;
        for (int length = 1; length <= bytes.Length; length++)
        {
            status = reader.Read(Sequence(bytes.AsMemory(0, length)));
        }

        Assert.Equal(HandshakeReadStatus.Complete, status);
        Assert.InRange(reader.ExaminedBytes, bytes.Length, 3 * bytes.Length);
    }

    [Fact]
    public void Stops_reading_a_header_of_20_MB_at_the_limit()
    {
        byte[] start = Bytes("GET /ws HTTP/1.1\r\nX: ");
        var buffer = new byte[20 * 1024 * 1024];
        buffer.AsSpan().Fill((byte)'a');
        start.CopyTo(buffer, 0);
        var reader = new HandshakeRequestReader(Paths);
        int length = 0;
        while (reader.Read(new ReadOnlySequence<byte>(buffer, 0, ++length)) == HandshakeReadStatus.Incomplete)
        {
        }

        Assert.Equal(431, reader.Refusal.StatusCode);
        Assert.InRange(length, 8192, 8192 + start.Length);
    }

    [Theory]
    [InlineData("GET /ws?", 9000, " HTTP/1.1\r\n", 414)]
    [InlineData("GET /ws HTTP/1.1\r\nX: ", 9000, "\r\n", 431)]
    public void Refuses_long_lines(string before, int length, string after, int status)
    {
        AssertMalformed(Paths, before + new string('a', length) + after, status);
        AssertMalformed(null, before + new string('a', length) + after, status);
    }

    [Fact]
    public void Refuses_headers_of_more_than_32_KiB_and_more_than_100()
    {
        AssertMalformed(Paths, Request(more: string.Join("\r\n", Enumerable.Range(0, 5).Select(i => $"X{i}: {new string('y', 8000)}"))), 431);
        AssertMalformed(Paths, Request(more: string.Join("\r\n", Enumerable.Range(0, 96).Select(i => $"X{i}: y"))), 431);
        Assert.Equal(HandshakeReadStatus.Complete, Read(Paths, Request(more: string.Join("\r\n", Enumerable.Range(0, 95).Select(i => $"X{i}: y")))).Status);
    }

    [Theory]
    [InlineData("X: a\nY: b")]
    [InlineData("X: a\rY: b")]
    [InlineData("X: a\0b")]
    [InlineData("X: a\u0001b")]
    [InlineData("X: a\u007Fb")]
    [InlineData(" folded: x")]
    [InlineData("\tfolded")]
    [InlineData("Name : v")]
    [InlineData(":v")]
    [InlineData("a line with no colon")]
    [InlineData("Nam\u00E9: v")]
    public void Refuses_broken_headers(string header)
    {
        AssertMalformed(Paths, Request(more: header), 400);
        AssertMalformed(null, Request(more: header), 400);
    }

    [Theory]
    [InlineData("GET /ws HTTP/1.1\n")]
    [InlineData("GET /ws HTTP/1.1\rHost: x\r")]
    public void Refuses_a_bare_line_break_at_once_without_waiting_for_a_line(string text) => AssertMalformed(Paths, text, 400);

    [Theory]
    [InlineData("GET /ws")]
    [InlineData("GET /ws ")]
    [InlineData("GET /ws http/1.1")]
    [InlineData("GET /ws HTTP/1.1 ")]
    [InlineData("GET /ws  HTTP/1.1")]
    [InlineData("GET /ws x HTTP/1.1")]
    [InlineData("GET /ws HTTP/11")]
    public void Refuses_a_broken_request_line(string line)
    {
        HandshakeReadStatus sniffed = Read(Paths, Request(line: line)).Status;
        Assert.True(sniffed is HandshakeReadStatus.Malformed || line == "GET /ws");
        AssertMalformed(null, Request(line: line), 400);
    }

    [Theory]
    [InlineData("G")]
    [InlineData("GET ")]
    [InlineData("GET /w")]
    [InlineData("GET http://example.com")]
    [InlineData("GET /ws HTTP/1.1\r\nHost: x\r\n")]
    public void Waits_while_the_request_may_be_ours(string text) => Assert.Equal(HandshakeReadStatus.Incomplete, Read(Paths, text).Status);

    [Theory]
    [InlineData("\u0016")]
    [InlineData("GET  ")]
    [InlineData("GET /wsx")]
    [InlineData("GET /ws/ ")]
    [InlineData("GET /index.html")]
    [InlineData("GET /w?")]
    [InlineData("PRI *")]
    [InlineData("OPTIONS *")]
    [InlineData("CONNECT example.com:443")]
    [InlineData("GET http://example.com/index.html")]
    [InlineData("GET ftp://example.com/ws")]
    [InlineData("{\"hello\"")]
    public void Says_at_the_first_byte_that_tells_that_a_request_is_not_ours(string text) =>
        Assert.Equal(HandshakeReadStatus.NotOurs, Read(Paths, text).Status);

    [Fact]
    public void Hands_on_a_request_for_our_path_that_does_not_ask_for_a_WebSocket()
    {
        Assert.Equal(HandshakeReadStatus.NotOurs, Read(Paths, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").Status);
        Assert.Equal(HandshakeReadStatus.NotOurs, Read(Paths, "POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").Status);
        Assert.Equal(HandshakeReadStatus.NotOurs, Read(Paths, Request(connection: null)).Status);
        Assert.Equal(HandshakeReadStatus.NotOurs, Read(Paths, Request(upgrade: "Upgrade: h2c", key: null, version: null)).Status);
    }

    [Fact]
    public void Allocates_only_what_it_keeps_of_the_request()
    {
        byte[] bytes = Bytes(Request());
        var buffer = new ReadOnlySequence<byte>(bytes);
        Assert.Equal(HandshakeReadStatus.Complete, new HandshakeRequestReader(Paths).Read(buffer));
        var readers = new Queue<HandshakeRequestReader>(Enumerable.Range(0, 100).Select(static _ => new HandshakeRequestReader(Paths)));

        Assert.Equal(0, SteadyState.AllocatedBytes(() => readers.Dequeue().Read(buffer)));
    }

    private static void AssertMalformed(HandshakePaths? paths, string text, int status)
    {
        HandshakeRequestReader reader = Read(paths, text).Reader;
        Assert.Equal(HandshakeReadStatus.Malformed, reader.Read(default));
        Assert.Equal(status, reader.Refusal.StatusCode);
    }

    private static (HandshakeReadStatus Status, HandshakeRequestReader Reader) Read(HandshakePaths? paths, string text)
    {
        var reader = new HandshakeRequestReader(paths);
        return (reader.Read(Sequence(Bytes(text))), reader);
    }

    // The bytes come in pieces of this many, and each piece is a segment of its own.
    private static string Outcome(HandshakePaths? paths, byte[] bytes, int step)
    {
        var reader = new HandshakeRequestReader(paths);
        var status = HandshakeReadStatus.Incomplete;
        for (int length = Math.Min(step, bytes.Length); status == HandshakeReadStatus.Incomplete; length = Math.Min(length + step, bytes.Length))
        {
            int pieces = (length - 1) / step;
            int shown = Math.Min(pieces, 20);
            int[] cuts = [.. Enumerable.Range(pieces - shown + 1, shown).Select(i => i * step)];
            status = reader.Read(Sequence(bytes.AsMemory(0, length), cuts));
            if (length == bytes.Length)
            {
                break;
            }
        }

        HandshakeRequest request = reader.Request;
        return status is HandshakeReadStatus.NotOurs or HandshakeReadStatus.Incomplete
            ? status.ToString()
            : string.Create(CultureInfo.InvariantCulture, $"{status} {reader.Refusal} {reader.HeadLengthBytes} {HandshakeRequestRules.Check(request)} {request.Path} {request.Query} {request.Origin} {request.Subprotocols}");
    }
}
