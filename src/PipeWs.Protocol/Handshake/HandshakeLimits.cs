namespace PipeWs.Protocol.Handshake;

/// <summary>How much of a handshake's head is read. All sizes in bytes.</summary>
public sealed record HandshakeLimits
{
    /// <summary>The defaults.</summary>
    public static HandshakeLimits Default { get; } = new();

    /// <summary>The longest request or status line, without its CRLF. Default 8,192; beyond it 414.</summary>
    public int MaxRequestLineBytes { get; init; } = 8 * 1024;

    /// <summary>The longest header line, without its CRLF. Default 8,192; beyond it 431.</summary>
    public int MaxHeaderLineBytes { get; init; } = 8 * 1024;

    /// <summary>All header lines together, each with its CRLF. Default 32,768; beyond it 431.</summary>
    public int MaxHeadersBytes { get; init; } = 32 * 1024;

    /// <summary>The most header lines. Default 100; beyond it 431.</summary>
    public int MaxHeaders { get; init; } = 100;
}
