using System.Net;

namespace PipeWs.Protocol.Handshake;

/// <summary>What makes a handshake's request unacceptable, and the answer it gets. It never reads bytes. RFC 6455, section 4.2; RFC 8441, section 5.</summary>
public static class HandshakeRequestRules
{
    private static readonly HandshakeRefusal BadVersion = new(505, "Only HTTP/1.1 is spoken here.");
    private static readonly HandshakeRefusal Http10 = HandshakeRefusal.BadRequest("HTTP/1.0 cannot be upgraded to a WebSocket; use HTTP/1.1.");
    private static readonly HandshakeRefusal BadMethod = new(405, "A WebSocket is opened with GET, in capitals.", "Allow", "GET");
    private static readonly HandshakeRefusal BadTarget = HandshakeRefusal.BadRequest("The request's target must be a path such as /ws, without fragment and with one leading slash, or an http URL.");
    private static readonly HandshakeRefusal BadHost = HandshakeRefusal.BadRequest("The request must have exactly one Host header: a host, and its port if any (RFC 9112, 3.2).");
    private static readonly HandshakeRefusal Body = HandshakeRefusal.BadRequest("A request for a WebSocket cannot have a body: neither Content-Length nor Transfer-Encoding.");
    private static readonly HandshakeRefusal NoUpgrade = new(426, "This is a WebSocket: ask for it with 'Connection: Upgrade' and 'Upgrade: websocket'.", "Upgrade", "websocket");
    private static readonly HandshakeRefusal NoExtendedConnect = HandshakeRefusal.BadRequest("This is a WebSocket: open it with an extended CONNECT whose :protocol is websocket (RFC 8441).");
    private static readonly HandshakeRefusal BadWebSocketVersion = new(426, "Only version 13 of the WebSocket protocol is spoken here: send one 'Sec-WebSocket-Version: 13'.", "Sec-WebSocket-Version", "13");
    private static readonly HandshakeRefusal BadKey = HandshakeRefusal.BadRequest("The request must have exactly one Sec-WebSocket-Key: 16 bytes in base64.");
    private static readonly HandshakeRefusal BadSubprotocols = HandshakeRefusal.BadRequest("Sec-WebSocket-Protocol must be a list of tokens (RFC 6455, 11.3.4).");
    private static readonly HandshakeRefusal TwoAuthorizations = HandshakeRefusal.BadRequest("The request has more than one Authorization header (RFC 9110, 11.6.2).");
    private static readonly HandshakeRefusal TwoOrigins = new(403, "The request has more than one Origin.");
    private static readonly HandshakeRefusal ForeignOrigin = new(403, "Pages of this origin may not connect. The server's operator can add it to AllowedOrigins.");

    /// <summary>Judges everything but the origin.</summary>
    public static HandshakeRefusal Check(HandshakeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        HandshakeRefusal refusal = request.Version == HandshakeHttpVersion.Http2OrLater ? CheckExtendedConnect(request) : CheckUpgrade(request);
        return refusal.IsRefused ? refusal
            : request.AuthorizationCount > 1 ? TwoAuthorizations
            : !SubprotocolNegotiator.IsWellFormed(request.Subprotocols) ? BadSubprotocols
            : default;
    }

    /// <summary>Judges the origin: browsers send it, and it is what stands between a foreign page and the user's cookies.</summary>
    /// <param name="request">The request.</param>
    /// <param name="rules">Who may connect.</param>
    /// <param name="isSecure">Whether the connection is TLS.</param>
    /// <param name="local">The server's own end of the connection; null where it has no address.</param>
    public static HandshakeRefusal CheckOrigin(HandshakeRequest request, OriginRules rules, bool isSecure, EndPoint? local)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(rules);
        return request.OriginCount switch
        {
            0 => default,
            1 => rules.IsAllowed(request.Origin, isSecure, local) ? default : ForeignOrigin,
            _ => TwoOrigins,
        };
    }

    private static HandshakeRefusal CheckUpgrade(HandshakeRequest request) =>
        request.Version == HandshakeHttpVersion.Http10 ? Http10
        : request.Version != HandshakeHttpVersion.Http11 ? BadVersion
        : request.Method != HandshakeMethod.Get ? BadMethod
        : request.TargetForm is not (HandshakeTargetForm.Origin or HandshakeTargetForm.Absolute) ? BadTarget
        : request.HostCount != 1 || !request.HostIsValid ? BadHost
        : request.AnnouncesBody ? Body
        : !request.ConnectionUpgrade || !request.UpgradeWebSocket ? NoUpgrade
        : request.WebSocketVersionCount != 1 || !request.WebSocketVersionIs13 ? BadWebSocketVersion
        : request.KeyCount != 1 || request.Key.IsEmpty ? BadKey
        : default;

    private static HandshakeRefusal CheckExtendedConnect(HandshakeRequest request) =>
        request.Method != HandshakeMethod.ExtendedConnect ? NoExtendedConnect
        : request.WebSocketVersionCount != 1 || !request.WebSocketVersionIs13 ? BadWebSocketVersion
        : default;
}
