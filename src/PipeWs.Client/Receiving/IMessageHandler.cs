using System.Buffers;

namespace PipeWs.Client;

/// <summary>Receives every message where it lies, without a copy.</summary>
public interface IMessageHandler
{
    /// <summary>A message came. Called for one message at a time, in their order, on the receive loop: the next is not read before the returned task completes.</summary>
    /// <param name="type">Text, which is valid UTF-8, or binary.</param>
    /// <param name="payload">Borrowed: valid until the returned task completes.</param>
    /// <param name="cancellationToken">Cancelled when the connection ends, or the client stops.</param>
    /// <remarks>An exception is reported as <see cref="WsCallbackErrorEvent"/>; the client goes on with the next message.</remarks>
    ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken);
}
