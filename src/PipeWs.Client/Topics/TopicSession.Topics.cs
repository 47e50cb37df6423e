namespace PipeWs.Client.Topics;

// Who wants which topic.
internal sealed partial class TopicSession
{
    /// <summary>Adds a subscription to its topics, which are joined where they are not.</summary>
    public void Add(WsTopicSubscription subscription, IReadOnlyList<string> names)
    {
        var batches = new List<TopicState[]>();
        TopicLink? link;
        lock (_lock)
        {
            ThrowIfEnded();
            link = _link is { IsReady: true } ? _link : null;
            var topics = new List<TopicState>();
            foreach (string name in names)
            {
                byte[] key = System.Text.Encoding.UTF8.GetBytes(name);
                if (_topics.TryGetValue(key, out TopicState? topic))
                {
                    if (topic.PrivateChannel != subscription.Options.PrivateChannel)
                    {
                        throw new InvalidOperationException($"The topic {name} is subscribed to as a {(topic.PrivateChannel ? "private" : "public")} channel already.");
                    }
                }
                else
                {
                    topic = new TopicState(name, subscription.Options.PrivateChannel);
                }

                topics.Add(topic);
            }

            subscription.Members = [.. topics.Select(topic => new TopicMember(subscription, topic, subscription.Options.Since))];
            foreach (TopicMember member in subscription.Members)
            {
                _topics.TryAdd(member.Topic.Utf8, member.Topic);
                AddUnsynchronized(member);
                member.Topic.Wait?.TrySetResult();
            }

            if (link is not null)
            {
                TakeBatchesUnsynchronized(topics, batches);
            }

            foreach (TopicState topic in topics)
            {
                KickUnsynchronized(topic);
            }
        }

        if (link is not null)
        {
            RunBatches(link, batches);
        }
    }

    /// <summary>Takes a subscription out of its topics; what nobody wants any more is left.</summary>
    public void Remove(WsTopicSubscription subscription)
    {
        SendAcks();
        lock (_lock)
        {
            RemoveUnsynchronized(subscription);
        }
    }

    private void AddUnsynchronized(TopicMember member)
    {
        TopicState topic = member.Topic;
        topic.Add(member);
        if (!topic.IsJoined)
        {
            // The join that comes, or the one under way, is for it too; where it needs more than that gives, another follows.
            return;
        }

        if (topic.Epoch is null)
        {
            BeginPlain(member);
        }
        else if (member.IsLast || member.Epoch is not null)
        {
            // The others get nothing twice: each knows how far it has come.
            if (member.IsLast)
            {
                member.BeginLast(topic.Epoch, topic.Head);
            }

            topic.IsRejoinWanted = true;
            return;
        }
        else
        {
            member.Begin(topic.Epoch, topic.Head);
        }

        SetLive(member);
    }

    private void RemoveUnsynchronized(WsTopicSubscription subscription)
    {
        foreach (TopicMember member in subscription.Members)
        {
            TopicState topic = member.Topic;
            if (Array.IndexOf(topic.Members, member) >= 0)
            {
                member.IsLive = false;
                topic.Remove(member);
                if (topic.Members.Length == 0)
                {
                    topic.Wait?.TrySetResult();
                }

                if (member.Acknowledges)
                {
                    // The others may have waited for it.
                    SetAckDueUnsynchronized(topic);
                }

                KickUnsynchronized(topic);
            }
        }
    }

    private static void SetLive(TopicMember member)
    {
        member.IsLive = true;
        member.IsIncluded = false;
        if (!member.IsEstablished)
        {
            member.IsEstablished = true;
            member.Subscription.OnEstablished();
        }
    }

    /// <summary>The server keeps no log: what was asked for of it is not to be had.</summary>
    private void BeginPlain(TopicMember member)
    {
        if (member.Epoch is { } epoch && !member.IsToBegin)
        {
            AddGap(member, new WsTopicGap(member.Topic.Name, 0, 0, NotResumed) { PreviousEpoch = epoch });
        }

        member.Begin(null, -1);
    }

    /// <summary>A gap that a join has found.</summary>
    private void AddGap(TopicMember member, WsTopicGap gap)
    {
        PublishGap(gap);
        member.Subscription.Buffer.AddGap(gap, member);
    }
}
