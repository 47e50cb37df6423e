using PipeWs.Server.Hubs;

namespace PipeWs.Server.Rooms;

// Who is in the room, from where, and when it is over.
internal sealed partial class Room
{
    /// <summary>
    /// Makes a connection a member. Its cursor is placed, and the log keeps what follows it, but it is served only after <see cref="Activate"/>, so that the answer can go first.
    /// </summary>
    /// <returns>The membership; null where it was refused, or where this life of the room is over and another is to be tried.</returns>
    internal Membership? TryJoin(HubConnection connection, WsSince since, out WsJoinResult result)
    {
        lock (_lock)
        {
            result = default;
            if (_removed)
            {
                return null;
            }

            if (Options.MaxConnectionsPerRoom > 0 && _memberCount >= Options.MaxConnectionsPerRoom)
            {
                connection.CountRefusal(nameof(Options.MaxConnectionsPerRoom));
                result = new WsJoinResult(WsJoinStatus.RoomFull, Epoch, Log.Head, null, $"the room has as many members as it allows ({Options.MaxConnectionsPerRoom}, MaxConnectionsPerRoom)");
                return null;
            }

            // Read once: publishers do not wait for us.
            long head = Log.Head;
            (long cursor, bool? recovered, string? reason) = PlaceCursor(since, connection.UserId, head);
            if (cursor <= head && !connection.TryTakeReplay(BytesFrom(cursor, head)))
            {
                connection.CountRefusal(nameof(PipeWsOptions.ReplayBytesPerSecond));
                result = new WsJoinResult(WsJoinStatus.TooMuchReplay, Epoch, head, null, "too much was repeated to this connection: join without \"since\", or try again later (ReplayBytesPerSecond)");
                return null;
            }

            var member = new Membership(this, connection, cursor, head, recovered, reason);
            result = member.Answer;
            _memberCount++;
            _shards[connection.ShardIndex].Add(member);
            if (_acknowledged is not null && connection.UserId is { } user)
            {
                if (since.Kind == WsSinceKind.Head && recovered == false)
                {
                    // What has expired was announced, and is asked for no more: what follows is the user's to acknowledge again.
                    _acknowledged.AddOrUpdate(user, static (_, head) => head, static (_, old, head) => Math.Max(old, head), head);
                }
                else
                {
                    _acknowledged.TryAdd(user, cursor - 1);
                }
            }

            return member;
        }
    }

    /// <summary>Serves the member from now on; it first gets all that its cursor is behind.</summary>
    internal void Activate(Membership member)
    {
        // A full fence before the head is read: whoever publishes after it finds a member that may be served.
        member.SetActive();
        if (Log.Head >= member.Cursor)
        {
            member.Connection.Ws.Signal(member);
        }
    }

    /// <summary>Ends a membership. Once for each.</summary>
    /// <returns>The number of members that are left.</returns>
    internal int Leave(Membership member)
    {
        member.SetLeft();
        _shards[member.Connection.ShardIndex].Remove(member);
        lock (_lock)
        {
            _memberCount--;
            _emptySince = Now;
            return _memberCount;
        }
    }

    /// <summary>Takes note of what a user has received; numbers only grow.</summary>
    /// <returns>Whether there was anything that this user could acknowledge.</returns>
    internal bool Acknowledge(string userId, long number)
    {
        if (_acknowledged is null || number < 1 || number > Log.Head || !_acknowledged.ContainsKey(userId))
        {
            return false;
        }

        _acknowledged.AddOrUpdate(userId, static (_, n) => n, static (_, old, n) => Math.Max(old, n), number);
        return true;
    }

    /// <summary>
    /// Closes the members that have stopped reading where the policy is to disconnect. The other policies act when such a member reads again; it costs
    /// no more than a cursor until then, and the keep-alive finds it if it is dead.
    /// </summary>
    internal void CloseStalled()
    {
        if (Options.SlowConsumerPolicy != WsSlowConsumerPolicy.Disconnect)
        {
            return;
        }

        List<Membership>? stalled = null;
        foreach (RoomShard shard in _shards)
        {
            if (shard.Count > 0)
            {
                shard.FindStalled(ref stalled);
            }
        }

        if (stalled is null)
        {
            return;
        }

        foreach (Membership member in stalled)
        {
            member.CountSlow();
            member.CloseSlow();
        }
    }

    /// <summary>Lets go of what is no longer history nor awaited by a member.</summary>
    internal void Trim()
    {
        long head = Log.Head;
        long keepFrom = head + 1;
        if (KeepsHistory)
        {
            keepFrom = Math.Max(1, head + 1 - Options.HistoryMessages);
            if (Options.HistoryAge != Timeout.InfiniteTimeSpan)
            {
                long oldest = Now - (long)Options.HistoryAge.TotalMilliseconds;
                keepFrom = Math.Max(keepFrom, Log.Tail);
                while (keepFrom <= head && (Log.TimestampOf(keepFrom) ?? oldest) <= oldest)
                {
                    keepFrom++;
                }
            }
        }

        if (keepFrom <= Log.Tail)
        {
            return;
        }

        // Who joins places its cursor and is a member under the same lock: otherwise what it is to be sent could go in between.
        lock (_lock)
        {
            foreach (RoomShard shard in _shards)
            {
                if (shard.Count > 0)
                {
                    keepFrom = shard.LowestCursor(keepFrom);
                }
            }

            Log.TrimTo(keepFrom);
        }
    }

    /// <summary>Ends this life of the room if nobody is in it and nothing is kept.</summary>
    internal bool TryRemove()
    {
        lock (_lock)
        {
            if (_removed || _memberCount > 0 || (KeepsHistory && IsAwaited))
            {
                return false;
            }

            // Whoever publishes has its number before the end, and then it was here that nobody was in the room, or gets none and finds the next life.
            long head;
            do
            {
                head = Log.Head;
                if (KeepsHistory && Log.Tail <= head)
                {
                    return false;
                }
            }
            while (!Log.TrySeal(head));

            _removed = true;
            return true;
        }
    }

    /// <summary>Gives back what a removed room held. A publisher that came just before the end may still be placing its frame.</summary>
    internal void Clear()
    {
        Log.Clear();
        Conflation?.Clear();
    }

    private (long Cursor, bool? Recovered, string? Reason) PlaceCursor(WsSince since, string? userId, long head)
    {
        if (since.Kind == WsSinceKind.Last)
        {
            return (head > 0 && Log.Tail <= head ? head : head + 1, null, null);
        }

        if (since.Kind == WsSinceKind.Head)
        {
            if (userId is not null && _acknowledged?.TryGetValue(userId, out long acknowledged) == true)
            {
                return Holds(acknowledged, head) ? (acknowledged + 1, true, null) : (head + 1, false, "expired");
            }

            return (head + 1, null, null);
        }

        if (since.Epoch != Epoch)
        {
            return (head + 1, false, "epoch");
        }

        if (since.SequenceNumber > head || since.SequenceNumber < 0)
        {
            return (head + 1, false, "unknown sequence number");
        }

        return Holds(since.SequenceNumber, head) ? (since.SequenceNumber + 1, true, null) : (head + 1, false, "expired");
    }

    /// <summary>About how many bytes the log holds from a number on.</summary>
    private long BytesFrom(long number, long head) => (long)(Log.Bytes * ((double)(head + 1 - number) / Math.Max(1, head + 1 - Math.Min(Log.Tail, number))));

    /// <summary>Whether a user may still come back for what is acknowledged: as long after the last has left as a message would be kept.</summary>
    private bool IsAwaited =>
        _acknowledged is { IsEmpty: false }
        && (Options.HistoryAge == Timeout.InfiniteTimeSpan || Now - _emptySince < (long)Options.HistoryAge.TotalMilliseconds);

    /// <summary>Whether all that follows a number is still there. The cursor is then also within the lag the room allows.</summary>
    private bool Holds(long number, long head) =>
        number == head || (number + 1 >= Log.Tail && head - number < Log.Capacity);
}
