namespace PipeWs.Server;

/// <summary>The options of one hub.</summary>
public sealed class PipeWsOptions
{
    /// <summary>Whether the JSON welcome is sent as the first message. Default true; never to hubs with a raw text handler.</summary>
    public bool Welcome { get; set; } = true;

    /// <summary>The largest message that is accepted, in bytes. Default 1 MiB.</summary>
    public long MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>How often a ping is sent. Default 30 s.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after a ping something must have been received. Default 10 s.</summary>
    public TimeSpan PongTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many connections the hub accepts. Default 10,000.</summary>
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>How many rooms a connection may be in. Default 128.</summary>
    public int MaxRoomsPerConnection { get; set; } = 128;

    /// <summary>The options of rooms that no pattern matches.</summary>
    public WsRoomOptions Rooms { get; } = new();

    internal WsConnectionOptions ToConnectionOptions() => new()
    {
        MaxMessageBytes = MaxMessageBytes,
        PingInterval = PingInterval,
        PongTimeout = PongTimeout,
    };
}
