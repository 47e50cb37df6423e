namespace PipeWs.Server.Rooms;

/// <summary>
/// The members of one room that live on one shard. The list changes under its lock, which is never held while anything is sent; a walk
/// goes through it in steps and misses nobody who was there when it began.
/// </summary>
internal sealed class RoomShard
{
    private readonly Lock _lock = new();
    private readonly Shard _shard;
    private Membership?[] _members = [];
    private int _count;
    private int _walkIndex;
    private int _dirty;
    private long _walkedTo;
    private long _walkingTo;

    internal RoomShard(Room room, Shard shard)
    {
        Room = room;
        _shard = shard;
    }

    internal Room Room { get; }

    internal int Count => Volatile.Read(ref _count);

    /// <summary>The next of the shard's dirty rooms.</summary>
    internal RoomShard? Next { get; set; }

    /// <summary>Up to where every member was asked to catch up.</summary>
    internal long WalkedTo => Volatile.Read(ref _walkedTo);

    /// <summary>Says that the room has news for the members here.</summary>
    internal void MarkDirty()
    {
        // Said before the room is marked: whoever finds the mark must also find that its walk was put off.
        bool isPutOff = _shard.TryPutOff();
        bool isFirst = Volatile.Read(ref _dirty) == 0 && Interlocked.Exchange(ref _dirty, 1) == 0;
        if (isFirst)
        {
            _shard.Enqueue(this);
        }

        // Where another thread's batch put the walk off, nobody waits for that batch's end: its handler may block.
        if (!isPutOff && (isFirst || _shard.HasPutOff))
        {
            _shard.Wake();
        }
    }

    /// <summary>Waits until the members were asked to catch up with a publisher that is far ahead; helps where nobody else is at it.</summary>
    internal void CatchUp(long to)
    {
        if (Count > 0)
        {
            _shard.CatchUp(this, to);
        }
    }

    internal void Add(Membership member)
    {
        lock (_lock)
        {
            if (_count == _members.Length)
            {
                Array.Resize(ref _members, Math.Max(4, _count * 2));
            }

            member.Index = _count;
            _members[_count] = member;
            Volatile.Write(ref _count, _count + 1);
        }
    }

    internal void Remove(Membership member)
    {
        lock (_lock)
        {
            int hole = member.Index;
            if (hole < 0)
            {
                return;
            }

            member.Index = -1;
            int last = _count - 1;
            if (hole < _walkIndex)
            {
                // Behind the walk: the last one that was walked fills the hole, and the walk steps back onto its place.
                Move(--_walkIndex, hole);
                hole = _walkIndex;
            }

            Move(last, hole);
            _members[last] = null;
            Volatile.Write(ref _count, last);
            if (_members.Length > 16 && last < _members.Length / 4)
            {
                Array.Resize(ref _members, _members.Length / 2);
            }
        }
    }

    internal void CopyTo(List<IWsConnection> connections)
    {
        lock (_lock)
        {
            for (int i = 0; i < _count; i++)
            {
                connections.Add(_members[i]!.Connection);
            }
        }
    }

    /// <summary>The lowest cursor of the members here, or the given number where that is lower.</summary>
    internal long LowestCursor(long number)
    {
        lock (_lock)
        {
            for (int i = 0; i < _count; i++)
            {
                number = Math.Min(number, _members[i]!.Cursor);
            }
        }

        return number;
    }

    /// <summary>Finds the members here that lag too far and do not move. By the heartbeat.</summary>
    internal void FindStalled(ref List<Membership>? stalled)
    {
        long head = Room.Log.Head;
        lock (_lock)
        {
            for (int i = 0; i < _count; i++)
            {
                if (_members[i]!.IsStalled(head))
                {
                    (stalled ??= []).Add(_members[i]!);
                }
            }
        }
    }

    /// <summary>Begins a walk. By the shard's turn.</summary>
    internal void BeginWalk()
    {
        // Cleared before the head is read: what is published after this makes it dirty again.
        Interlocked.Exchange(ref _dirty, 0);
        _walkingTo = Room.Log.Head;
        lock (_lock)
        {
            _walkIndex = 0;
        }
    }

    /// <summary>Takes the next members of the walk.</summary>
    /// <returns>How many; 0 at the walk's end.</returns>
    internal int NextMembers(Span<Membership?> members)
    {
        lock (_lock)
        {
            int taken = Math.Min(members.Length, _count - _walkIndex);
            _members.AsSpan(_walkIndex, taken).CopyTo(members);
            _walkIndex += taken;
            if (taken == 0)
            {
                _walkIndex = 0;
                Volatile.Write(ref _walkedTo, _walkingTo);
            }

            return taken;
        }
    }

    private void Move(int from, int to)
    {
        if (from != to)
        {
            Membership member = _members[from]!;
            _members[to] = member;
            member.Index = to;
        }
    }
}
