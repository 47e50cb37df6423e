namespace PipeWs.Client;

/// <summary>Why a request or a subscription came to nothing.</summary>
public enum WsTopicFailure
{
    /// <summary>The server answered with an error: <see cref="WsTopicException.Code"/> and the message are its words.</summary>
    Refused,

    /// <summary>The server did not answer in time. Whether it did what was asked is not known.</summary>
    TimedOut,

    /// <summary>The connection ended after the request was sent and before it was answered. Whether the server did what was asked is not known.</summary>
    Disconnected,

    /// <summary>The client was stopped or has given up before the answer.</summary>
    Stopped,

    /// <summary>As many requests as <see cref="WsTopicClientOptions.MaxPendingRequests"/> wait for their answers. It was not sent.</summary>
    TooManyPending,

    /// <summary>The subscription's buffer was full and its overflow mode is <see cref="WsTopicOverflow.Fail"/>.</summary>
    Overflow,
}

/// <summary>A request was not answered as it should be, or a subscription ended.</summary>
public sealed class WsTopicException : IOException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsTopicException()
        : this("The request failed.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsTopicException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsTopicException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal WsTopicException(WsTopicFailure failure, string message, int code = 0, Exception? innerException = null)
        : base(message, innerException)
    {
        Failure = failure;
        Code = code;
    }

    /// <summary>What happened.</summary>
    public WsTopicFailure Failure { get; }

    /// <summary>The server's error code, 400-599 as in HTTP where it keeps to that; 0 where it gave none.</summary>
    public int Code { get; }
}
