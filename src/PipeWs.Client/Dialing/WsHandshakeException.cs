namespace PipeWs.Client;

/// <summary>The server answered, but not with a WebSocket connection. The message says what it answered. RFC 6455, section 4.1.</summary>
public sealed class WsHandshakeException : WsDialException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsHandshakeException()
        : base("The server refused the handshake.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsHandshakeException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsHandshakeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The status code of the answer; 0 where it was no HTTP answer at all.</summary>
    public int StatusCode { get; init; }

    /// <summary>The reason phrase; may be empty.</summary>
    public string ReasonPhrase { get; init; } = "";

    /// <summary>Where a redirect would have led. Never followed, so that credentials reach no other server. May hold a query with secrets.</summary>
    public string? Location { get; init; }

    /// <summary>The first characters of the body, at most 256 bytes of it.</summary>
    public string BodyExcerpt { get; init; } = "";
}
