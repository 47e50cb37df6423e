namespace PipeWs.Server.Limits;

/// <summary>The limits that refuse something, each with the name of its option.</summary>
internal enum LimitKind
{
    /// <summary>A handshake while the hub drains or stops.</summary>
    Closing,

    /// <inheritdoc cref="PipeWsOptions.MaxConnections"/>
    MaxConnections,

    /// <inheritdoc cref="PipeWsOptions.MaxConnectionsPerAddress"/>
    MaxConnectionsPerAddress,

    /// <inheritdoc cref="PipeWsOptions.MaxConnectionsPerUser"/>
    MaxConnectionsPerUser,

    /// <inheritdoc cref="WsRoomOptions.MaxConnectionsPerRoom"/>
    MaxConnectionsPerRoom,

    /// <inheritdoc cref="PipeWsOptions.MaxRoomsPerConnection"/>
    MaxRoomsPerConnection,

    /// <inheritdoc cref="PipeWsOptions.MaxRooms"/>
    MaxRooms,

    /// <inheritdoc cref="PipeWsOptions.ReplayBytesPerSecond"/>
    ReplayBytesPerSecond,

    /// <inheritdoc cref="PipeWsOptions.InboundMessagesPerSecond"/>
    InboundMessagesPerSecond,

    /// <inheritdoc cref="PipeWsOptions.InboundBytesPerSecond"/>
    InboundBytesPerSecond,

    /// <inheritdoc cref="PipeWsOptions.IdleTimeout"/>
    IdleTimeout,

    /// <inheritdoc cref="PipeWsOptions.MaxMetadataPerConnection"/>
    MaxMetadataPerConnection,
}
