namespace PipeWs.Protocol.Framing;

/// <summary>The close codes of RFC 6455, section 7.4.1, of the IANA registry, and PipeWs's own in the range 3000-3999.</summary>
public static class CloseCode
{
    /// <summary>1000: the purpose of the connection is fulfilled.</summary>
    public const ushort NormalClosure = 1000;

    /// <summary>1001: the server is shutting down, or the page is being left.</summary>
    public const ushort GoingAway = 1001;

    /// <summary>1002: the peer broke the protocol.</summary>
    public const ushort ProtocolError = 1002;

    /// <summary>1003: a kind of data that is not accepted here, such as binary where only text is spoken.</summary>
    public const ushort UnsupportedData = 1003;

    /// <summary>1005: the close frame carried no code. Never on the wire.</summary>
    public const ushort NoStatusReceived = 1005;

    /// <summary>1006: the transport ended without a close frame. Never on the wire.</summary>
    public const ushort AbnormalClosure = 1006;

    /// <summary>1007: payload that is not what its type promises, such as text that is not UTF-8.</summary>
    public const ushort InvalidPayloadData = 1007;

    /// <summary>1008: a policy was broken; the general refusal.</summary>
    public const ushort PolicyViolation = 1008;

    /// <summary>1009: a message larger than is accepted.</summary>
    public const ushort MessageTooBig = 1009;

    /// <summary>1010: the client needed an extension that the server did not accept.</summary>
    public const ushort MandatoryExtension = 1010;

    /// <summary>1011: an unexpected condition on the server.</summary>
    public const ushort InternalError = 1011;

    /// <summary>1012: the service restarts.</summary>
    public const ushort ServiceRestart = 1012;

    /// <summary>1013: try again later.</summary>
    public const ushort TryAgainLater = 1013;

    /// <summary>1014: a gateway got a bad answer from upstream.</summary>
    public const ushort BadGateway = 1014;

    /// <summary>1015: the TLS handshake failed. Never on the wire.</summary>
    public const ushort TlsHandshake = 1015;

    /// <summary>3001: the connection did not authenticate in time. PipeWs's own.</summary>
    public const ushort Unauthenticated = 3001;

    /// <summary>3005: the token that opened the connection expired. PipeWs's own.</summary>
    public const ushort TokenExpired = 3005;

    /// <summary>3008: the peer read too slowly. PipeWs's own.</summary>
    public const ushort TooSlow = 3008;

    /// <summary>3013: over a limit, try again later. PipeWs's own.</summary>
    public const ushort OverLimit = 3013;

    /// <summary>
    /// Whether a close frame may carry this code: 1000-1003, 1007-1014 and 3000-4999. 1004-1006 and 1015 are reserved and
    /// "MUST NOT be set as a status code in a Close control frame"; the rest is unassigned. RFC 6455, sections 7.4.1 and 7.4.2.
    /// </summary>
    public static bool IsValidOnTheWire(int code) =>
        code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);
}
