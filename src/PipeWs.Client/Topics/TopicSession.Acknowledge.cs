using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// What readers are done with, and telling the server.
internal sealed partial class TopicSession
{
    private bool _areAcksDue;

    /// <summary>A handler or reader is done with a message.</summary>
    public void OnRead(TopicMember member, string? epoch, long number)
    {
        if (epoch is null || number <= 0)
        {
            return;
        }

        member.Subscription.SetRead(member, epoch, number);
        if (member.Subscription.Options.Acknowledgement == WsTopicAcknowledgement.Automatic)
        {
            lock (_lock)
            {
                AcknowledgeUnsynchronized(member, epoch, number);
            }
        }
    }

    public ValueTask AcknowledgeAsync(TopicMember member, string? epoch, long number)
    {
        lock (_lock)
        {
            AcknowledgeUnsynchronized(member, epoch ?? member.Epoch, number);
        }

        SendAcks();
        return default;
    }

    private void AcknowledgeUnsynchronized(TopicMember member, string? epoch, long number)
    {
        // A number of an epoch that is over means nothing any more.
        if (epoch == member.Epoch && number > member.Acknowledged)
        {
            member.Acknowledged = number;
            SetAckDueUnsynchronized(member.Topic);
        }
    }

    private void SetAckDueUnsynchronized(TopicState topic)
    {
        topic.IsAckDue = true;
        Volatile.Write(ref _areAcksDue, true);
    }

    /// <summary>The connection has ended, and whatever was handed to it may be lost: the server is told again after the topic was joined again.</summary>
    private void ForgetSentAcksUnsynchronized(TopicState topic)
    {
        topic.AcknowledgedTo = 0;
        if (Array.Exists(topic.Members, static member => member.Acknowledged > 0))
        {
            SetAckDueUnsynchronized(topic);
        }
    }

    /// <summary>Sends what is to be acknowledged: for each topic up to where all its subscriptions that acknowledge are done.</summary>
    public void SendAcks()
    {
        if (!Volatile.Read(ref _areAcksDue))
        {
            return;
        }

        List<(string Topic, long Number)>? acks = null;
        WsClientConnection? connection;
        lock (_lock)
        {
            connection = _link is { IsReady: true } link ? link.Connection : null;
            if (connection is null)
            {
                return;
            }

            Volatile.Write(ref _areAcksDue, false);
            foreach (TopicState topic in _topics.Values)
            {
                if (!topic.IsAckDue)
                {
                    continue;
                }

                if (!topic.IsJoined)
                {
                    // As soon as it is joined again.
                    Volatile.Write(ref _areAcksDue, true);
                    continue;
                }

                topic.IsAckDue = false;
                long upTo = topic.FindAcknowledged();
                if (upTo > topic.AcknowledgedTo)
                {
                    topic.AcknowledgedTo = upTo;
                    (acks ??= []).Add((topic.Name, upTo));
                }
            }
        }

        foreach ((string topic, long number) in acks ?? [])
        {
            MessageBuffer buffer = MessageBuffer.Rent();
            TopicWriter.WriteAck(buffer, topic, number);
            connection.TrySend(WsMessageType.Text, buffer.Written.Span);
            buffer.Return();
        }
    }
}
