using System.Threading.RateLimiting;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Limits;

/// <summary>What one connection may still send, and when it last did. Only where the options limit it. Used by the receive loop; the heartbeat looks at the time alone.</summary>
internal sealed class InboundGuard : IWsHeartbeatItem, IDisposable
{
    private readonly InboundLimits _limits;
    private readonly HubConnection _connection;
    private readonly WsHeartbeat _heartbeat;
    private readonly TokenBucket? _messages;
    private readonly TokenBucket? _bytes;
    private volatile bool _messageSinceTick;
    private long _lastMessage = -1;
    private long _lastBytes;

    public InboundGuard(InboundLimits limits, HubConnection connection, WsHeartbeat heartbeat)
    {
        _limits = limits;
        _connection = connection;
        _heartbeat = heartbeat;
        _messages = limits.CreateMessages(heartbeat.TimeProvider);
        _bytes = limits.CreateBytes(heartbeat.TimeProvider);
    }

    public WsRateLimitPolicy Policy => _limits.Policy;

    int IWsHeartbeatItem.HeartbeatIndex { get; set; } = -1;

    /// <summary>Begins to watch the time, where that is limited.</summary>
    public void Start()
    {
        if (_limits.IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            _heartbeat.Add(this);
        }
    }

    /// <summary>A message came, or began.</summary>
    public void NoteMessage() => _messageSinceTick = true;

    /// <summary>Takes what was received from the buckets.</summary>
    /// <param name="messages">How many messages: one, or none for a further part.</param>
    /// <param name="bytes">The payload's length.</param>
    /// <param name="refusal">Where there is not enough: which limit, in which words, and in what time there may be.</param>
    public bool TryTake(int messages, long bytes, out Refusal refusal)
    {
        refusal = default;
        if (messages > 0 && _messages is not null && !TryTake(_messages, messages, int.MaxValue, out TimeSpan wait))
        {
            refusal = new Refusal(LimitKind.InboundMessagesPerSecond, _limits.MessagesRefusal, wait);
            return false;
        }

        if (bytes > 0 && _bytes is not null && !TryTake(_bytes, bytes, _limits.ByteBurst, out wait))
        {
            refusal = new Refusal(LimitKind.InboundBytesPerSecond, _limits.BytesRefusal, wait);
            return false;
        }

        return true;
    }

    void IWsHeartbeatItem.OnHeartbeat(long now)
    {
        // A message that is still arriving counts while bytes come.
        long bytes = _connection.Ws.BytesReceived;
        bool arrives = bytes != _lastBytes && _connection.Ws.IsInMessage;
        _lastBytes = bytes;

        // While a message is handled the next is not read, and its absence is not the peer's fault.
        if (_messageSinceTick || arrives || _lastMessage < 0 || _connection.Ws.IsInReceiver)
        {
            _messageSinceTick = false;
            _lastMessage = now;
        }
        else if (now - _lastMessage >= (long)_limits.IdleTimeout.TotalMilliseconds && !_connection.Ws.IsClosing)
        {
            _connection.OnIdle(_limits.IdleReason);
        }
    }

    public void Dispose()
    {
        _heartbeat.Remove(this);
        _messages?.Dispose();
        _bytes?.Dispose();
    }

    private static bool TryTake(TokenBucket bucket, long count, int most, out TimeSpan wait)
    {
        wait = default;
        int permits = (int)Math.Min(count, most);
        using RateLimitLease first = bucket.AttemptAcquire(permits);
        if (first.IsAcquired)
        {
            return true;
        }

        bucket.TryReplenish();
        using RateLimitLease second = bucket.AttemptAcquire(permits);
        if (!second.IsAcquired && !second.TryGetMetadata(MetadataName.RetryAfter, out wait))
        {
            wait = bucket.ReplenishmentPeriod;
        }

        return second.IsAcquired;
    }

    /// <summary>What is over a rate.</summary>
    /// <param name="Limit">The limit.</param>
    /// <param name="Reason">The words for the peer.</param>
    /// <param name="Wait">In what time there may be enough.</param>
    internal readonly record struct Refusal(LimitKind Limit, string Reason, TimeSpan Wait);
}
