using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// What a subscription takes, and what becomes of it where its buffer is full. On the receive loop, under the lock.
internal sealed partial class TopicSession
{
    /// <summary>Judges whether a message or gap is for a member and is new to it, and takes note of it.</summary>
    /// <param name="member">The member.</param>
    /// <param name="envelope">The message.</param>
    /// <param name="gap">The gap it is; gets what of it is new.</param>
    /// <param name="hole">Numbers that were passed over before it, where they count.</param>
    private static bool Accept(TopicMember member, in Envelope envelope, ref WsTopicGap? gap, out WsTopicGap? hole)
    {
        hole = null;
        TopicState topic = member.Topic;
        if (member.IsPaused || member.Subscription.IsEnded || (!member.IsLive && !(topic.IsPlain && topic.AskedOn is not null)))
        {
            return false;
        }

        if (gap is not null)
        {
            return AcceptGap(member, ref gap);
        }

        if (!envelope.HasSequenceNumber)
        {
            return true;
        }

        long number = envelope.SequenceNumber;
        if (member.Epoch is not null)
        {
            if (number <= member.Accepted)
            {
                return false;
            }

            topic.Head = Math.Max(topic.Head, number);
        }

        if (member.Subscription.Options.ReportHoles && member.Accepted >= 0)
        {
            long from = Math.Max(member.Accepted, Math.Max(member.AnnouncedTo, member.BeganAt)) + 1;
            hole = number > from ? new WsTopicGap(topic.Name, from, number - 1, "hole") { Epoch = member.Epoch } : null;
        }

        member.Accepted = number;
        return true;
    }

    private static bool AcceptGap(TopicMember member, ref WsTopicGap gap)
    {
        if (member.Epoch is null)
        {
            return true;
        }

        if (gap.To > 0 && gap.To <= member.Accepted)
        {
            return false;
        }

        gap = new WsTopicGap(member.Topic.Name, member.Accepted >= 0 ? Math.Max(gap.From, member.Accepted + 1) : gap.From, gap.To, gap.Reason) { Epoch = member.Epoch };
        member.AnnouncedTo = Math.Max(member.AnnouncedTo, gap.To);
        member.Topic.Head = Math.Max(member.Topic.Head, gap.To);
        if (gap.Reason != TopicMember.Conflated)
        {
            member.Accepted = Math.Max(member.Accepted, gap.To);
        }

        return true;
    }

    /// <summary>Puts a message or gap in the buffer of a member's subscription.</summary>
    private void Buffer(TopicMember member, ReadOnlySpan<byte> message, in Envelope envelope, WsTopicGap? gap)
    {
        long before = member.Accepted;
        if (!Accept(member, envelope, ref gap, out WsTopicGap? hole))
        {
            return;
        }

        WsTopicSubscription subscription = member.Subscription;
        TopicBuffer buffer = subscription.Buffer;
        int length = gap is null ? message.Length : TopicFrame.LengthOf(gap);
        bool conflates = subscription.Options.Overflow == WsTopicOverflow.Conflate && gap is null;
        if (!conflates && !buffer.HasRoom(length) && !MakeRoom(member, length, envelope, hole, gap, before))
        {
            return;
        }

        if (hole is not null)
        {
            PublishGap(hole);
            buffer.Add(TopicFrame.ForGap(hole, member));
        }

        if (gap is not null)
        {
            PublishGap(gap);
        }

        buffer.Add(gap is null ? TopicFrame.Rent(message, envelope, member.Topic.Name, member) : TopicFrame.ForGap(gap, member));
    }

    /// <summary>The buffer is full.</summary>
    /// <returns>Whether there is room now.</returns>
    private bool MakeRoom(TopicMember member, int length, in Envelope envelope, WsTopicGap? hole, WsTopicGap? gap, long acceptedBefore)
    {
        WsTopicSubscription subscription = member.Subscription;
        ReportFull(subscription);
        long number = gap is null && envelope.HasSequenceNumber ? envelope.SequenceNumber : 0;
        switch (subscription.Options.Overflow)
        {
            case WsTopicOverflow.Resume when member.Epoch is not null && (number > 0 || gap is { To: > 0 }):
                long accepted = member.Accepted;
                member.Accepted = acceptedBefore >= 0 ? acceptedBefore : (gap?.From ?? number) - 1;
                member.IsPaused = true;
                member.IsLive = false;
                subscription.SetPaused();
                if (subscription.Buffer.IsHalfFree)
                {
                    // The reader has emptied it before it could see that it is waited for.
                    member.Accepted = accepted;
                    member.IsPaused = false;
                    member.IsLive = true;
                    ResumeUnsynchronized(subscription);
                    return true;
                }

                if (!member.Topic.IsWanted)
                {
                    // Nobody takes it now: the server need not send it.
                    KickUnsynchronized(member.Topic);
                }

                return false;

            case WsTopicOverflow.DropNewest:
                DropNewest(member, hole, gap, number);
                return false;

            case WsTopicOverflow.Fail:
                RemoveUnsynchronized(subscription);
                subscription.End(new WsTopicException(WsTopicFailure.Overflow, "The subscription's buffer was full."), null);
                return false;

            default:
                subscription.Buffer.DropOldest(length);
                return true;
        }
    }

    /// <summary>What comes is not added: neither the message or gap, nor the hole before it.</summary>
    private void DropNewest(TopicMember member, WsTopicGap? hole, WsTopicGap? gap, long number)
    {
        TopicBuffer buffer = member.Subscription.Buffer;
        if (hole is not null)
        {
            PublishGap(hole);
            buffer.CountNotAdded(member, hole, 0);
        }

        if (gap is not null)
        {
            PublishGap(gap);
        }

        buffer.CountNotAdded(member, gap, number);
    }

    private void ReportFull(WsTopicSubscription subscription)
    {
        if (subscription.IsFullReported)
        {
            return;
        }

        subscription.IsFullReported = true;
        WsTopicOverflow overflow = subscription.Options.Overflow;
        TopicLog.BufferFull(Logger, Client.Name, subscription.Topic, overflow);
        if (Client.Events.Wants(WsClientEventKinds.ReadBufferFull))
        {
            WsBufferFullMode mode = overflow switch
            {
                WsTopicOverflow.Resume => WsBufferFullMode.Wait,
                WsTopicOverflow.DropNewest => WsBufferFullMode.DropNewest,
                WsTopicOverflow.Fail => WsBufferFullMode.Fail,
                _ => WsBufferFullMode.DropOldest,
            };
            Client.Events.Publish(new WsReadBufferFullEvent(mode, subscription.Buffer.Count, subscription.Buffer.Bytes) { Topic = subscription.Topic });
        }
    }

    /// <summary>A reader has made room: its topics go on from where it stopped.</summary>
    public void Resume(WsTopicSubscription subscription)
    {
        lock (_lock)
        {
            ResumeUnsynchronized(subscription);
        }
    }

    private void ResumeUnsynchronized(WsTopicSubscription subscription)
    {
        subscription.ClearPaused();
        foreach (TopicMember member in subscription.Members)
        {
            if (member.IsPaused)
            {
                member.IsPaused = false;
                member.Topic.IsRejoinWanted = true;
                KickUnsynchronized(member.Topic);
            }
        }
    }

    public void PublishGap(WsTopicGap gap)
    {
        TopicLog.Gap(Logger, Client.Name, gap.Topic, gap.From, gap.To, gap.Reason);
        if (Client.Events.Wants(WsClientEventKinds.TopicGap))
        {
            Client.Events.Publish(new WsTopicGapEvent(gap));
        }
    }
}
