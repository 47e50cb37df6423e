using System.Buffers;

namespace PipeWs.Server;

/// <summary>
/// Somebody, or a number of somebodies, to whom messages can be sent: one connection, a user, a room, everyone. Safe from any thread.
/// </summary>
/// <remarks>
/// A send completes when the message has its place in the order of what leaves; it does not wait for the peer to read. A payload
/// must stay as it is until the returned task completes. JSON and strings: see <see cref="WsSenderExtensions"/>.
/// </remarks>
public interface IWsSender
{
    /// <summary>Sends a whole message.</summary>
    /// <param name="payload">The payload; text must be valid UTF-8.</param>
    /// <param name="type">Text or binary.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default);

    /// <summary>Sends a whole message of which something more is to be said. Who has no use for that sends it like any other, as doubles in tests do.</summary>
    /// <param name="payload">The payload; text must be valid UTF-8.</param>
    /// <param name="type">Text or binary.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        SendAsync(payload, type, cancellationToken);

    /// <summary>Sends a whole message whose payload lies in several pieces, such as the borrowed bytes of a received one.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default);

    /// <summary>Sends a whole message whose payload lies in several pieces, and of which something more is to be said.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, WsSendOptions, CancellationToken)"/>
    ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        SendAsync(payload, type, cancellationToken);

    /// <summary>Sends a message that was encoded before.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default);
}
