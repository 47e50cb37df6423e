namespace PipeWs.Server;

/// <summary>What comes next for a connection: the following filter, or its life in the hub.</summary>
/// <param name="connection">The connection that the filter was given.</param>
/// <returns>Completes when the connection has ended and left its rooms, and the hooks of <c>OnDisconnect</c> have been told.</returns>
public delegate Task WsConnectionDelegate(IWsConnection connection);

/// <summary>
/// Code around a connection's whole life after its handshake and its welcome message. Filters are put together once, when the hub starts, in the order they were added.
/// One object serves all connections and is called from many threads at once.
/// </summary>
public interface IWsConnectionFilter
{
    /// <summary>Serves the connection by calling <paramref name="next"/>, once, before its own task completes.</summary>
    /// <remarks>
    /// A filter that returns without having called it refuses the connection: unless it has begun to close it, with a code of its own, it is closed with 1008. An exception
    /// closes it with 1011, is logged, and is told to <c>OnError</c>; so is one that has neither called it nor returned within <see cref="PipeWsOptions.HandshakeTimeout"/>, and it is
    /// waited for no more. Where the connection says who it is by its first message, the filter is called before that.
    /// </remarks>
    /// <param name="connection">The connection. Nothing is read from it before <paramref name="next"/> is called.</param>
    /// <param name="next">What comes next.</param>
    Task InvokeAsync(IWsConnection connection, WsConnectionDelegate next);
}
