using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Identity;

/// <summary>Until when a connection is who it is, or has time to say so. The shared heartbeat looks at it; there is no timer of its own.</summary>
internal sealed class ConnectionIdentity : IWsHeartbeatItem
{
    private const long Never = long.MaxValue;

    private readonly HubConnection _connection;
    private readonly WsHeartbeat _heartbeat;
    private readonly long _deadline;
    private long _expiresAtTicks = Never;
    private volatile bool _isPending;

    /// <param name="connection">The connection.</param>
    /// <param name="heartbeat">The hub's.</param>
    /// <param name="isSecure">Whether the connection is TLS.</param>
    /// <param name="timeout">How long it has to say who it is; null where it has said so, or need not.</param>
    public ConnectionIdentity(HubConnection connection, WsHeartbeat heartbeat, bool isSecure, TimeSpan? timeout)
    {
        _connection = connection;
        _heartbeat = heartbeat;
        IsSecure = isSecure;
        if (timeout is { } patience)
        {
            _deadline = heartbeat.Now + (long)patience.TotalMilliseconds;
            _isPending = true;
            heartbeat.Add(this);
        }
    }

    /// <summary>Whether the connection has yet to say who it is: nothing but that, and ping, is handled.</summary>
    public bool IsPending => _isPending;

    public bool IsSecure { get; }

    /// <summary>Orders a change of who it is and the connection's end.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Whether the connection has ended. Read and set under the gate.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether its time is up: no token changes that any more. Read and set under the gate.</summary>
    public bool HasExpired { get; private set; }

    int IWsHeartbeatItem.HeartbeatIndex { get; set; } = -1;

    /// <summary>It has said who it is.</summary>
    public void SetAuthenticated() => _isPending = false;

    /// <summary>From now on it ends then; null for never.</summary>
    public void SetExpiry(DateTimeOffset? expiresAt)
    {
        Volatile.Write(ref _expiresAtTicks, expiresAt?.UtcTicks ?? Never);
        if (expiresAt is not null && ((IWsHeartbeatItem)this).HeartbeatIndex < 0)
        {
            _heartbeat.Add(this);
        }
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        lock (Gate)
        {
            HasEnded = true;
            _heartbeat.Remove(this);
        }
    }

    void IWsHeartbeatItem.OnHeartbeat(long now)
    {
        if (!IsOver(now))
        {
            return;
        }

        // A token that was taken in this moment counts: its sender is told so, and must not be closed for the one before.
        lock (Gate)
        {
            if (!IsOver(now))
            {
                return;
            }

            HasExpired = true;
        }

        if (_isPending)
        {
            _connection.BeginClose(CloseCode.Unauthenticated, "no token came in time");
        }
        else
        {
            _connection.BeginClose(CloseCode.TokenExpired, "the token has expired");
        }
    }

    // An expiry by the calendar and not by what has passed: it is a time of day, whatever becomes of the clock meanwhile.
    private bool IsOver(long now)
    {
        if (_isPending)
        {
            return now >= _deadline;
        }

        long expiresAt = Volatile.Read(ref _expiresAtTicks);
        return expiresAt != Never && _heartbeat.TimeProvider.GetUtcNow().UtcTicks >= expiresAt;
    }
}
