namespace PipeWs.Server;

/// <summary>How rooms keep history and treat slow members.</summary>
public sealed class WsRoomOptions
{
    /// <summary>How many messages the log keeps for those who resume. Default 0: none, at most once.</summary>
    public int HistoryMessages { get; set; }

    /// <summary>How many bytes of messages the log keeps at most, where it keeps any. Default 1,048,576.</summary>
    public long HistoryBytes { get; set; } = 1024 * 1024;

    /// <summary>How long the log keeps a message, where it keeps any. Default 5 minutes.</summary>
    public TimeSpan HistoryAge { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How many messages a member may lag before <see cref="SlowConsumerPolicy"/> acts. Default 4,096.</summary>
    public int MaxLagMessages { get; set; } = 4096;

    /// <summary>What happens to a member that lags too far. Default <see cref="WsSlowConsumerPolicy.Disconnect"/>, with close code 3008.</summary>
    public WsSlowConsumerPolicy SlowConsumerPolicy { get; set; } = WsSlowConsumerPolicy.Disconnect;

    /// <summary>The most members of one room. Default 0: no limit but the hub's. Beyond it a join gives <see cref="WsJoinStatus.RoomFull"/>.</summary>
    public int MaxConnectionsPerRoom { get; set; }
}
