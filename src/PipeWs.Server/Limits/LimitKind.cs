namespace PipeWs.Server.Limits;

/// <summary>Limits that refuse something, each by the name of its option; a room counts its own.</summary>
internal enum LimitKind
{
    /// <summary>A handshake while the hub drains or stops.</summary>
    Closing,

    /// <summary>KestrelServerLimits.MaxConcurrentUpgradedConnections, which counts the connections of all doors and hubs.</summary>
    MaxConcurrentUpgradedConnections,

    /// <inheritdoc cref="PipeWsOptions.MaxConnections"/>
    MaxConnections,

    /// <inheritdoc cref="PipeWsOptions.MaxConnectionsPerAddress"/>
    MaxConnectionsPerAddress,

    /// <inheritdoc cref="PipeWsOptions.MaxConnectionsPerUser"/>
    MaxConnectionsPerUser,

    /// <inheritdoc cref="PipeWsOptions.MaxRoomsPerConnection"/>
    MaxRoomsPerConnection,

    /// <inheritdoc cref="PipeWsOptions.MaxRooms"/>
    MaxRooms,

    /// <inheritdoc cref="PipeWsOptions.InboundMessagesPerSecond"/>
    InboundMessagesPerSecond,

    /// <inheritdoc cref="PipeWsOptions.InboundBytesPerSecond"/>
    InboundBytesPerSecond,

    /// <inheritdoc cref="PipeWsOptions.IdleTimeout"/>
    IdleTimeout,

    /// <inheritdoc cref="PipeWsOptions.MaxMetadataPerConnection"/>
    MaxMetadataPerConnection,
}
