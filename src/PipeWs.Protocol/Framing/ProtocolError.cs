namespace PipeWs.Protocol.Framing;

/// <summary>
/// What was wrong with the peer's bytes, as a value: the close code that RFC 6455 gives it and a sentence for
/// the log and the close reason. <c>default</c> is "nothing".
/// </summary>
/// <param name="Code">The close code to fail the connection with (RFC 6455, section 7.4.1).</param>
/// <param name="Message">What was wrong, in plain words; never longer than a close reason may be.</param>
public readonly record struct ProtocolError(ushort Code, string Message)
{
    /// <summary>No error.</summary>
    public static ProtocolError None => default;

    /// <summary>Whether there is an error.</summary>
    public bool IsError => Code != 0;
}
