namespace PipeWs.Client;

/// <summary>No connection could be opened: the name does not resolve, nobody listens, the proxy or TLS failed, or the time was up. The message says which and where.</summary>
public class WsDialException : IOException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsDialException()
        : base("No connection could be opened.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsDialException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsDialException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Where to: scheme, host, port and path, without the query; null where no endpoint was reached for.</summary>
    public string? Endpoint { get; init; }
}
