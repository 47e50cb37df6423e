using System.Globalization;
using System.Text;

namespace PipeWs.Protocol.Tests.Segmentation;

/// <summary>Heads of requests and answers from a seed: mostly right, and wrong in the ways that matter here.</summary>
internal sealed class RandomHead(int seed)
{
    private static readonly string[] s_requestLines =
    [
        "GET /ws HTTP/1.1", "GET /ws?a=b HTTP/1.1", "GET http://host/ws HTTP/1.1", "GET HTTPS://host:1/ws?x HTTP/1.1", "GET //host/ws HTTP/1.1", "GET * HTTP/1.1", "get /ws HTTP/1.1",
        "POST /ws HTTP/1.1", "GET /ws HTTP/1.0", "GET /ws HTTP/2.0", "GET /ws#f HTTP/1.1", "GET /wsx HTTP/1.1", "GET /other HTTP/1.1", "GET http:/x HTTP/1.1", "GET /ws", "GET  /ws HTTP/1.1", "PRI * HTTP/2.0", "",
    ];

    private static readonly string[] s_statusLines =
    [
        "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 101", "HTTP/1.0 101 x", "HTTP/1.1 403 Forbidden", "HTTP/1.1 302 Found", "HTTP/1.1 099 x", "HTTP/2 101", "HTTP/1.1 1010", "ICY 200 OK", "",
    ];

    private static readonly string[] s_headers =
    [
        "Host: localhost", "Host: localhost:80", "Host: [::1]:80", "Host: a,b", "Host:", "Connection: Upgrade", "connection: keep-alive, UPGRADE", "Connection: close", "Upgrade: websocket", "Upgrade: h2c, WebSocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short", "Sec-WebSocket-Protocol: chat, b", "Sec-WebSocket-Protocol: c d",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Origin: http://example.com", "Origin: null", "Authorization: Basic QQ==",
        "Content-Length: 0", "Content-Length: 5", "Content-Length: x", "Transfer-Encoding: chunked", "traceparent: 00-a-b-01", "tracestate: a=1", "Location: http://else/?token=1", "X: y", "X:", "X:\t tab \t",
        "Name : x", ": x", "no colon", " folded", "X: \u00e9", "X: a\nb", "X: a\rb", "X: a\0b",
    ];

    private readonly Random _random = new(seed);

    public Random Random => _random;

    public byte[] Request() => Head(s_requestLines, ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]);

    public byte[] Response() => Head(s_statusLines, ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);

    private byte[] Head(string[] lines, string[] good)
    {
        // The first of them is right, and comes as often as all the others.
        string line = lines[Math.Max(0, _random.Next(-lines.Length, lines.Length))];
        List<string> headers = [.. good.Where(_ => _random.Next(20) > 0)];
        for (int i = _random.Next(4); i > 0; i--)
        {
            headers.Insert(_random.Next(headers.Count + 1), s_headers[_random.Next(s_headers.Length)]);
        }

        if (_random.Next(10) == 0)
        {
            headers.Add("Long: " + new string('x', _random.Next(200)));
        }

        var head = new StringBuilder(line);
        foreach (string header in headers)
        {
            head.Append(_random.Next(100) == 0 ? "\n" : "\r\n").Append(header);
        }

        head.Append("\r\n").Append(_random.Next(20) == 0 ? "" : "\r\n").Append(_random.Next(2) == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"\u0081\u0000body{_random.Next()}"));
        byte[] bytes = Encoding.Latin1.GetBytes(head.ToString());
        if (_random.Next(10) == 0)
        {
            bytes[_random.Next(bytes.Length)] = (byte)_random.Next(256);
        }

        return bytes;
    }
}
