namespace PipeWs.Client;

/// <summary>The client has given up connecting: the server's close code or the application's rule says so, or the reconnect policy has no attempts left.</summary>
public sealed class WsClientFailedException : IOException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsClientFailedException()
        : base("The client has given up connecting.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsClientFailedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsClientFailedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal WsClientFailedException(WsDisconnect disconnect)
        : base(
            disconnect.IsDialFailure
                ? $"The client has given up connecting: {disconnect.Reason}"
                : $"The client has given up after the connection ended with {disconnect.Code}{(disconnect.Reason.Length == 0 ? "" : " " + disconnect.Reason)}.",
            disconnect.Exception) => Disconnect = disconnect;

    /// <summary>What it gave up over.</summary>
    public WsDisconnect? Disconnect { get; }
}
