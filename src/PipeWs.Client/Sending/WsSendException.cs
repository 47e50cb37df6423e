namespace PipeWs.Client;

/// <summary>Why a message was not sent.</summary>
public enum WsSendFailure
{
    /// <summary>There was no connection, or it ended before the message's turn came.</summary>
    Disconnected,

    /// <summary>Its turn did not come within <see cref="WsClientOptions.WriteTimeout"/>, or within <see cref="WsClientOptions.OfflineQueueAge"/> while there was no connection.</summary>
    TimedOut,

    /// <summary>It was dropped for a newer one, or as the newest, because the buffer was full.</summary>
    Dropped,

    /// <summary>The buffer was full and its mode is <see cref="WsBufferFullMode.Fail"/>.</summary>
    BufferFull,

    /// <summary>The client was stopped or had given up.</summary>
    Stopped,
}

/// <summary>A message was not sent. No part of it has left.</summary>
public sealed class WsSendException : IOException
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsSendException()
        : this(WsSendFailure.Disconnected)
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsSendException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsSendException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception for a reason.</summary>
    public WsSendException(WsSendFailure failure)
        : base(Describe(failure))
    {
        Failure = failure;
    }

    /// <summary>Why.</summary>
    public WsSendFailure Failure { get; }

    private static string Describe(WsSendFailure failure) => failure switch
    {
        WsSendFailure.TimedOut => "The message was not sent: its turn did not come in time.",
        WsSendFailure.Dropped => "The message was not sent: it was dropped because the write buffer was full.",
        WsSendFailure.BufferFull => "The message was not sent: the write buffer is full.",
        WsSendFailure.Stopped => "The message was not sent: the client was stopped or has given up.",
        _ => "The message was not sent: there is no connection.",
    };
}
