using System.Text;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;
using PipeWs.Protocol.Tests.Segmentation;
using PipeWs.Shared;

namespace PipeWs.Fuzz.Targets;

/// <summary>The client's reader of answers and its rules; oracles as for requests. First byte: limits, offer. Second: how the bytes are cut.</summary>
internal sealed class HandshakeResponseTarget : FuzzTarget
{
    private const string Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    private static readonly HandshakeLimits s_small = new() { MaxRequestLineBytes = 40, MaxHeaderLineBytes = 80, MaxHeadersBytes = 300, MaxHeaders = 8 };

    public override string Name => "handshake-response";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. ((string[])
        [
            "HTTP/1.1 101", " Switching Protocols\r\n", "HTTP/1.0", " 302 Found", " 403 ", "\r\n", "\r\n\r\n", "\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Sec-WebSocket-Accept: " + Accept + "\r\n",
            "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Extensions: permessage-deflate\r\n", "; server_no_context_takeover", "; client_max_window_bits=9", "Location: http://x/?token=1#f\r\n", "Content-Length: 5\r\n", "Content-Length: 300\r\n",
        ]).Select(Encoding.Latin1.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            const string accepted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Accept + "\r\n";
            string[] answers =
            [
                accepted + "\r\n", "HTTP/1.1 103 Early Hints\r\nUpgrade: x\r\n\r\n" + accepted + "\r\n", accepted + "\r\n\u0081\u0005Hello", accepted + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n\r\n",
                accepted + "Sec-WebSocket-Protocol: not\r\n\r\n", accepted + "Sec-WebSocket-Extensions: x\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nno!\u0007.", "HTTP/1.1 503\r\n\r\nbusy",
                "HTTP/1.1 302 Found\r\nLocation: http://other/ws?token=1\r\n\r\n", "HTTP/1.0 101 x\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 101\nUpgrade: websocket\n\n",
            ];
            foreach (byte choices in (byte[])[0, 1, 2])
            {
                foreach (string answer in answers)
                {
                    yield return [choices, 1, .. Encoding.Latin1.GetBytes(answer)];
                }
            }
        }
    }

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        int choices = bytes.Next();
        var random = new Random(bytes.Next());
        HandshakeLimits limits = (choices & 1) != 0 ? s_small : HandshakeLimits.Default;
        ReadOnlySpan<byte> sent = bytes.Rest;
        (int decided, string outcome, HandshakeResponseReader reader) = HandshakeRun.ReadResponse(sent, [sent.Length], limits, random);
        (int cutDecided, string cutOutcome, _) = HandshakeRun.ReadResponse(sent, Cuts.Random(sent.Length, random), limits, random);
        Assert.Equal(outcome, cutOutcome);
        Assert.True(cutDecided <= decided, "It was decided later where it was cut.");
        if (reader.HeadLengthBytes == 0)
        {
            return;
        }

        var wanted = new DeflateParameters(12, 10, serverNoContextTakeover: true);
        var offer = new HandshakeOffer { Target = "/", Host = "localhost", Subprotocols = ["chat", "b"], Extensions = (choices & 2) != 0 ? DeflateNegotiation.WriteOffer(wanted) : null };
        string? wrong = HandshakeResponseRules.Check(reader.Response, offer, "dGhlIHNhbXBsZSBub25jZQ=="u8);
        if (wrong is not null)
        {
            Assert.DoesNotContain(wrong, char.IsControl);
            return;
        }

        CheckAccepted(Encoding.Latin1.GetString(sent[..reader.HeadLengthBytes]), offers: offer.Extensions is not null);
    }

    /// <summary>What RFC 6455, section 4.1, asks of an answer that is accepted.</summary>
    private static void CheckAccepted(string head, bool offers)
    {
        string[] heads = head[..^4].Split("\r\n\r\n");
        Assert.All(heads[..^1], static interim => Assert.Matches("^HTTP/1.[0-9] 1(?!01)[0-9]{2}", interim));
        string[] lines = heads[^1].Split("\r\n");
        Assert.StartsWith("HTTP/1.1 101", lines[0], StringComparison.Ordinal);
        (string Name, string Value)[] headers = [.. lines.Skip(1).Select(static line => (line.Split(':', 2)[0].ToLowerInvariant(), line.Split(':', 2)[1].Trim(' ', '\t')))];
        Assert.Equal(Accept, Assert.Single(Values("sec-websocket-accept")));
        Assert.Equal("websocket", Values("upgrade")[^1], ignoreCase: true);
        Assert.Contains(Values("connection").SelectMany(static value => value.Split(',')), static value => value.Trim(' ', '\t').Equals("upgrade", StringComparison.OrdinalIgnoreCase));
        Assert.InRange(Values("sec-websocket-protocol").Length, 0, 1);
        Assert.All(Values("sec-websocket-protocol"), static value => Assert.True(value is "chat" or "b"));
        Assert.All(Values("sec-websocket-extensions").SelectMany(static value => value.Split(',')), value => Assert.True(string.IsNullOrWhiteSpace(value) || (offers && value.Trim(' ', '\t').StartsWith("permessage-deflate", StringComparison.Ordinal))));

        string[] Values(string name) => [.. headers.Where(header => header.Name == name).Select(static header => header.Value)];
    }
}
