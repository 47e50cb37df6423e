namespace PipeWs.Client;

/// <summary>Does what a connection needs before it is used, after every dial: logs in, awaits a welcome, subscribes.</summary>
public interface IConnectionReadyHandler
{
    /// <summary>A connection was opened. The client counts as connected when all handlers have returned.</summary>
    /// <param name="connection">The connection; messages are sent and received on it directly. What it receives and no handler takes goes to the client's reader afterwards.</param>
    /// <param name="cancellationToken">Cancelled when the connection ends, at <see cref="WsClientOptions.ReadyTimeout"/>, and by a stop.</param>
    /// <remarks>An exception is a failed attempt: the connection is closed, and the next is tried as the reconnect policy says.</remarks>
    ValueTask OnConnectionReadyAsync(WsClientConnection connection, CancellationToken cancellationToken);
}
