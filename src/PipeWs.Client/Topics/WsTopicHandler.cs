namespace PipeWs.Client;

/// <summary>Receives a topic's messages where they lie, one at a time, in their order, on the receive loop: until its task completes nothing else is read, acks and pings among it.</summary>
/// <param name="message">Borrowed: valid until the task completes.</param>
/// <param name="cancellationToken">Cancelled when the connection ends.</param>
/// <remarks>An exception is reported as <see cref="WsCallbackErrorEvent"/>; the client goes on with the next message.</remarks>
public delegate ValueTask WsTopicHandler(WsTopicMessage message, CancellationToken cancellationToken);
