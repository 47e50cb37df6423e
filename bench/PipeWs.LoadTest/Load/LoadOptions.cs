namespace PipeWs.LoadTest.Load;

/// <summary>What kind of load is made.</summary>
internal enum LoadMode
{
    /// <summary>Every connection sends and gets its own messages back.</summary>
    Echo,

    /// <summary>A few connections send, all receive.</summary>
    FanOut,

    /// <summary>Connections are opened and say nothing.</summary>
    Idle,

    /// <summary>Connections are opened and reset, again and again.</summary>
    Connect,
}

/// <summary>What is spoken inside the WebSocket messages.</summary>
internal enum LoadProtocol
{
    /// <summary>The payload itself.</summary>
    Raw,

    /// <summary>SignalR's JSON hub protocol.</summary>
    SignalR,
}

/// <summary>One load, as the command line asked for it.</summary>
internal sealed record LoadOptions
{
    /// <summary>The largest payload in bytes: servers commonly refuse messages over 1 MiB, envelope included.</summary>
    public const int MaxPayloadBytes = 1_000_000;

    /// <summary>ws://host:port/path.</summary>
    public required Uri Url { get; init; }

    /// <summary>The kind of load.</summary>
    public required LoadMode Mode { get; init; }

    /// <summary>How many connections are opened.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>Echo: how many messages of each connection are under way.</summary>
    public int InFlight { get; init; } = 1;

    /// <summary>The payload's length in bytes, without any envelope; at least <see cref="LoadStamp.Length"/>.</summary>
    public int PayloadBytes { get; init; } = 128;

    /// <summary>How long is measured.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the load runs before it is measured; up to five times as long where the server's process is known, until its compiler has done its work.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How many messages must come within warm-up and measurement each; both last longer for them, by up to <see cref="DrainTimeout"/>.</summary>
    public int MinMessages { get; init; }

    /// <summary>How long is waited for what is still under way when the load stops; what is not there then is lost.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Fan-out: how long is waited until every subscriber gets what is published.</summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Fan-out: a publisher sends its next message when all subscribers have got the one this many before it.</summary>
    public int Window { get; init; } = 1;

    /// <summary>Fan-out: messages a second of all publishers together, instead of a window.</summary>
    public double? Rate { get; init; }

    /// <summary>Fan-out: how many of the connections publish.</summary>
    public int Publishers { get; init; } = 1;

    /// <summary>What is spoken inside the messages.</summary>
    public LoadProtocol Protocol { get; init; }

    /// <summary>Binary messages instead of text.</summary>
    public bool Binary { get; init; }

    /// <summary>The server's process, for its CPU time and memory; null where it is not on this machine.</summary>
    public int? ProcessId { get; init; }

    /// <summary>Idle: whether the server is asked to compact its heap before its memory is read. Only one of this program's own knows how.</summary>
    public bool Compacts { get; init; }

    /// <summary>How many threads make the load.</summary>
    public int Threads { get; init; } = 1;
}
