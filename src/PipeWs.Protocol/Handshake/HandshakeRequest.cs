using System.Runtime.CompilerServices;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>The methods a handshake can have.</summary>
public enum HandshakeMethod : byte
{
    /// <summary>Anything else, <c>get</c> included: methods are case-sensitive (RFC 9110, section 9.1).</summary>
    Other,

    /// <summary>GET, the handshake of RFC 6455.</summary>
    Get,

    /// <summary>Extended CONNECT with <c>:protocol</c> websocket, the handshake of RFC 8441, which has neither key nor Upgrade.</summary>
    ExtendedConnect,
}

/// <summary>The HTTP version of a handshake's request.</summary>
public enum HandshakeHttpVersion : byte
{
    /// <summary>A version not spoken here.</summary>
    Other,

    /// <summary>HTTP/1.0, which cannot upgrade.</summary>
    Http10,

    /// <summary>HTTP/1.1.</summary>
    Http11,

    /// <summary>HTTP/2 or HTTP/3, where a handshake is an extended CONNECT.</summary>
    Http2OrLater,
}

/// <summary>The forms of a request's target. RFC 9112, section 3.2.</summary>
public enum HandshakeTargetForm : byte
{
    /// <summary>None of them: a fragment, two leading slashes, user information.</summary>
    Invalid,

    /// <summary><c>/ws?query</c>.</summary>
    Origin,

    /// <summary><c>http://host/ws?query</c>, as it is sent to a proxy.</summary>
    Absolute,

    /// <summary><c>*</c>.</summary>
    Asterisk,
}

/// <summary>
/// What a request says about a handshake, gathered header by header from whichever parser read them. It holds facts and never judges:
/// <see cref="HandshakeRequestRules"/> does.
/// </summary>
public sealed class HandshakeRequest
{
    private KeyBytes _key;
    private byte _keyLength;

    /// <summary>The method.</summary>
    public HandshakeMethod Method { get; set; }

    /// <summary>The HTTP version.</summary>
    public HandshakeHttpVersion Version { get; set; }

    /// <summary>The form of the target.</summary>
    public HandshakeTargetForm TargetForm { get; set; }

    /// <summary>The path, without the query. As it was sent, nothing decoded, where <see cref="HandshakeRequestReader"/> read it.</summary>
    public string Path { get; set; } = "";

    /// <summary>The query with its question mark; empty where there is none. May hold secrets: never to be logged.</summary>
    public string Query { get; set; } = "";

    /// <summary>How many Host lines there are.</summary>
    public int HostCount { get; private set; }

    /// <summary>Whether each Host is a host with an optional port and nothing else.</summary>
    public bool HostIsValid { get; private set; } = true;

    /// <summary>Whether <c>Connection</c> lists <c>upgrade</c>.</summary>
    public bool ConnectionUpgrade { get; private set; }

    /// <summary>Whether <c>Upgrade</c> lists <c>websocket</c>.</summary>
    public bool UpgradeWebSocket { get; private set; }

    /// <summary>Whether a Content-Length that is not 0, or a Transfer-Encoding, announces a body.</summary>
    public bool AnnouncesBody { get; private set; }

    /// <summary>How many Sec-WebSocket-Version lines there are.</summary>
    public int WebSocketVersionCount { get; private set; }

    /// <summary>Whether the last Sec-WebSocket-Version is exactly 13.</summary>
    public bool WebSocketVersionIs13 { get; private set; }

    /// <summary>How many Sec-WebSocket-Key lines there are.</summary>
    public int KeyCount { get; private set; }

    /// <summary>The Sec-WebSocket-Key; empty where it is not base64 of 16 bytes.</summary>
    public ReadOnlySpan<byte> Key => ((ReadOnlySpan<byte>)_key)[.._keyLength];

    /// <summary>How many Origin lines there are.</summary>
    public int OriginCount { get; private set; }

    /// <summary>The last Origin; null where there is none.</summary>
    public string? Origin { get; private set; }

    /// <summary>How many Authorization lines there are.</summary>
    public int AuthorizationCount { get; private set; }

    /// <summary>The last Authorization, as sent; null where there is none. Holds secrets: never to be logged.</summary>
    public string? Authorization { get; private set; }

    /// <summary>The subprotocols offered, as sent, several lines joined with a comma; null where none are. See <see cref="SubprotocolNegotiator"/>.</summary>
    public string? Subprotocols { get; private set; }

    /// <summary>The extensions offered, as sent, several lines joined with a comma; null where none are. See <see cref="ExtensionHeaderReader"/>.</summary>
    public string? Extensions { get; private set; }

    /// <summary>The <c>traceparent</c> of W3C Trace Context; null where there is none, empty where there are several and none counts.</summary>
    public string? TraceParent { get; private set; }

    /// <summary>The <c>tracestate</c>, several lines joined with a comma; null where there is none.</summary>
    public string? TraceState { get; private set; }

    /// <summary>
    /// Whether the request asks for a WebSocket, well or badly: it asks for an upgrade, and names WebSocket as what it wants or brings a header of its handshake.
    /// </summary>
    public bool AsksForWebSocket =>
        Method == HandshakeMethod.ExtendedConnect || (ConnectionUpgrade && (UpgradeWebSocket || KeyCount > 0 || WebSocketVersionCount > 0));

    /// <summary>Takes note of a header. Names are compared in any case; headers of no interest are passed over.</summary>
    /// <param name="name">The name, a token.</param>
    /// <param name="value">The value without surrounding whitespace.</param>
    public void AddHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 4 when Ascii.EqualsIgnoreCase(name, "Host"u8):
                HostCount++;
                HostIsValid &= HttpSyntax.IsAuthority(value);
                break;
            case 6 when Ascii.EqualsIgnoreCase(name, "Origin"u8):
                OriginCount++;
                Origin = Encoding.Latin1.GetString(value);
                break;
            case 7 when Ascii.EqualsIgnoreCase(name, "Upgrade"u8):
                UpgradeWebSocket |= HttpSyntax.ListContains(value, "websocket"u8);
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "Connection"u8):
                ConnectionUpgrade |= HttpSyntax.ListContains(value, "upgrade"u8);
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "tracestate"u8):
                TraceState = Join(TraceState, value);
                break;
            case 11 when Ascii.EqualsIgnoreCase(name, "traceparent"u8):
                TraceParent = TraceParent is null ? Encoding.Latin1.GetString(value) : "";
                break;
            case 13 when Ascii.EqualsIgnoreCase(name, "Authorization"u8):
                AuthorizationCount++;
                Authorization = Encoding.Latin1.GetString(value);
                break;
            case 14 when Ascii.EqualsIgnoreCase(name, "Content-Length"u8):
                AnnouncesBody |= value.IsEmpty || value.ContainsAnyExcept((byte)'0');
                break;
            case 17 when Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8):
                AnnouncesBody = true;
                break;
            case 17 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Key"u8):
                KeyCount++;
                SetKey(value);
                break;
            case 21 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Version"u8):
                WebSocketVersionCount++;
                WebSocketVersionIs13 = value.SequenceEqual("13"u8);
                break;
            case 22 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Protocol"u8):
                Subprotocols = Join(Subprotocols, value);
                break;
            case 24 when Ascii.EqualsIgnoreCase(name, "Sec-WebSocket-Extensions"u8):
                Extensions = Join(Extensions, value);
                break;
        }
    }

    private static string Join(string? before, ReadOnlySpan<byte> value)
    {
        string text = Encoding.Latin1.GetString(value);
        return before is null ? text : before + ", " + text;
    }

    private void SetKey(ReadOnlySpan<byte> value)
    {
        if (!WebSocketKey.IsValid(value))
        {
            _keyLength = 0;
            return;
        }

        value.CopyTo(_key);
        _keyLength = WebSocketKey.Length;
    }

    [InlineArray(WebSocketKey.Length)]
    private struct KeyBytes
    {
        private byte _first;
    }
}
