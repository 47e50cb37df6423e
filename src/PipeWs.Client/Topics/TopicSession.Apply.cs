using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// What a join's answer means for each subscription: where it is now, and what it misses.
internal sealed partial class TopicSession
{
    private const string NotResumed = "not resumed";

    /// <summary>The server has joined a topic. On the receive loop, under the lock, so that the messages behind it meet members that know where they are.</summary>
    public void ApplyJoin(TopicState topic, PendingJoin join, ReadOnlySpan<byte> message, in Envelope envelope)
    {
        if (topic.AskedOn != join.Link)
        {
            return;
        }

        string? epoch = envelope.Epoch.IsEmpty ? null : JsonText.Decode(envelope.Epoch.Of(message));
        long head = envelope.SequenceNumber;
        topic.IsJoined = true;
        topic.JoinedAt = Math.Min(topic.JoinedAt, Heartbeat.Now);
        topic.IsPlain = epoch is null;
        if (topic.Epoch != epoch)
        {
            topic.AcknowledgedTo = 0;
        }

        topic.Epoch = epoch;
        topic.Head = head;
        string reason = ReasonOf(message, envelope);
        foreach (TopicMember member in topic.Members)
        {
            if (member.IsPaused || (!member.IsIncluded && (member.IsLast || member.Epoch is not null)))
            {
                // It waits for room, or came while the subscribe was under way and needs one of its own.
                topic.IsRejoinWanted |= !member.IsPaused;
                if (member.IsLast && epoch is not null)
                {
                    member.BeginLast(epoch, head);
                }

                continue;
            }

            if (epoch is null)
            {
                BeginPlain(member);
            }
            else if (!Place(member, topic, join, epoch, head, envelope.Recovered, reason))
            {
                topic.IsRejoinWanted = true;
            }
        }

        if (topic.IsRejoinWanted && epoch is not null)
        {
            // Members from whom the log has more than the first was given: nobody goes on before they are served.
            foreach (TopicMember member in topic.Members)
            {
                member.IsLive = false;
            }
        }
        else
        {
            foreach (TopicMember member in topic.Members)
            {
                if (!member.IsPaused)
                {
                    SetLive(member);
                }
            }
        }

        if (topic.IsLost)
        {
            topic.IsLost = false;
            if (Client.Events.Wants(WsClientEventKinds.ReSubscribeOK))
            {
                Client.Events.Publish(new WsReSubscribeOKEvent(topic.Name, envelope.Recovered));
            }
        }

        EndRoundUnsynchronized(topic, isJoined: true);
    }

    /// <summary>Says where a member is after a join, with a gap where that is not where it was.</summary>
    /// <returns>Whether the join gives it what it needs.</returns>
    private bool Place(TopicMember member, TopicState topic, PendingJoin join, string epoch, long head, bool? recovered, string reason)
    {
        if (member.IsLast || (member.IsToBegin && member.Epoch != epoch))
        {
            // The newest message was asked for, or comes too since the server resumes further back; where it goes on from what was acknowledged nobody but it knows.
            member.BeginLast(epoch, head);
            return head <= 0 || join.Since.IsLast || (recovered == true && !(join.Since.Position?.SequenceNumber >= head));
        }

        if (member.Epoch is null || (member.Epoch == epoch && member.Accepted < 0))
        {
            // It began nowhere. A server that goes on from what was acknowledged chooses the beginning itself.
            if (join.Since.Position is null && recovered == false)
            {
                AddGap(member, new WsTopicGap(topic.Name, 0, head, reason) { Epoch = epoch });
                member.Begin(epoch, head);
            }
            else if (member.Epoch is null || join.Since.Position is not null || recovered is null)
            {
                member.Begin(epoch, join.Since.Position is null && recovered == true ? -1 : head);
            }

            return true;
        }

        if (member.Epoch != epoch)
        {
            AddGap(member, new WsTopicGap(topic.Name, head > 0 ? 1 : 0, head, reason.Length > 0 ? reason : "epoch") { Epoch = epoch, PreviousEpoch = member.Epoch });
            member.Begin(epoch, head);
            return true;
        }

        if (recovered == true || member.Accepted == head)
        {
            return true;
        }

        if (join.Since.Position is { } asked && (asked.Epoch != epoch || asked.SequenceNumber < member.Accepted) && member.Accepted < head)
        {
            // It was another's place that the server was asked for: it has said nothing of what follows this one.
            return false;
        }

        // The log no longer holds what follows the lowest number; what follows a higher one it may.
        long next = long.MaxValue;
        foreach (TopicMember other in topic.Members)
        {
            if (!other.IsPaused && other.Epoch == epoch && other.Accepted > member.Accepted && other.Accepted < head)
            {
                next = Math.Min(next, other.Accepted);
            }
        }

        bool isServed = next == long.MaxValue;
        long from = Math.Max(member.Accepted, member.BeganAt) + 1;
        long to = isServed ? head : next;
        if (to != member.BeganAt || member.Accepted >= to)
        {
            AddGap(member, new WsTopicGap(topic.Name, to >= from ? from : 0, to >= from ? to : 0, reason.Length > 0 ? reason : NotResumed) { Epoch = epoch });
        }

        member.Begin(epoch, to);
        return isServed;
    }
}
