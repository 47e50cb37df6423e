namespace PipeWs.LoadTest.Servers;

/// <summary>The servers that can be put under load.</summary>
internal enum ServerKind
{
    /// <summary>PipeWs.</summary>
    PipeWs,

    /// <summary>ASP.NET Core's own WebSockets.</summary>
    AspNet,

    /// <summary>SignalR with its JSON protocol.</summary>
    SignalR,

    /// <summary>What moves the bytes and does nothing else.</summary>
    Floor,
}

/// <summary>The ways into PipeWs.</summary>
internal enum Door
{
    /// <summary>Connection middleware before HTTP.</summary>
    Fast,

    /// <summary>An endpoint of the application.</summary>
    Mapped,

    /// <summary>A connection handler that has its port for itself.</summary>
    Handler,
}

/// <summary>Where Kestrel's sockets run what they wake.</summary>
internal enum Scheduling
{
    /// <summary>Kestrel's default: the thread pool.</summary>
    Default,

    /// <summary>On the thread that waits for the kernel: Kestrel's inline scheduling, and the runtime's inline completions.</summary>
    Inline,
}

/// <summary>What is beneath Kestrel.</summary>
internal enum TransportKind
{
    /// <summary>Kestrel's own: the runtime's sockets.</summary>
    Sockets,

    /// <summary>PipeWs.Transport, as it comes.</summary>
    Loops,

    /// <summary>PipeWs.Transport without io_uring.</summary>
    Epoll,
}

/// <summary>What to serve.</summary>
/// <param name="Kind">The server.</param>
/// <param name="Port">The port on 127.0.0.1; 0 for any that is free.</param>
/// <param name="Door">The way in, for <see cref="ServerKind.PipeWs"/>.</param>
/// <param name="Scheduling">Where Kestrel's sockets run what they wake.</param>
/// <param name="ShutdownSeconds">How long the host gives its services to end.</param>
/// <param name="Transport">What is beneath Kestrel.</param>
/// <param name="MaxMessageBytes">What a server accepts at most, in bytes a message; null for <see cref="DefaultMaxMessageBytes"/>.</param>
internal sealed record ServerOptions(
    ServerKind Kind,
    int Port,
    Door Door = Door.Fast,
    Scheduling Scheduling = Scheduling.Default,
    double ShutdownSeconds = ServerOptions.DefaultShutdownSeconds,
    int? MaxMessageBytes = null,
    TransportKind Transport = TransportKind.Sockets)
{
    /// <summary>A comparison's servers end quickly: nobody waits for what is pending.</summary>
    public const double DefaultShutdownSeconds = 1;

    /// <summary>What the servers accept unless told otherwise, in bytes a message.</summary>
    public const int DefaultMaxMessageBytes = 1 << 20;

    /// <summary>What the server accepts at most, in bytes a message.</summary>
    public int AcceptedMessageBytes => MaxMessageBytes ?? DefaultMaxMessageBytes;

    /// <summary>
    /// Whether the limit was set by hand, as for a conformance suite: nothing else may then stand in its way either, such as a ping it does not expect, or a timeout while it
    /// chews on 16 MiB.
    /// </summary>
    public bool OpensLimits => MaxMessageBytes is not null;

    /// <summary>The protocol inside the server's messages is SignalR's, or none.</summary>
    public static bool SpeaksSignalR(ServerKind kind) => kind == ServerKind.SignalR;
}
