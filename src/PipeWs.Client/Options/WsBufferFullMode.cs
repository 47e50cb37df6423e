namespace PipeWs.Client;

/// <summary>What happens to a message where its buffer is full.</summary>
public enum WsBufferFullMode
{
    /// <summary>
    /// It waits for room. A write waits at most <see cref="WsClientOptions.WriteTimeout"/>. A received message holds up the receive loop, so that TCP holds the server up; nothing behind
    /// it is read, pings among it, until the reader makes room. The client then says that it is alive by pings and pongs of its own accord, and does not hold the silence against the server.
    /// </summary>
    Wait,

    /// <summary>The oldest in the buffer is dropped.</summary>
    DropOldest,

    /// <summary>The one that comes is dropped.</summary>
    DropNewest,

    /// <summary>A write fails at once; a received message fails the connection, and the client connects anew.</summary>
    Fail,
}
