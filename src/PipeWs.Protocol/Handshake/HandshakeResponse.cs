using System.Globalization;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>What a server's answer says about a handshake, gathered header by header. It never judges: <see cref="HandshakeResponseRules"/> does.</summary>
public sealed class HandshakeResponse
{
    /// <summary>The status code; 0 before the status line was read.</summary>
    public int StatusCode { get; internal set; }

    /// <summary>The reason phrase; may be empty.</summary>
    public string ReasonPhrase { get; internal set; } = "";

    /// <summary>Whether the answer is HTTP/1.1.</summary>
    public bool IsHttp11 { get; internal set; }

    /// <summary>Whether <c>Upgrade</c> is <c>websocket</c>.</summary>
    public bool UpgradeWebSocket { get; private set; }

    /// <summary>Whether <c>Connection</c> lists <c>upgrade</c>.</summary>
    public bool ConnectionUpgrade { get; private set; }

    /// <summary>How many Sec-WebSocket-Accept lines there are.</summary>
    public int AcceptCount { get; private set; }

    /// <summary>The last Sec-WebSocket-Accept.</summary>
    public string? Accept { get; private set; }

    /// <summary>How many Sec-WebSocket-Protocol lines there are.</summary>
    public int SubprotocolCount { get; private set; }

    /// <summary>The last Sec-WebSocket-Protocol: what the server chose; null where it chose none.</summary>
    public string? Subprotocol { get; private set; }

    /// <summary>The extensions the server agreed to, several lines joined with a comma; null where there are none.</summary>
    public string? Extensions { get; private set; }

    /// <summary>Where a redirect would lead. Never followed.</summary>
    public string? Location { get; private set; }

    /// <summary>The body's length in bytes; null where it is not said.</summary>
    public long? ContentLength { get; private set; }

    /// <summary>The first characters of a refusal's body.</summary>
    public string BodyExcerpt { get; internal set; } = "";

    internal void AddHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 7 when Ascii.EqualsIgnoreCase(name, "Upgrade"u8):
                UpgradeWebSocket = Ascii.EqualsIgnoreCase(value, "websocket"u8);
                break;
            case 8 when Ascii.EqualsIgnoreCase(name, "Location"u8):
                Location = Encoding.Latin1.GetString(value);
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "Connection"u8):
                ConnectionUpgrade |= HttpSyntax.ListContains(value, "upgrade"u8);
                break;
            case 14 when Ascii.EqualsIgnoreCase(name, "Content-Length"u8):
                ContentLength = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long length) ? length : null;
                break;
            case 20 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Accept"u8):
                AcceptCount++;
                Accept = Encoding.Latin1.GetString(value);
                break;
            case 22 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Protocol"u8):
                SubprotocolCount++;
                Subprotocol = Encoding.Latin1.GetString(value);
                break;
            case 24 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Extensions"u8):
                string text = Encoding.Latin1.GetString(value);
                Extensions = Extensions is null ? text : Extensions + ", " + text;
                break;
        }
    }
}
