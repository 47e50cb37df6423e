namespace PipeWs;

/// <summary>A send was refused because the connection is closing or closed. The message was not sent.</summary>
public sealed class WsClosedException : IOException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsClosedException()
        : base("The connection is closing or closed; the message was not sent.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsClosedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsClosedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
