namespace PipeWs.Client;

/// <summary>A token and where and how it is used.</summary>
/// <param name="Token">The secret; empty for none. Sent as <see cref="WsClientOptions.TokenPlacement"/> says, and never logged.</param>
/// <param name="Endpoint">Where to connect with it; null for the endpoints of the options.</param>
public sealed record WsToken(string Token, Uri? Endpoint = null)
{
    /// <summary>
    /// How often to ping; null for <see cref="WsClientOptions.PingInterval"/>, <see cref="Timeout.InfiniteTimeSpan"/> for never. What else is not more than zero counts as null: so says a
    /// server whose answer leaves it out.
    /// </summary>
    public TimeSpan? PingInterval
    {
        get;
        init => field = value > TimeSpan.Zero || value == Timeout.InfiniteTimeSpan ? value : null;
    }

    /// <summary>How long after a ping something must have come; null for <see cref="WsClientOptions.PongTimeout"/>. What is not more than zero counts as null.</summary>
    public TimeSpan? PingTimeout
    {
        get;
        init => field = value > TimeSpan.Zero ? value : null;
    }

    /// <summary>The protocol it is for, as exchanges say: anything but <c>websocket</c> is refused. Default <c>websocket</c>.</summary>
    public string Protocol { get; init; } = "websocket";

    /// <summary>Whether it may be sent over TLS only: with <c>ws:</c> it is refused. Default false.</summary>
    public bool Encrypt { get; init; }

    /// <summary>When it expires; null for never. The client connects anew, with a fresh one, <see cref="WsClientOptions.TokenRefreshMargin"/> before.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Without the secret.</summary>
    public override string ToString() => $"WsToken for {(Endpoint is null ? "the client's endpoints" : Dialing.DialTarget.Describe(Endpoint))}";
}
