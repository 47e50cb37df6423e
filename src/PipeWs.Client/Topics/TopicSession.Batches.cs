namespace PipeWs.Client.Topics;

// Topics without a log of one path are joined by one request, since exchanges count requests. What a request leaves over is joined one by one.
internal sealed partial class TopicSession
{
    /// <summary>Takes those that can be joined together; each is at work until its batch is done.</summary>
    private void TakeBatchesUnsynchronized(IEnumerable<TopicState> topics, List<TopicState[]> batches)
    {
        if (_options.MaxTopicsPerRequest == 1)
        {
            return;
        }

        IEnumerable<TopicState> free = topics.Where(static topic => topic is { IsSyncing: false, AskedOn: null, IsJoined: false, IsWanted: true }
            && TopicNames.FindPath(topic.Name) is not null
            && !Array.Exists(topic.Members, static member => member.IsLast || member.Epoch is not null));
        foreach (IGrouping<(string?, bool), TopicState> group in free.GroupBy(static topic => (TopicNames.FindPath(topic.Name), topic.PrivateChannel)))
        {
            batches.AddRange(group.Chunk(_options.MaxTopicsPerRequest).Where(static batch => batch.Length > 1));
        }

        foreach (TopicState topic in batches.SelectMany(static batch => batch))
        {
            topic.IsSyncing = true;
        }
    }

    private void RunBatches(TopicLink link, List<TopicState[]> batches)
    {
        foreach (TopicState[] batch in batches)
        {
            _tasks.Run(() => JoinBatchAsync(link, batch));
        }
    }

    private async Task JoinBatchAsync(TopicLink link, TopicState[] batch)
    {
        try
        {
            await JoinAsync(link, batch);
        }
        finally
        {
            lock (_lock)
            {
                foreach (TopicState topic in batch)
                {
                    topic.IsSyncing = false;
                    KickUnsynchronized(topic);
                }
            }
        }
    }

    /// <summary>A topic was tried once since the connection became ready.</summary>
    private void EndRoundUnsynchronized(TopicState topic, bool isJoined)
    {
        if (topic.Round is not { } link)
        {
            return;
        }

        topic.Round = null;
        link.RoundLeft--;
        _ = isJoined ? link.RoundJoined++ : link.RoundFailed++;
        EndRoundUnsynchronized(link);
    }

    private void EndRoundUnsynchronized(TopicLink link)
    {
        if (link.RoundLeft != 0 || !link.IsReady)
        {
            return;
        }

        link.RoundLeft = -1;
        TopicLog.Rejoined(Logger, Client.Name, link.RoundJoined, link.RoundFailed);
        if (Client.Events.Wants(WsClientEventKinds.Reconnected))
        {
            Client.Events.Publish(new WsReconnectedEvent(link.Connection, link.RoundJoined, link.RoundFailed));
        }
    }
}
