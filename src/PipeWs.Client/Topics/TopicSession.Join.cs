using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// Joining and leaving: for each topic one task at a time, which lives as long as there is something to do, and brings what the server does in line with what is wanted.
internal sealed partial class TopicSession
{
    /// <summary>Sees to it that a topic is looked at. Where its task runs already it looks again before it ends.</summary>
    private void KickUnsynchronized(TopicState topic)
    {
        bool hasWork = topic.IsWanted ? !topic.IsJoined || topic.IsRejoinWanted : topic.AskedOn is not null || topic.Members.Length == 0;
        if (hasWork && !topic.IsSyncing)
        {
            topic.IsSyncing = true;
            _tasks.Run(() => SyncAsync(topic));
        }
    }

    private async Task SyncAsync(TopicState topic)
    {
        try
        {
            await SyncCoreAsync(topic);
        }
        catch (Exception)
        {
            // Whatever went wrong, such as in the application's logger: the next that looks at the topic begins a new task.
            lock (_lock)
            {
                topic.IsSyncing = false;
            }

            throw;
        }
    }

    private async Task SyncCoreAsync(TopicState topic)
    {
        bool isEarly = false;
        while (true)
        {
            TopicLink link;
            bool leaves;
            bool joins;
            Exception? waitsAfter;
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

                waitsAfter = joins ? topic.WaitsAfter : null;
                topic.WaitsAfter = null;
            }

            if (leaves)
            {
                SendUnsubscribe(link, topic);
            }

            if (!joins)
            {
                continue;
            }

            if (waitsAfter is not null)
            {
                isEarly = await WaitToTryAgainAsync(link, topic, waitsAfter);
                continue;
            }

            Exception? error = await JoinAsync(link, [topic]);
            if (error is not null && !link.Connection.Closed.IsCancellationRequested && FailNewcomers(topic, error))
            {
                PublishJoinError(topic, error);
                lock (_lock)
                {
                    // Another connection begins anew.
                    if (_link == link)
                    {
                        NoteFailureUnsynchronized(topic, error, isEarly);
                    }
                }
            }

            isEarly = false;
        }
    }

    /// <summary>
    /// A join has failed, or what was joined is lost: the next attempt waits, the longer the more of them there were in a row. One that a new subscription had tried before its time is not
    /// counted: the others' patience is not the newcomer's.
    /// </summary>
    private void NoteFailureUnsynchronized(TopicState topic, Exception error, bool isEarly = false)
    {
        if (Heartbeat.Now - topic.JoinedAt >= _options.Connection.StableAfter.TotalMilliseconds)
        {
            topic.Failures = 0;
        }

        topic.JoinedAt = long.MaxValue;
        if (topic.Failures == 0)
        {
            topic.FailingSince = Heartbeat.TimeProvider.GetTimestamp();
        }

        topic.Failures += isEarly && topic.Failures > 0 ? 0 : 1;
        topic.WaitsAfter = error;
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

                join = new PendingJoin(this, topics, since)
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

    /// <summary>Waits as the policy says, unless a subscription comes meanwhile, which does not know of the failures before it. Where the policy gives up the topic's streams end.</summary>
    /// <returns>Whether a subscription came.</returns>
    private async Task<bool> WaitToTryAgainAsync(TopicLink link, TopicState topic, Exception error)
    {
        TimeSpan? delay;
        try
        {
            delay = _options.RejoinPolicy.GetUsableDelay(
                new WsReconnectContext(Math.Max(1, topic.Failures), Heartbeat.TimeProvider.GetElapsedTime(topic.FailingSince), WsDisconnect.From(error)));
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

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(link.Connection.Closed);
        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            // Who came while the policy was asked does not wait.
            if (!topic.IsWanted || Array.Exists(topic.Members, static member => !member.IsEstablished))
            {
                return topic.IsWanted;
            }

            topic.Wait = wait;
        }

        await Task.WhenAny(Task.Delay(delay.Value, Heartbeat.TimeProvider, ended.Token), wait.Task);
        await ended.CancelAsync();
        lock (_lock)
        {
            topic.Wait = null;
        }

        return wait.Task.IsCompleted;
    }
}
