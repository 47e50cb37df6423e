using System.Buffers;
using System.Text;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Tests.Handshake;

/// <summary>Literal requests, and ways to cut them.</summary>
internal static class HandshakeBytes
{
    public const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    public const string Good =
        "GET /ws?room=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
        "Sec-WebSocket-Key: " + Key + "\r\nOrigin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

    public static readonly HandshakePaths Paths = new("/ws", "/other");

    /// <summary>A request whose headers are the good ones with some replaced; null leaves one out.</summary>
    public static string Request(
        string line = "GET /ws HTTP/1.1",
        string? host = "Host: localhost",
        string? connection = "Connection: Upgrade",
        string? upgrade = "Upgrade: websocket",
        string? version = "Sec-WebSocket-Version: 13",
        string? key = "Sec-WebSocket-Key: " + Key,
        string? more = null) =>
        string.Join("\r\n", new[] { line, host, connection, upgrade, version, key, more }.Where(part => part is not null)) + "\r\n\r\n";

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public static ReadOnlySequence<byte> Sequence(ReadOnlyMemory<byte> bytes, params ReadOnlySpan<int> cuts)
    {
        Segment? first = null;
        Segment? last = null;
        int start = 0;
        foreach (int cut in (int[])[.. cuts, bytes.Length])
        {
            last = new Segment(bytes[start..cut], last);
            first ??= last;
            start = cut;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is not null)
            {
                before.Next = this;
                RunningIndex = before.RunningIndex + before.Memory.Length;
            }
        }
    }
}
