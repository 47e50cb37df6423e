namespace PipeWs.Client.Topics;

// Gaps: those that joins find, and the buffer's own for what it had no room for.
internal sealed partial class TopicBuffer
{
    private const string Overflow = "overflow";

    /// <summary>Adds a gap that a join has found. Where nothing has come since the topic's last it grows, so that a server that comes and goes does not fill the memory.</summary>
    public void AddGap(WsTopicGap gap, TopicMember member)
    {
        lock (_lock)
        {
            for (TopicFrame? last = _last; last is { Gap: { } known }; last = last.Previous)
            {
                if (last.Member == member && !last.IsOverflow)
                {
                    bool isOneEpoch = known.Epoch == gap.Epoch;
                    _bytes -= last.Length;
                    last.SetGap(new WsTopicGap(gap.Topic, isOneEpoch && known.From > 0 ? known.From : gap.From, gap.To, gap.Reason)
                    {
                        Epoch = gap.Epoch,
                        PreviousEpoch = known.PreviousEpoch ?? gap.PreviousEpoch,
                    });
                    _bytes += last.Length;
                    return;
                }
            }
        }

        // Only the receive loop adds.
        Add(TopicFrame.ForGap(gap, member));
    }

    /// <summary>Says that a message or gap was not added.</summary>
    public void CountNotAdded(TopicMember member, WsTopicGap? lost, long sequenceNumber)
    {
        bool signals;
        lock (_lock)
        {
            _dropped += lost is null ? 1 : 0;
            if (!_completed)
            {
                AddToGap(_last, member, member.Epoch, lost, sequenceNumber);
            }

            // The reader may have taken all since the buffer was found full, and wait for what comes.
            signals = _first is not null && TryEndWait();
        }

        if (signals)
        {
            _waiter.SetResult(true);
        }
    }

    /// <summary>One gap a topic stands in each place where messages were dropped one after the other: it grows.</summary>
    private void AddToGap(TopicFrame? before, TopicMember? member, string? epoch, WsTopicGap? lost, long sequenceNumber)
    {
        // Messages of no subscription are of many topics.
        long from = member is null ? 0 : lost?.From ?? sequenceNumber;
        long to = member is null ? 0 : lost?.To ?? sequenceNumber;
        long count = lost?.Count ?? 1;
        for (TopicFrame? gap = before; gap is { IsOverflow: true, Gap: { } known }; gap = gap.Previous)
        {
            if (gap.Member != member)
            {
                continue;
            }

            // Where the epochs differ the older is over, and what it held is lost: numbers of both in one range would be of neither.
            gap.SetGap(known.Epoch == epoch
                ? known with { From = known.From == 0 ? from : known.From, To = Math.Max(known.To, to), Count = known.Count + count, PreviousEpoch = known.PreviousEpoch ?? lost?.PreviousEpoch }
                : new WsTopicGap(known.Topic, from, to, Overflow) { Count = known.Count + count, Epoch = epoch, PreviousEpoch = known.PreviousEpoch ?? known.Epoch });
            return;
        }

        var lostHere = new WsTopicGap(member?.Topic.Name ?? "", from, to, Overflow) { Count = count, Epoch = epoch, PreviousEpoch = lost?.PreviousEpoch };
        TopicFrame frame = TopicFrame.ForGap(lostHere, member, isOverflow: true);
        frame.Previous = before;
        frame.Next = before is null ? _first : before.Next;
        _ = before is null ? _first = frame : before.Next = frame;
        _ = frame.Next is null ? _last = frame : frame.Next.Previous = frame;
    }
}
