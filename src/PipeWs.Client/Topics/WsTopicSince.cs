namespace PipeWs.Client;

/// <summary>A message's place in its topic's log, to be kept and resumed from, even by another process.</summary>
/// <param name="Epoch">The epoch: one life of the log.</param>
/// <param name="SequenceNumber">The message's number in it.</param>
public readonly record struct WsTopicPosition(string Epoch, long SequenceNumber);

/// <summary>Where in a topic's log a subscription begins. <c>default</c> is the head: what is published from now on. Means something only to servers that keep a log.</summary>
public readonly record struct WsTopicSince
{
    private WsTopicSince(bool isLast, WsTopicPosition? position)
    {
        IsLast = isLast;
        Position = position;
    }

    /// <summary>What is published from now on.</summary>
    public static WsTopicSince Now => default;

    /// <summary>The newest message first: the latest state at once.</summary>
    public static WsTopicSince Last { get; } = new(true, null);

    /// <summary>Whether it is <see cref="Last"/>.</summary>
    public bool IsLast { get; }

    /// <summary>The last message that was received; null where it begins elsewhere.</summary>
    public WsTopicPosition? Position { get; }

    /// <summary>What follows a message. Where the log does not hold all of it the stream begins with a gap.</summary>
    public static WsTopicSince After(WsTopicPosition position)
    {
        ArgumentNullException.ThrowIfNull(position.Epoch, nameof(position));
        ArgumentOutOfRangeException.ThrowIfNegative(position.SequenceNumber, nameof(position));
        return new WsTopicSince(false, position);
    }

    /// <inheritdoc cref="After(WsTopicPosition)"/>
    public static WsTopicSince After(string epoch, long sequenceNumber) => After(new WsTopicPosition(epoch, sequenceNumber));
}
