namespace PipeWs.Testing;

/// <summary>The answer to a handshake: 101, or a refusal.</summary>
/// <param name="StatusCode">101 where it was accepted.</param>
/// <param name="ReasonPhrase">The words behind it.</param>
/// <param name="Headers">The headers; those that came several times with a comma between. Names are compared in any case.</param>
/// <param name="Body">The body, where it was refused.</param>
public sealed record WsHandshakeAnswer(int StatusCode, string ReasonPhrase, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>The peer of the connection; null where it was refused.</summary>
    public WsTestPeer? Peer { get; internal init; }

    /// <summary>Whether it was accepted.</summary>
    public bool IsAccepted => Peer is not null;

    /// <summary>The subprotocol agreed on; null where there is none.</summary>
    public string? Subprotocol => Headers.GetValueOrDefault("Sec-WebSocket-Protocol");

    /// <summary>Status line, headers and body.</summary>
    public override string ToString() =>
        $"{StatusCode} {ReasonPhrase}\n{string.Concat(Headers.Select(static header => $"{header.Key}: {header.Value}\n"))}\n{Body}".TrimEnd();
}

/// <summary>A handshake that a test expected to be accepted was refused.</summary>
public sealed class WsHandshakeRefusedException : WsAssertionException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsHandshakeRefusedException()
        : base("The handshake was refused.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsHandshakeRefusedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsHandshakeRefusedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal WsHandshakeRefusedException(WsHandshakeAnswer answer, string log)
        : base($"The handshake was refused:\n{answer}\n{log}".TrimEnd())
    {
        Answer = answer;
    }

    /// <summary>The refusal; null where the exception was not made from one.</summary>
    public WsHandshakeAnswer? Answer { get; }
}
