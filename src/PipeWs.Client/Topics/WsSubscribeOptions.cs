namespace PipeWs.Client;

/// <summary>What happens to a topic's message where its subscription's buffer is full. None of them holds up the receive loop, so that pings and acks never wait for a slow reader.</summary>
public enum WsTopicOverflow
{
    /// <summary>
    /// Nothing is lost: the client stops taking messages of the topic, and subscribes again from where it stopped as soon as half of the buffer is free. For topics that can be resumed
    /// (the server keeps a log and says its epoch); others lose their oldest, as with <see cref="DropOldest"/>.
    /// </summary>
    Resume,

    /// <summary>The oldest messages are dropped, and a gap takes their place.</summary>
    DropOldest,

    /// <summary>The messages that come are dropped, and a gap takes their place.</summary>
    DropNewest,

    /// <summary>
    /// A message takes the place of an unread older one with the same topic and subject, at all times and without a gap: the reader sees the latest of each. Where there is none and the
    /// buffer is full the oldest is dropped, with a gap.
    /// </summary>
    Conflate,

    /// <summary>The subscription ends with a <see cref="WsTopicException"/> behind what it has in its buffer.</summary>
    Fail,
}

/// <summary>When a subscription acknowledges messages to a server that asks for it.</summary>
public enum WsTopicAcknowledgement
{
    /// <summary>Never.</summary>
    None,

    /// <summary>When the reader asks for the next message, or the handler has returned without an exception. Sent cumulatively, within half a second.</summary>
    Automatic,

    /// <summary>When the application says so, by <see cref="WsTopicSubscription.AcknowledgeAsync(long)"/>.</summary>
    Manual,
}

/// <summary>One subscription's options.</summary>
public sealed class WsSubscribeOptions
{
    /// <summary>Where to begin. Default the head. For all topics that the subscription names.</summary>
    public WsTopicSince Since { get; set; }

    /// <summary>Whether it is a private channel. Default false.</summary>
    public bool PrivateChannel { get; set; }

    /// <summary>How many messages wait for the reader. Default 1,024.</summary>
    public int BufferMessages { get; set; } = 1024;

    /// <summary>How many bytes of messages wait for the reader; one message always may. Default 16,777,216.</summary>
    public long BufferBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>What happens to a message where they do. Default <see cref="WsTopicOverflow.Resume"/>.</summary>
    public WsTopicOverflow Overflow { get; set; }

    /// <summary>Whether gaps stand in the stream, in their place, as messages of the type <c>gap</c>. Default true. They are events in any case.</summary>
    public bool GapsInStream { get; set; } = true;

    /// <summary>
    /// Whether a sequence number that is passed over without a word counts as a gap. Default false: a server may leave out what is not for this client, such as messages it sent itself.
    /// </summary>
    public bool ReportHoles { get; set; }

    /// <summary>When messages are acknowledged. Default never.</summary>
    public WsTopicAcknowledgement Acknowledgement { get; set; }

    internal WsSubscribeOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferMessages, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferBytes, 1);
        if (!Enum.IsDefined(Overflow) || !Enum.IsDefined(Acknowledgement))
        {
            throw new ArgumentOutOfRangeException(!Enum.IsDefined(Overflow) ? nameof(Overflow) : nameof(Acknowledgement), "The value is not defined.");
        }

        return (WsSubscribeOptions)MemberwiseClone();
    }
}
