namespace PipeWs.Protocol.Handshake;

/// <summary>Why a handshake is refused, as a value: the HTTP status and a sentence for the peer. <c>default</c> is "it is not".</summary>
/// <param name="StatusCode">The status of the answer; 0 where nothing is refused.</param>
/// <param name="Message">What was wrong and what to do about it, in plain words. Never holds anything of the request.</param>
/// <param name="HeaderName">A header that the status asks for, such as <c>Allow</c>; null where it asks for none.</param>
/// <param name="HeaderValue">That header's value.</param>
public readonly record struct HandshakeRefusal(int StatusCode, string Message, string? HeaderName = null, string? HeaderValue = null)
{
    /// <summary>Whether the handshake is refused.</summary>
    public bool IsRefused => StatusCode != 0;

    /// <summary>408: the handshake took longer than HandshakeTimeout.</summary>
    public static HandshakeRefusal Timeout { get; } =
        new(408, "The opening handshake was not complete in time. Connect again and send it at once.");

    /// <summary>404: no hub is served at this path.</summary>
    public static HandshakeRefusal UnknownPath { get; } =
        new(404, "No WebSocket is served at this path.");

    /// <summary>431: a header, or all of them, beyond <see cref="HandshakeLimits"/>.</summary>
    public static HandshakeRefusal HeadersTooLong { get; } = new(431, "A header, or all of them together, is too long.");

    /// <summary>400: a byte that no request line and no header may hold.</summary>
    public static HandshakeRefusal IllegalByte { get; } =
        new(400, "The request holds a control character, or a line that does not end with CR LF (RFC 9112, 2.2).");

    /// <summary>503: a limit on connections is reached.</summary>
    /// <param name="message">Which one, in plain words.</param>
    public static HandshakeRefusal Unavailable(string message) => new(503, message);

    internal static HandshakeRefusal BadRequest(string message) => new(400, message);
}
