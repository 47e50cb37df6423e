namespace PipeWs.Client.Topics;

/// <summary>One subscription's part in one topic: how far it has come. Under the session's lock, but for what its reader has read.</summary>
internal sealed class TopicMember(WsTopicSubscription subscription, TopicState topic, WsTopicSince since)
{
    /// <summary>The reason of a gap behind which the latest messages of its range still come.</summary>
    public const string Conflated = "conflated";

    public WsTopicSubscription Subscription { get; } = subscription;

    public TopicState Topic { get; } = topic;

    /// <summary>The epoch it reads; null before the first join, and where the topic has none.</summary>
    public string? Epoch { get; set; } = since.Position?.Epoch;

    /// <summary>The last number it was given; -1 where the server chose where to begin, and nothing has come yet.</summary>
    public long Accepted { get; set; } = since.Position?.SequenceNumber ?? -1;

    /// <summary>Whether it begins one message back.</summary>
    public bool IsLast { get; set; } = since.IsLast;

    /// <summary>Whether it takes messages.</summary>
    public bool IsLive { get; set; }

    /// <summary>Whether the subscribe that is under way was sent for it too.</summary>
    public bool IsIncluded { get; set; }

    /// <summary>Whether it waits for room in its buffer.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Whether it was joined once.</summary>
    public bool IsEstablished { get; set; }

    /// <summary>Up to here a gap was announced, so that a number that is passed over is no hole.</summary>
    public long AnnouncedTo { get; set; }

    /// <summary>The head when it began one message back. That one message was there before it: where the log does not hold it nothing is missing.</summary>
    public long BeganAt { get; private set; }

    /// <summary>Whether it began one message back and was not joined since: in another epoch it begins so again.</summary>
    public bool IsToBegin => BeganAt > 0 && !IsEstablished;

    /// <summary>Up to here its reader is done; of <see cref="ReadEpoch"/>.</summary>
    public long Read { get; set; }

    public string? ReadEpoch { get; set; }

    /// <summary>Whether it acknowledges at all.</summary>
    public bool Acknowledges => Subscription.Options.Acknowledgement != WsTopicAcknowledgement.None;

    /// <summary>Up to here it acknowledges.</summary>
    public long Acknowledged { get; set; }

    /// <summary>Whether it can say from where to resume.</summary>
    public bool IsPositioned => Epoch is not null && Accepted >= 0;

    public void Begin(string? epoch, long accepted)
    {
        if (Epoch != epoch)
        {
            AnnouncedTo = 0;
            Acknowledged = 0;
            BeganAt = 0;
        }

        Epoch = epoch;
        Accepted = accepted;
        IsLast = false;
    }

    /// <summary>Begins one message back from the head.</summary>
    public void BeginLast(string epoch, long head)
    {
        Begin(epoch, Math.Max(head - 1, 0));
        BeganAt = head;
    }
}
