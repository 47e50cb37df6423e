namespace PipeWs.Client;

/// <summary>A subscription misses messages. Also where its stream does not show gaps.</summary>
/// <param name="Gap">What is missing and why.</param>
public sealed record WsTopicGapEvent(WsTopicGap Gap) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.TopicGap;
}

/// <summary>A topic client is connected again, and each of its topics was joined again or refused once.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Joined">How many topics were joined.</param>
/// <param name="Failed">How many were not; they are tried again.</param>
public sealed record WsReconnectedEvent(WsClientConnection Connection, int Joined, int Failed) : WsClientEvent
{
    /// <inheritdoc/>
    public override WsClientEventKinds Kind => WsClientEventKinds.Reconnected;
}
