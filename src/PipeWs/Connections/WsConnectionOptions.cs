namespace PipeWs;

/// <summary>The limits and times of one connection. Shared by any number of connections; not to be changed once one of them runs.</summary>
public sealed class WsConnectionOptions
{
    /// <summary>What timers can count.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>The largest message that is assembled, in bytes; a larger one fails the connection with 1009 before it is allocated. Default 1 MiB.</summary>
    public long MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// How many fragments of one message may be empty before the connection fails with 1008. Default 1,024. Compressed ones that become nothing are always 1,024 at most, or 64 KiB, one after the other.
    /// </summary>
    public int MaxEmptyFragments { get; set; } = 1024;

    /// <summary>How often a ping is sent. Default 30 s; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after a ping something must have been received, or the connection is aborted with 1006. Default 10 s; infinite for never.</summary>
    public TimeSpan PongTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the closing handshake may take before the transport is aborted. Default 5 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a frame may stand still half received before the connection fails with 1008. Default 30 s; infinite for never.</summary>
    public TimeSpan FrameTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long messages to this peer may wait without any being taken by the transport before the connection is closed with 3008. Default 5 s;
    /// infinite for never. Rooms' messages do not count: their policy does.
    /// </summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>From how many waiting bytes on an awaited send waits before it takes its place. Default 64 KiB.</summary>
    public int SendBacklogBytes { get; set; } = 64 * 1024;

    /// <summary>How many bytes may wait for this peer before it is closed with 3008. What awaited sends lend does not count: it is their callers' memory. Default 4 MiB.</summary>
    public long MaxSendBacklogBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>How many bytes are handed to the transport at a time. Default 64 KiB.</summary>
    public int FlushBytes { get; set; } = 64 * 1024;

    /// <summary>How messages are compressed on connections that agreed on it; null for the defaults. Whether and in which windows is agreed on in the handshake.</summary>
    public WsCompressionOptions? Compression { get; set; }

    internal CompressionCounters CompressionCounters { get; set; } = new();

    /// <summary>Looks for what no connection could work with: a size of nothing, a time that no timer can count.</summary>
    /// <exception cref="ArgumentException">There is such a value; the message says which, and what it may be.</exception>
    internal void ThrowIfInvalid()
    {
        CheckSize(nameof(MaxMessageBytes), MaxMessageBytes, 0);
        CheckSize(nameof(MaxEmptyFragments), MaxEmptyFragments, 0);
        CheckSize(nameof(SendBacklogBytes), SendBacklogBytes, 1);
        CheckSize(nameof(MaxSendBacklogBytes), MaxSendBacklogBytes, 0);
        CheckSize(nameof(FlushBytes), FlushBytes, 1);
        CheckTime(nameof(PingInterval), PingInterval);
        CheckTime(nameof(PongTimeout), PongTimeout);
        CheckTime(nameof(CloseTimeout), CloseTimeout);
        CheckTime(nameof(FrameTimeout), FrameTimeout);
        CheckTime(nameof(SendTimeout), SendTimeout);
    }

    private static void CheckSize(string name, long value, long least)
    {
        if (value < least)
        {
            throw new ArgumentException($"{name} is {value}; it must be at least {least}.");
        }
    }

    private static void CheckTime(string name, TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan && (value < TimeSpan.Zero || value > s_longest))
        {
            throw new ArgumentException($"{name} is {value}; it must be from 0 to {s_longest}, or infinite.");
        }
    }
}
