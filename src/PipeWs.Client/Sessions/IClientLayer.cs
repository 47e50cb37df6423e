using System.Buffers;

namespace PipeWs.Client.Sessions;

/// <summary>A dialect above the client's messages, such as the topics'. It sees every connection first and every message before it is buffered.</summary>
internal interface IClientLayer
{
    /// <summary>A connection was opened; called before the ready handlers, while <see cref="OnMessageAsync"/> is called already. An exception is a failed attempt.</summary>
    ValueTask OnConnectedAsync(WsClientConnection connection, CancellationToken cancellationToken);

    /// <summary>A message came. On the receive loop, one at a time; the bytes are borrowed until the task completes, and nothing behind them is read before. Must not throw.</summary>
    /// <returns>Whether it was the layer's; otherwise it goes to the handler or the reader.</returns>
    ValueTask<bool> OnMessageAsync(WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload);

    /// <summary>The connection is ready and counts as connected; sends go out on it from here on. Must neither block nor throw.</summary>
    void OnReady(WsClientConnection connection);

    /// <summary>A connection that <see cref="OnConnectedAsync"/> was called for has ended, and its receive loop with it. Must neither block nor throw.</summary>
    void OnDisconnected(WsClientConnection connection, WsDisconnect disconnect);

    /// <summary>The token in use is about to expire.</summary>
    /// <returns>Whether the layer sees to it; otherwise the client connects anew.</returns>
    bool TryRefreshToken(WsClientConnection connection);

    /// <summary>Twice a second, for what is due. Must neither block nor throw.</summary>
    /// <param name="now">Milliseconds, as <see cref="WsHeartbeat.Now"/> counts.</param>
    void OnHeartbeat(long now);

    /// <summary>The client was stopped or has given up; nothing follows. Must neither block nor throw.</summary>
    void OnEnded(Exception? error);
}
