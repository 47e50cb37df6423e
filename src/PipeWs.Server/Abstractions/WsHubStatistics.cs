namespace PipeWs.Server;

/// <summary>What a hub is doing, as <see cref="IWsHub.GetStatistics"/> found it. Counts are since the hub started; the parts were read one after the other.</summary>
public sealed record WsHubStatistics
{
    /// <summary>The hub's name; empty for the default hub.</summary>
    public string Hub { get; init; } = "";

    /// <summary>When it was read.</summary>
    public DateTimeOffset TakenAt { get; init; }

    /// <summary>How long the hub has been there.</summary>
    public TimeSpan Uptime { get; init; }

    /// <summary>The connections.</summary>
    public WsConnectionStatistics Connections { get; init; } = new();

    /// <summary>What went through, since the hub started.</summary>
    public WsTrafficStatistics Traffic { get; init; }

    /// <summary>What goes through per second, over the last ten seconds.</summary>
    public WsRates Rates { get; init; }

    /// <summary>What was not delivered, and who was too slow.</summary>
    public WsDeliveryStatistics Delivery { get; init; } = new();

    /// <summary>What was compressed, and what it saved.</summary>
    public WsCompressionStatistics Compression { get; init; } = new();

    /// <summary>Handshakes and <c>auth</c> messages that were refused for what they say of who somebody is, or do not say: no token, a bad one, a policy that is not met.</summary>
    public long AuthenticationRefusals { get; init; }

    /// <summary>Exceptions of message handlers.</summary>
    public long HandlerErrors { get; init; }

    /// <summary>Exceptions of hooks and of handlers of <see cref="IWsHub.Joined"/> and <see cref="IWsHub.Left"/>.</summary>
    public long HookErrors { get; init; }

    /// <summary>How many rooms exist.</summary>
    public int RoomCount { get; init; }

    /// <summary>How many memberships all rooms have together.</summary>
    public long MemberCount { get; init; }

    /// <summary>The rooms that were asked for: those with the most members first, or the one that was named, if it exists.</summary>
    public IReadOnlyList<WsRoomStatistics> Rooms { get; init; } = [];

    /// <summary>The shards, one a core.</summary>
    public IReadOnlyList<WsShardStatistics> Shards { get; init; } = [];
}

/// <summary>The connections of a hub.</summary>
public sealed record WsConnectionStatistics
{
    /// <summary>How many are open.</summary>
    public int Open { get; init; }

    /// <summary>How many may be: <see cref="PipeWsOptions.MaxConnections"/>.</summary>
    public int Max { get; init; }

    /// <summary>How many were opened.</summary>
    public long Opened { get; init; }

    /// <summary>How many have ended, by close code; codes of the application's are counted together as <c>1xxx</c>, <c>3xxx</c> and <c>4xxx</c>.</summary>
    public IReadOnlyDictionary<string, long> Closed { get; init; } = new Dictionary<string, long>();

    /// <summary>How often something was refused, by the name of the limit.</summary>
    public IReadOnlyDictionary<string, long> Refused { get; init; } = new Dictionary<string, long>();
}

/// <summary>Messages and bytes in both directions. Bytes are those of frames, headers included.</summary>
/// <param name="MessagesReceived">Messages received.</param>
/// <param name="MessagesSent">Messages sent.</param>
/// <param name="BytesReceived">Bytes received.</param>
/// <param name="BytesSent">Bytes handed to the transport.</param>
/// <param name="PingsSent">Pings sent.</param>
public readonly record struct WsTrafficStatistics(long MessagesReceived, long MessagesSent, long BytesReceived, long BytesSent, long PingsSent);

/// <summary>Messages and bytes per second.</summary>
/// <param name="Window">The time over which they were counted: ten seconds and at most one more, less while the hub is young.</param>
/// <param name="MessagesReceived">Messages received per second.</param>
/// <param name="MessagesSent">Messages sent per second.</param>
/// <param name="BytesReceived">Bytes received per second.</param>
/// <param name="BytesSent">Bytes sent per second.</param>
public readonly record struct WsRates(TimeSpan Window, double MessagesReceived, double MessagesSent, double BytesReceived, double BytesSent);

/// <summary>What was not delivered, and who was too slow.</summary>
public sealed record WsDeliveryStatistics
{
    /// <summary>How often a member was too slow for its room, by what the room's policy did.</summary>
    public IReadOnlyDictionary<WsSlowConsumerPolicy, long> SlowConsumers { get; init; } = new Dictionary<WsSlowConsumerPolicy, long>();

    /// <summary>How often a member was sent a gap message.</summary>
    public long Gaps { get; init; }

    /// <summary>How many messages those gaps left out.</summary>
    public long SkippedMessages { get; init; }

    /// <summary>How many received messages were over a rate limit.</summary>
    public long RateLimited { get; init; }
}

/// <summary>Messages that were compressed, RFC 7692. Bytes are those of payloads, without headers; all is 0 where no connection agreed on compression.</summary>
public sealed record WsCompressionStatistics
{
    /// <summary>How many open connections agreed on it.</summary>
    public int Open { get; init; }

    /// <summary>How many did so far.</summary>
    public long Opened { get; init; }

    /// <summary>Messages received compressed.</summary>
    public long MessagesReceived { get; init; }

    /// <summary>Messages sent compressed.</summary>
    public long MessagesSent { get; init; }

    /// <summary>How many bytes were inflated, as they were received.</summary>
    public long CompressedBytesReceived { get; init; }

    /// <summary>How many bytes those became.</summary>
    public long PlainBytesReceived { get; init; }

    /// <summary>How many bytes the messages sent compressed had as they were sent.</summary>
    public long CompressedBytesSent { get; init; }

    /// <summary>How many bytes they had before.</summary>
    public long PlainBytesSent { get; init; }

    /// <summary>Messages that compressing did not make shorter, and that were sent as they are. Not those below <see cref="WsCompressionOptions.ThresholdBytes"/>, which nobody tries.</summary>
    public long MessagesNotShorter { get; init; }

    /// <summary>How often a message for many, such as a room's, was compressed: once for all members that share a window, however many <see cref="MessagesSent"/> that became.</summary>
    public long SharedDeflates { get; init; }
}

/// <summary>One room.</summary>
public sealed record WsRoomStatistics
{
    /// <summary>The room's name.</summary>
    public string Name { get; init; } = "";

    /// <summary>How many members it has.</summary>
    public int Members { get; init; }

    /// <summary>The log's epoch.</summary>
    public string Epoch { get; init; } = "";

    /// <summary>The sequence number of the newest message; 0 before the first.</summary>
    public long Head { get; init; }

    /// <summary>How many messages the log holds.</summary>
    public long LogMessages { get; init; }

    /// <summary>How many bytes the log holds.</summary>
    public long LogBytes { get; init; }

    /// <summary>How many messages the slowest member is behind.</summary>
    public long MaxLag { get; init; }

    /// <summary>How often a member was too slow in this life of the room.</summary>
    public long SlowConsumers { get; init; }
}

/// <summary>One shard: a share of the connections, and the walks through its members that deliver what rooms publish.</summary>
public sealed record WsShardStatistics
{
    /// <summary>How many connections live here.</summary>
    public int Connections { get; init; }

    /// <summary>What went through them.</summary>
    public WsTrafficStatistics Traffic { get; init; }

    /// <summary>How often the members of a room were walked.</summary>
    public long Walks { get; init; }

    /// <summary>How many members those walks came to; members served together with one walk are what coalescing saves.</summary>
    public long ServedMembers { get; init; }

    /// <summary>How often a walk was too long for the thread that began it and went on in the pool.</summary>
    public long HandOvers { get; init; }

    /// <summary>Whether the rest of a walk waits for a thread of the pool now.</summary>
    public bool IsQueued { get; init; }
}
