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

/// <summary>What to serve.</summary>
/// <param name="Kind">The server.</param>
/// <param name="Port">The port on 127.0.0.1; 0 for any that is free.</param>
/// <param name="Door">The way in, for <see cref="ServerKind.PipeWs"/>.</param>
internal sealed record ServerOptions(ServerKind Kind, int Port, Door Door = Door.Fast)
{
    /// <summary>What the servers accept at most, in bytes a message.</summary>
    public const int MaxMessageBytes = 1 << 20;

    /// <summary>The protocol inside the server's messages is SignalR's, or none.</summary>
    public static bool SpeaksSignalR(ServerKind kind) => kind == ServerKind.SignalR;
}
