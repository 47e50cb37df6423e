namespace PipeWs.Client.Topics;

/// <summary>What a session knows of one connection.</summary>
internal sealed class TopicLink(WsClientConnection connection)
{
    public WsClientConnection Connection { get; } = connection;

    /// <summary>Completes with the welcome; fails with the error that the server says instead.</summary>
    public TaskCompletionSource Welcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The connection's id as the server's welcome gives it; null where it gave none.</summary>
    public string? Id { get; set; }

    public TimeSpan? PingInterval { get; set; }

    public TimeSpan? PingTimeout { get; set; }

    public bool IsReady { get; set; }

    public bool IsEnded { get; set; }

    /// <summary>How many messages came; the receive loop's own, the heartbeat looks.</summary>
    public long Received { get; set; }

    /// <summary>What a message in one piece is shown in to handlers.</summary>
    public TopicFrame Borrower { get; } = TopicFrame.CreateBorrower();

    /// <summary>Where a message in several pieces is put together.</summary>
    public byte[] Scratch { get; set; } = [];

    /// <summary>The topic of the message before: most come in runs.</summary>
    public TopicState? LastTopic { get; set; }

    /// <summary>When the next ping is due, in the heartbeat's milliseconds.</summary>
    public long NextPingAt { get; set; } = long.MaxValue;

    /// <summary>The number of the ping that waits for its pong; 0 for none.</summary>
    public long PingNumber { get; set; }

    public long PingSentAt { get; set; }

    public long PingTimestamp { get; set; }

    public long ReceivedAtPing { get; set; }

    /// <summary>When the server wants the client to come back.</summary>
    public long ReconnectAt { get; set; } = long.MaxValue;

    /// <summary>How many topics were not tried yet since it became ready; -1 where the round was reported.</summary>
    public int RoundLeft { get; set; } = -1;

    public int RoundJoined { get; set; }

    public int RoundFailed { get; set; }
}
