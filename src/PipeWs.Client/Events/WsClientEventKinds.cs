namespace PipeWs.Client;

/// <summary>The kinds of event, to choose among.</summary>
[Flags]
public enum WsClientEventKinds
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><see cref="WsConnectedEvent"/>.</summary>
    Connected = 1 << 0,

    /// <summary><see cref="WsDisconnectedEvent"/>.</summary>
    Disconnected = 1 << 1,

    /// <summary><see cref="WsTryReconnectEvent"/>.</summary>
    TryReconnect = 1 << 2,

    /// <summary><see cref="WsMessageReceivedEvent"/>: a copy of every message.</summary>
    MessageReceived = 1 << 3,

    /// <summary><see cref="WsErrorReceivedEvent"/>.</summary>
    ErrorReceived = 1 << 4,

    /// <summary><see cref="WsPongReceivedEvent"/>.</summary>
    PongReceived = 1 << 5,

    /// <summary><see cref="WsReadBufferFullEvent"/>.</summary>
    ReadBufferFull = 1 << 6,

    /// <summary><see cref="WsWriteBufferFullEvent"/>.</summary>
    WriteBufferFull = 1 << 7,

    /// <summary><see cref="WsCallbackErrorEvent"/>.</summary>
    CallbackError = 1 << 8,

    /// <summary><see cref="WsReSubscribeOKEvent"/>.</summary>
    ReSubscribeOK = 1 << 9,

    /// <summary><see cref="WsReSubscribeErrorEvent"/>.</summary>
    ReSubscribeError = 1 << 10,

    /// <summary><see cref="WsClientFailEvent"/>.</summary>
    ClientFail = 1 << 11,

    /// <summary><see cref="WsClientShutdownEvent"/>.</summary>
    ClientShutdown = 1 << 12,

    /// <summary><see cref="WsTopicGapEvent"/>, of topic clients.</summary>
    TopicGap = 1 << 13,

    /// <summary><see cref="WsReconnectedEvent"/>, of topic clients.</summary>
    Reconnected = 1 << 14,

    /// <summary>All kinds but <see cref="MessageReceived"/>, which costs a copy of every message.</summary>
    AllButMessages = All & ~MessageReceived,

    /// <summary>All kinds.</summary>
    All = (1 << 15) - 1,
}
