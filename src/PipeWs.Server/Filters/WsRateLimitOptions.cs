using System.Threading.RateLimiting;
using PipeWs.Server.Limits;

namespace PipeWs.Server;

/// <summary>Whose messages count together under a limit.</summary>
public enum WsRateLimitPartition : byte
{
    /// <summary>Each connection's by themselves. The default.</summary>
    Connection,

    /// <summary>Each user's (<see cref="IWsConnection.UserId"/>), over all its connections; of connections without a user, each one's.</summary>
    User,

    /// <summary>
    /// Each address's, over all its connections; where the transport has no address, each connection's. A network of IPv6 counts as one address
    /// (<see cref="PipeWsOptions.AddressPrefixLengthIPv6"/>), since whoever has one address of it has all of them.
    /// </summary>
    Address,

    /// <summary>All of the hub's.</summary>
    All,
}

/// <summary>What becomes of a message over a limit.</summary>
public enum WsRateLimitExceeded : byte
{
    /// <summary>An error 429 that names the limit; where the hub's text is raw, it is dropped. The default.</summary>
    Refuse,

    /// <summary>It waits until it is within the limit, and with it all that its connection sends after it. Where too many wait, as <see cref="Refuse"/>.</summary>
    Wait,

    /// <summary>As <see cref="Refuse"/>, and the connection is closed with 1008.</summary>
    Close,
}

/// <summary>A limit on messages: a token bucket, or a limiter of the application's. Every message takes one permit, whatever its size; a message in parts takes one.</summary>
public sealed class WsRateLimitOptions
{
    /// <summary>The limit's name, which errors say to the peer.</summary>
    public string Name { get; set; } = "";

    /// <summary>Whose messages count together. Default <see cref="WsRateLimitPartition.Connection"/>.</summary>
    public WsRateLimitPartition Partition { get; set; }

    /// <summary>What becomes of a message over the limit. Default <see cref="WsRateLimitExceeded.Refuse"/>.</summary>
    public WsRateLimitExceeded Exceeded { get; set; }

    /// <summary>The most messages at once: how much the bucket holds. Default 100; at least 1.</summary>
    public int TokenLimit { get; set; } = 100;

    /// <summary>How many messages a period adds, spread evenly over it. Default 100; at least 1.</summary>
    public int TokensPerPeriod { get; set; } = 100;

    /// <summary>The period. Default 1 second; more than 0.</summary>
    public TimeSpan ReplenishmentPeriod { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How many messages may wait in one partition, where <see cref="Exceeded"/> is <see cref="WsRateLimitExceeded.Wait"/>. Default 1,000. A connection has at most one.</summary>
    public int QueueLimit { get; set; } = 1_000;

    /// <summary>
    /// Makes the limiter of a partition instead of a token bucket: a new one for each connection id, user id or address it is given, or one for the empty string where all
    /// count together. The hub disposes of it. A permit is given back when its message has been handled, so limiters of concurrency work too.
    /// </summary>
    /// <remarks>
    /// A <see cref="ReplenishingRateLimiter"/> need not replenish itself: the hub does it when a message asks for a permit, and every 100 ms while messages wait. It is let go
    /// when it has been idle for 10 seconds.
    /// </remarks>
    public Func<string, RateLimiter>? LimiterFactory { get; set; }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Name);
        if (LimiterFactory is not null)
        {
            return;
        }

        ThrowUnless(TokenLimit >= 1, nameof(TokenLimit), TokenLimit, "at least 1");
        ThrowUnless(TokensPerPeriod >= 1, nameof(TokensPerPeriod), TokensPerPeriod, "at least 1");
        ThrowUnless(ReplenishmentPeriod > TimeSpan.Zero, nameof(ReplenishmentPeriod), ReplenishmentPeriod, "more than 0");
        ThrowUnless(QueueLimit >= 0, nameof(QueueLimit), QueueLimit, "at least 0");
    }

    internal RateLimiter Create(string key, TimeProvider time) => LimiterFactory is { } create
        ? create(key)
        : new TokenBucket(TokenLimit, TokensPerPeriod, ReplenishmentPeriod, Exceeded == WsRateLimitExceeded.Wait ? QueueLimit : 0, time);

    private void ThrowUnless(bool isGood, string option, object value, string range)
    {
        if (!isGood)
        {
            throw new ArgumentException($"The rate limit \"{Name}\" has {option} {value}; it must be {range}.");
        }
    }
}
