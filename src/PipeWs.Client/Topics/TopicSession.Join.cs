using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// Joining and leaving: for each topic one task at a time, which lives as long as there is something to do, and brings what the server does in line with what is wanted.
internal sealed partial class TopicSession
{
    private const string NotResumed = "not resumed";

    /// <summary>Sees to it that a topic is looked at. Where its task runs already it looks again before it ends.</summary>
    private void KickUnsynchronized(TopicState topic, bool isDelayed = false)
    {
        if (!topic.IsSyncing)
        {
            topic.IsSyncing = true;
            _tasks.Run(() => SyncAsync(topic, isDelayed));
        }
    }

    private async Task SyncAsync(TopicState topic, bool isDelayed)
    {
        int failures = 0;
        long since = Heartbeat.TimeProvider.GetTimestamp();
        if (isDelayed && (GetReadyLink() is not { } current || !await WaitToTryAgainAsync(current, topic, ++failures, since, new WsTopicException("The server has ended the membership."))))
        {
            failures = 0;
        }

        while (true)
        {
            TopicLink link;
            bool leaves;
            bool joins;
            lock (_lock)
            {
                // What changes after this finds that no task is at work, and begins one.
                joins = topic.IsWanted;
                leaves = topic.AskedOn is not null && (!joins || !topic.IsJoined || topic.IsRejoinWanted);
                joins &= leaves || !topic.IsJoined;
                if (_ended || _link is not { IsReady: true, Connection.Closed.IsCancellationRequested: false } || (!leaves && !joins))
                {
                    topic.IsSyncing = false;
                    if (topic.Members.Length == 0 && topic.AskedOn is null && _topics.TryGetValue(topic.Utf8, out TopicState? known) && known == topic)
                    {
                        _topics.Remove(topic.Utf8);
                    }

                    EndRoundUnsynchronized(topic, isJoined: topic.IsJoined);
                    return;
                }

                link = _link;
                if (leaves)
                {
                    topic.Unjoin();
                }
            }

            if (leaves)
            {
                SendUnsubscribe(link, topic);
            }

            if (!joins)
            {
                continue;
            }

            Exception? error = await JoinAsync(link, [topic]);
            if (error is null || link.Connection.Closed.IsCancellationRequested)
            {
                failures = 0;
                continue;
            }

            if (FailNewcomers(topic, error))
            {
                PublishJoinError(topic, error);
                await WaitToTryAgainAsync(link, topic, ++failures, since, error);
            }
        }
    }

    /// <summary>Sends one subscribe for one topic or several and waits for its answer; null where it came and was no error.</summary>
    private async Task<Exception?> JoinAsync(TopicLink link, TopicState[] topics)
    {
        try
        {
            await _joins.WaitAsync(link.Connection.Closed);
        }
        catch (OperationCanceledException e)
        {
            return e;
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        try
        {
            PendingJoin join;
            lock (_lock)
            {
                if (!link.IsReady || _ended)
                {
                    return DisconnectedError();
                }

                topics = Array.FindAll(topics, static topic => topic.IsWanted);
                if (topics.Length == 0)
                {
                    return null;
                }

                WsTopicSince since = topics.Length == 1 ? FindSinceUnsynchronized(topics[0]) : default;
                foreach (TopicState topic in topics)
                {
                    topic.AskedOn = link;
                    topic.IsRejoinWanted = false;
                    foreach (TopicMember member in topic.Members)
                    {
                        member.IsIncluded = !member.IsPaused && (topics.Length == 1 || (!member.IsLast && member.Epoch is null));
                    }
                }

                join = new PendingJoin(this, topics, since.Position?.SequenceNumber, since.IsLast)
                {
                    Number = ++_lastNumber,
                    Link = link,
                    Deadline = Heartbeat.Now + (long)_options.AckTimeout.TotalMilliseconds,
                };
                _pending.Add(join.Number, join);
                TopicWriter.WriteSubscribe(buffer, TopicWriter.Id(_options.IdPrefix, join.Number), TopicNames.Combine(topics), topics[0].PrivateChannel, since);
            }

            try
            {
                await link.Connection.SendAsync(buffer.Written);
            }
            catch (Exception e)
            {
                Fail(join, e);
            }

            return await join.Task;
        }
        finally
        {
            buffer.Return();
            _joins.Release();
        }
    }

    /// <summary>From where the members of a topic need it: of the epoch that most have a right to, the lowest number.</summary>
    private static WsTopicSince FindSinceUnsynchronized(TopicState topic)
    {
        string? epoch = null;
        long lowest = long.MaxValue;
        bool isLast = false;
        foreach (TopicMember member in topic.Members)
        {
            if (member.IsPaused)
            {
                continue;
            }

            isLast |= member.IsLast;
            if (!member.IsPositioned)
            {
                continue;
            }

            if (epoch is null || (member.Epoch == topic.Epoch && epoch != topic.Epoch))
            {
                epoch = member.Epoch;
                lowest = member.Accepted;
            }
            else if (member.Epoch == epoch)
            {
                lowest = Math.Min(lowest, member.Accepted);
            }
        }

        return epoch is not null ? WsTopicSince.After(epoch, lowest) : isLast ? WsTopicSince.Last : default;
    }

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
        topic.IsPlain = epoch is null;
        if (topic.Epoch != epoch)
        {
            topic.AcknowledgedTo = 0;
        }

        topic.Epoch = epoch;
        topic.Head = head;
        string reason = envelope.Reason.IsEmpty ? "" : JsonText.Decode(envelope.Reason.Of(message));
        foreach (TopicMember member in topic.Members)
        {
            if (member.IsPaused || (!member.IsIncluded && (member.IsLast || member.Epoch is not null)))
            {
                // It waits for room, or came while the subscribe was under way and needs one of its own.
                topic.IsRejoinWanted |= !member.IsPaused;
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
        if (member.IsLast)
        {
            // Where the server was asked to resume further back it comes too; otherwise it was asked for.
            member.Begin(epoch, Math.Max(head - 1, 0));
            return true;
        }

        if (member.Epoch is null || (member.Epoch == epoch && member.Accepted < 0))
        {
            // It began nowhere. A server that goes on from what was acknowledged chooses the beginning itself.
            if (join.Since is null && recovered == false)
            {
                AddGap(member, new WsTopicGap(topic.Name, 0, head, reason) { Epoch = epoch });
                member.Begin(epoch, head);
            }
            else if (member.Epoch is null || join.Since is not null || recovered is null)
            {
                member.Begin(epoch, join.Since is null && recovered == true ? -1 : head);
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
        long from = member.Accepted + 1;
        long to = isServed ? head : next;
        AddGap(member, new WsTopicGap(topic.Name, to >= from ? from : 0, to >= from ? to : 0, reason.Length > 0 ? reason : NotResumed) { Epoch = epoch });
        member.Begin(epoch, to);
        return isServed;
    }

    private void SendUnsubscribe(TopicLink link, TopicState topic)
    {
        long number;
        lock (_lock)
        {
            number = ++_lastNumber;
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        TopicWriter.WriteUnsubscribe(buffer, TopicWriter.Id(_options.IdPrefix, number), topic);
        link.Connection.TrySend(WsMessageType.Text, buffer.Written.Span);
        buffer.Return();
    }

    /// <summary>A subscription that was never joined hears of the error itself.</summary>
    /// <returns>Whether the topic is still wanted by others.</returns>
    private bool FailNewcomers(TopicState topic, Exception error)
    {
        lock (_lock)
        {
            EndRoundUnsynchronized(topic, isJoined: false);
            foreach (TopicMember member in topic.Members)
            {
                if (!member.Subscription.IsEstablished)
                {
                    RemoveUnsynchronized(member.Subscription);
                    member.Subscription.End(error, error);
                }
            }

            return topic.IsWanted;
        }
    }

    private void PublishJoinError(TopicState topic, Exception error)
    {
        TopicLog.JoinFailed(Logger, Client.Name, topic.Name, error.Message);
        if (Client.Events.Wants(WsClientEventKinds.ReSubscribeError))
        {
            Client.Events.Publish(new WsReSubscribeErrorEvent(topic.Name, error));
        }
    }

    /// <summary>Waits as the policy says; false where it gives up, which ends the topic's streams.</summary>
    private async Task<bool> WaitToTryAgainAsync(TopicLink link, TopicState topic, int failures, long since, Exception error)
    {
        TimeSpan? delay;
        try
        {
            delay = _options.RejoinPolicy.GetDelay(new WsReconnectContext(failures, Heartbeat.TimeProvider.GetElapsedTime(since), WsDisconnect.From(error)));
        }
        catch (Exception e)
        {
            ReportCallbackError(nameof(WsTopicClientOptions.RejoinPolicy), e);
            delay = TimeSpan.FromSeconds(5);
        }

        if (delay is null)
        {
            lock (_lock)
            {
                foreach (TopicMember member in topic.Members)
                {
                    RemoveUnsynchronized(member.Subscription);
                    member.Subscription.End(error, error);
                }
            }

            return false;
        }

        await Task.Delay(delay.Value, Heartbeat.TimeProvider, link.Connection.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }

    private TopicLink? GetReadyLink()
    {
        lock (_lock)
        {
            return _link is { IsReady: true } link ? link : null;
        }
    }
}
