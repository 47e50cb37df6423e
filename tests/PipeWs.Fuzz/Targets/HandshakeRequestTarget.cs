using System.Buffers.Text;
using System.Net;
using System.Text;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Handshake;
using PipeWs.Protocol.Tests.Segmentation;
using PipeWs.Shared;

namespace PipeWs.Fuzz.Targets;

/// <summary>
/// The reader of requests and the rules. Oracles: the same bytes cut in another way; linear work; and for whatever is accepted, a plain reading of the lines that finds nothing wrong.
/// First byte: paths, limits. Second: how the bytes are cut.
/// </summary>
internal sealed class HandshakeRequestTarget : FuzzTarget
{
    private static readonly HandshakePaths s_paths = new("/ws", "/other", "/ws/long");
    private static readonly HandshakeLimits s_small = new() { MaxRequestLineBytes = 40, MaxHeaderLineBytes = 80, MaxHeadersBytes = 300, MaxHeaders = 8 };
    private static readonly OriginRules s_origins = new(["https://example.com", "http://example.com:8080"]);
    private static readonly IPEndPoint s_local = new(IPAddress.Loopback, 5000);

    public override string Name => "handshake-request";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. ((string[])
        [
            "GET ", "/ws", " HTTP/1.1\r\n", "HTTP/1.0", "HTTP/2.0", "http://host", "https://", "//", "*", "#", "?token=x", "\r\n", "\r\n\r\n", "\n", "\r", "Host: localhost\r\n", "Connection: Upgrade\r\n", "keep-alive, upgrade",
            "Upgrade: websocket\r\n", "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Protocol: a, b\r\n", "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "Content-Length: 0\r\n", "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n", "Origin: https://example.com\r\n", "Origin: http://localhost:5000\r\n", "Origin: http://[::1]:5000", "Authorization: Bearer x\r\n",
            "traceparent: x\r\n", "tracestate: x\r\n", "[::1]:80", ": ", ",", " ", "\t",
        ]).Select(Encoding.Latin1.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            const string headers = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
            string[] requests =
            [
                "GET /ws HTTP/1.1\r\n" + headers + "\r\n",
                "GET /ws?a=b HTTP/1.1\r\n" + headers + "Origin: https://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n\u0081\u0085",
                "GET http://host:80/ws HTTP/1.1\r\n" + headers + "\r\n",
                "GET /ws HTTP/1.1\r\n" + headers + "Content-Length: 0\r\n\r\n",
                "GET /ws HTTP/1.1\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n",
                "GET /ws HTTP/1.1\nHost: x\n\n", "GET /ws HTTP/1.1\r\nHost : x\r\n\r\n", "GET /ws HTTP/1.1\r\n folded: x\r\n\r\n", "GET * HTTP/1.1\r\n\r\n", "GET //evil/ws HTTP/1.1\r\n" + headers + "\r\n",
                "POST /ws HTTP/1.0\r\n" + headers + "\r\n", "get /other HTTP/2.0\r\n" + headers + "\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u0016\u0003\u0001",
            ];
            foreach (byte choices in (byte[])[0, 1, 2, 3])
            {
                foreach (string request in requests)
                {
                    yield return [choices, 1, .. Encoding.Latin1.GetBytes(request)];
                }
            }
        }
    }

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        int choices = bytes.Next();
        var random = new Random(bytes.Next());
        HandshakePaths? paths = (choices & 1) != 0 ? s_paths : null;
        HandshakeLimits limits = (choices & 2) != 0 ? s_small : HandshakeLimits.Default;
        ReadOnlySpan<byte> sent = bytes.Rest;
        (int decided, string outcome, HandshakeRequestReader reader) = HandshakeRun.ReadRequest(sent, [sent.Length], paths, limits, random);
        (int cutDecided, string cutOutcome, HandshakeRequestReader cut) = HandshakeRun.ReadRequest(sent, Cuts.Random(sent.Length, random), paths, limits, random);
        Assert.Equal(outcome, cutOutcome);
        Assert.True(cutDecided <= decided, "It was decided later where it was cut.");
        Assert.InRange(cut.ExaminedBytes, 0, (5L * sent.Length) + 64);

        HandshakeRequest request = reader.Request;
        _ = HandshakeRequestRules.CheckOrigin(request, s_origins, isSecure: (choices & 4) != 0, s_local);
        _ = SubprotocolNegotiator.Select(request.Subprotocols, ["b", "chat"]);
        if (reader.HeadLengthBytes > 0 && outcome.StartsWith(nameof(HandshakeReadStatus.Complete), StringComparison.Ordinal) && !HandshakeRequestRules.Check(request).IsRefused)
        {
            CheckAccepted(Encoding.Latin1.GetString(sent[..reader.HeadLengthBytes]), paths);
        }
    }

    /// <summary>What RFC 6455, section 4.2.1, asks of a request that is accepted.</summary>
    private static void CheckAccepted(string head, HandshakePaths? paths)
    {
        Assert.EndsWith("\r\n\r\n", head, StringComparison.Ordinal);
        string[] lines = head[..^4].Split("\r\n");
        Assert.All(lines, static line => Assert.True(line.Length > 0 && line.All(static c => c == '\t' || (c >= ' ' && c != '\x7F'))));
        string[] parts = lines[0].Split(' ');
        Assert.Equal(3, parts.Length);
        Assert.Equal("GET", parts[0]);
        Assert.Equal("HTTP/1.1", parts[2]);
        Assert.DoesNotContain('#', parts[1]);
        string path = (parts[1][0] == '/' ? parts[1] : "/" + parts[1].Split("//", 2)[1].Split('/', 2)[^1]).Split('?')[0];
        Assert.True(parts[1][0] == '/' ? !parts[1].StartsWith("//", StringComparison.Ordinal) : parts[1].StartsWith("http", StringComparison.OrdinalIgnoreCase));
        Assert.True(paths is null || path is "/ws" or "/other" or "/ws/long" || !parts[1][8..].Contains('/', StringComparison.Ordinal));

        (string Name, string Value)[] headers = [.. lines.Skip(1).Select(static line => (line.Split(':', 2)[0].ToLowerInvariant(), line.Split(':', 2)[1].Trim(' ', '\t')))];
        Assert.All(headers, static header => Assert.DoesNotContain(header.Name, static c => c is ' ' or '\t' or '(' or ')' or '<' or '>' or '@' or ',' or ';' or '\\' or '"' or '/' or '[' or ']' or '?' or '=' or '{' or '}'));
        Assert.Equal("13", Assert.Single(Values("sec-websocket-version")));
        string key = Assert.Single(Values("sec-websocket-key"));
        Assert.Equal(24, key.Length);
        Assert.True(Base64.IsValid(key, out int length) && length == 16);
        Assert.DoesNotContain(Assert.Single(Values("host")), static c => c is ',' or '@' or '/' or ' ');
        Assert.Contains(Values("upgrade").SelectMany(static value => value.Split(',')), static value => value.Trim(' ', '\t').Equals("websocket", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(Values("connection").SelectMany(static value => value.Split(',')), static value => value.Trim(' ', '\t').Equals("upgrade", StringComparison.OrdinalIgnoreCase));
        Assert.Empty(Values("transfer-encoding"));
        Assert.All(Values("content-length"), static value => Assert.True(value.Length > 0 && value.All(static c => c == '0')));
        Assert.InRange(Values("authorization").Length, 0, 1);

        string[] Values(string name) => [.. headers.Where(header => header.Name == name).Select(static header => header.Value)];
    }
}
