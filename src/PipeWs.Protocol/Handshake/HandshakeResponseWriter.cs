using System.Buffers;
using System.Globalization;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>Writes the server's answers to a handshake: the 101, and refusals that close the connection. RFC 6455, section 4.2.2.</summary>
public static class HandshakeResponseWriter
{
    /// <summary>Writes <c>101 Switching Protocols</c>; frames may follow at once.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="key">The request's Sec-WebSocket-Key.</param>
    /// <param name="subprotocol">The subprotocol agreed on; null where there is none.</param>
    /// <param name="extensions">The extensions agreed on; null where there are none.</param>
    /// <param name="headers">Further headers; null where there are none.</param>
    /// <exception cref="ArgumentException">A name is not a token, or a value holds a line break or another character that no header may; nothing was written.</exception>
    public static void WriteAccepted(
        IBufferWriter<byte> output,
        ReadOnlySpan<byte> key,
        string? subprotocol = null,
        string? extensions = null,
        IReadOnlyList<KeyValuePair<string, string>>? headers = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        HeaderWriter.CheckSubprotocol(subprotocol, nameof(subprotocol));
        HeaderWriter.CheckValue(extensions, nameof(extensions));
        HeaderWriter.CheckAll(headers, nameof(headers));

        Span<byte> accept = stackalloc byte[WebSocketAccept.Length];
        WebSocketAccept.Write(key, accept);
        output.Write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "u8);
        output.Write(accept);
        output.Write("\r\n"u8);
        HeaderWriter.Write(output, "Sec-WebSocket-Protocol", subprotocol);
        HeaderWriter.Write(output, "Sec-WebSocket-Extensions", extensions);
        HeaderWriter.WriteAll(output, headers);
        output.Write("\r\n"u8);
    }

    /// <summary>Writes an answer that refuses: the status, <c>Connection: close</c>, and the reason as plain text.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="refusal">Why.</param>
    public static void WriteRefusal(IBufferWriter<byte> output, HandshakeRefusal refusal)
    {
        ArgumentNullException.ThrowIfNull(output);
        byte[] body = Encoding.UTF8.GetBytes(refusal.Message + "\n");
        string connection = refusal.HeaderName == "Upgrade" ? "close, Upgrade" : "close";
        HeaderWriter.WriteAscii(output, string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {refusal.StatusCode} {GetReasonPhrase(refusal.StatusCode)}\r\nConnection: {connection}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\n"));
        if (refusal.HeaderName is not null)
        {
            HeaderWriter.Write(output, refusal.HeaderName, refusal.HeaderValue);
        }

        output.Write("\r\n"u8);
        output.Write(body);
    }

    private static string GetReasonPhrase(int statusCode) => statusCode switch
    {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        414 => "URI Too Long",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    };
}
