namespace PipeWs.Client;

/// <summary>Something that happened to a client. All subscribers see the events in one order, by <see cref="Sequence"/>.</summary>
public abstract record WsClientEvent
{
    private protected WsClientEvent()
    {
    }

    /// <summary>The event's number within its client, from 1; numbers of kinds that nobody listens to are not given out.</summary>
    public long Sequence { get; internal set; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset Timestamp { get; internal set; }

    /// <summary>How many events this subscriber has missed just before this one, because it was too slow for its buffer. Default 0.</summary>
    public long MissedBefore { get; internal init; }

    /// <summary>What kind it is: one of them.</summary>
    public abstract WsClientEventKinds Kind { get; }
}

/// <summary>A connection is ready for use.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="IsReconnect">Whether there was one before that was ready.</param>
public sealed record WsConnectedEvent(WsClientConnection Connection, bool IsReconnect) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.Connected;
}

/// <summary>A connection that was ready has ended.</summary>
/// <param name="Disconnect">How.</param>
/// <param name="WillReconnect">Whether the client tries to connect again.</param>
public sealed record WsDisconnectedEvent(WsDisconnect Disconnect, bool WillReconnect) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.Disconnected;
}

/// <summary>The client is going to try to connect.</summary>
/// <param name="Attempt">Which attempt in a row, from 1.</param>
/// <param name="Delay">How long it waits before.</param>
/// <param name="Disconnect">Why there is no connection.</param>
public sealed record WsTryReconnectEvent(int Attempt, TimeSpan Delay, WsDisconnect Disconnect) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.TryReconnect;
}

/// <summary>A message came.</summary>
/// <param name="Type">Text or binary.</param>
/// <param name="Payload">A copy of the event's own.</param>
public sealed record WsMessageReceivedEvent(WsMessageType Type, ReadOnlyMemory<byte> Payload) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.MessageReceived;
}

/// <summary>Something went wrong: an attempt to connect, the connection, or what the server says did.</summary>
/// <param name="Message">What, in plain words.</param>
/// <param name="Exception">The cause, where there is one.</param>
public sealed record WsErrorReceivedEvent(string Message, Exception? Exception) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ErrorReceived;
}

/// <summary>A pong came for a ping.</summary>
/// <param name="RoundTripTime">The time between them.</param>
public sealed record WsPongReceivedEvent(TimeSpan RoundTripTime) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.PongReceived;
}

/// <summary>The read buffer was full when a message came.</summary>
/// <param name="Mode">What becomes of it.</param>
/// <param name="Count">How many messages are in the buffer.</param>
/// <param name="Bytes">How many bytes they have.</param>
public sealed record WsReadBufferFullEvent(WsBufferFullMode Mode, int Count, long Bytes) : WsClientEvent
{
    /// <summary>The topics of the subscription whose buffer it is; null where it is the client's own.</summary>
    public string? Topic { get; init; }

    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ReadBufferFull;
}

/// <summary>The write buffer was full when a message was to be sent.</summary>
/// <param name="Mode">What becomes of it.</param>
/// <param name="Count">How many messages wait.</param>
public sealed record WsWriteBufferFullEvent(WsBufferFullMode Mode, int Count) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.WriteBufferFull;
}

/// <summary>The application's code threw: a message handler, an event callback, a predicate, or disposing the token provider.</summary>
/// <param name="Callback">Which code.</param>
/// <param name="Exception">What it threw.</param>
public sealed record WsCallbackErrorEvent(string Callback, Exception Exception) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.CallbackError;
}

/// <summary>A topic was joined again after a reconnect.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Recovered">Whether all messages in between are there; null where the server does not say.</param>
public sealed record WsReSubscribeOKEvent(string Topic, bool? Recovered) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ReSubscribeOK;
}

/// <summary>A topic could not be joined again after a reconnect.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Exception">Why.</param>
public sealed record WsReSubscribeErrorEvent(string Topic, Exception Exception) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ReSubscribeError;
}

/// <summary>The client has given up and connects no more. The last event.</summary>
/// <param name="Disconnect">What it gave up over.</param>
public sealed record WsClientFailEvent(WsDisconnect Disconnect) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ClientFail;
}

/// <summary>The client was stopped. The last event.</summary>
public sealed record WsClientShutdownEvent : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.ClientShutdown;
}
