namespace PipeWs.Protocol.Compression;

/// <summary>
/// The four parameters of permessage-deflate: what two peers agreed on, or what one of them would agree to. <c>default</c> is what holds where nothing was said:
/// the largest windows and both contexts kept. RFC 7692, section 7.1.
/// </summary>
public readonly record struct DeflateParameters
{
    /// <summary>The smallest window's bits: 256 bytes.</summary>
    public const int MinWindowBits = 8;

    /// <summary>The largest window's bits: 32,768 bytes.</summary>
    public const int MaxWindowBits = 15;

    private readonly int _serverBitsLess;
    private readonly int _clientBitsLess;

    /// <summary>Names all four.</summary>
    /// <param name="serverMaxWindowBits">The server's window is at most 2 to this power, in bytes; 8 to 15.</param>
    /// <param name="clientMaxWindowBits">The client's window is at most 2 to this power, in bytes; 8 to 15.</param>
    /// <param name="serverNoContextTakeover">Whether the server forgets each message before it compresses the next.</param>
    /// <param name="clientNoContextTakeover">Whether the client does.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public DeflateParameters(int serverMaxWindowBits, int clientMaxWindowBits, bool serverNoContextTakeover = false, bool clientNoContextTakeover = false)
    {
        ServerMaxWindowBits = serverMaxWindowBits;
        ClientMaxWindowBits = clientMaxWindowBits;
        ServerNoContextTakeover = serverNoContextTakeover;
        ClientNoContextTakeover = clientNoContextTakeover;
    }

    /// <summary>The server's window is at most 2 to this power, in bytes; 8 to 15.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public int ServerMaxWindowBits
    {
        get => MaxWindowBits - _serverBitsLess;
        init => _serverBitsLess = MaxWindowBits - Checked(value);
    }

    /// <summary>The client's window is at most 2 to this power, in bytes; 8 to 15.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public int ClientMaxWindowBits
    {
        get => MaxWindowBits - _clientBitsLess;
        init => _clientBitsLess = MaxWindowBits - Checked(value);
    }

    /// <summary>Whether the server forgets each message before it compresses the next.</summary>
    public bool ServerNoContextTakeover { get; init; }

    /// <summary>Whether the client forgets each message before it compresses the next.</summary>
    public bool ClientNoContextTakeover { get; init; }

    internal static int Checked(int windowBits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(windowBits, MinWindowBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(windowBits, MaxWindowBits);
        return windowBits;
    }
}
