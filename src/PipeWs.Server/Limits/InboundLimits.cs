using System.Globalization;

namespace PipeWs.Server.Limits;

/// <summary>What the connections of a hub may send, as the options say; shared by those that were opened under these options.</summary>
internal sealed class InboundLimits
{
    private readonly Bucket? _messages;
    private readonly Bucket? _bytes;

    private InboundLimits(PipeWsOptions options)
    {
        Policy = options.InboundRatePolicy;
        IdleTimeout = options.IdleTimeout;
        MessagesRefusal = string.Create(CultureInfo.InvariantCulture, $"too many messages: {options.InboundMessagesPerSecond} a second are accepted (InboundMessagesPerSecond)");
        BytesRefusal = string.Create(CultureInfo.InvariantCulture, $"too many bytes: {options.InboundBytesPerSecond} a second are accepted (InboundBytesPerSecond)");
        IdleReason = $"no message for {options.IdleTimeout} (IdleTimeout)";
        _messages = CreateBucket(options.InboundMessagesPerSecond, options.InboundMessageBurst, 1);
        _bytes = CreateBucket(options.InboundBytesPerSecond, options.InboundByteBurst, options.MaxMessageBytes);
    }

    /// <summary>What happens to what is over a rate.</summary>
    public WsRateLimitPolicy Policy { get; }

    /// <summary>How long a peer may send no message.</summary>
    public TimeSpan IdleTimeout { get; }

    /// <summary>The words of a refusal for too many messages.</summary>
    public string MessagesRefusal { get; }

    /// <summary>The words of a refusal for too many bytes.</summary>
    public string BytesRefusal { get; }

    /// <summary>The most bytes a bucket holds: what one part of a message that is given in parts costs at most.</summary>
    public int ByteBurst => _bytes?.Limit ?? int.MaxValue;

    /// <summary>Why an idle connection is closed.</summary>
    public string IdleReason { get; }

    /// <summary>Gives the limits of these options; null where there are none, so that nobody asks.</summary>
    public static InboundLimits? Create(PipeWsOptions options) =>
        options.InboundMessagesPerSecond > 0 || options.InboundBytesPerSecond > 0 || options.IdleTimeout != Timeout.InfiniteTimeSpan ? new InboundLimits(options) : null;

    /// <summary>A connection's own bucket of messages; null where they are not limited.</summary>
    public TokenBucket? CreateMessages(TimeProvider time) => _messages?.Create(time);

    /// <summary>A connection's own bucket of bytes; null where they are not limited.</summary>
    public TokenBucket? CreateBytes(TimeProvider time) => _bytes?.Create(time);

    private static Bucket? CreateBucket(double perSecond, int burst, long leastBurst) =>
        perSecond <= 0 ? null : new Bucket(burst > 0 ? burst : (int)Math.Clamp(Math.Max(Math.Ceiling(perSecond), leastBurst), 1, int.MaxValue), perSecond);

    private sealed record Bucket(int Limit, double PerSecond)
    {
        public TokenBucket Create(TimeProvider time) => new(Limit, PerSecond, TimeSpan.FromSeconds(1), queueLimit: 0, time);
    }
}
