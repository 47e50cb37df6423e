using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs.Server.Rooms;

/// <summary>
/// A share of the connections, one a core, and the rooms that have news for them. One thread at a time has a shard's turn and walks the members of its dirty rooms.
/// A publisher that finds the turn free takes it, sends a little itself, and leaves the rest to the pool; one that finds it taken has nothing more to do.
/// Where the connections are those of an event loop, the loop has the turn, at the end of its iteration: all that was published until then leaves together.
/// </summary>
internal sealed class Shard : IThreadPoolWorkItem, IWsBatchWork
{
    private const int Free = 0;
    private const int Held = 1;
    private const int HeldWithWork = 2;
    private const int Queued = 3;
    private const int StepMembers = 32;

    /// <summary>How many members a publisher serves on its own thread before the pool takes over.</summary>
    private const int InlineBudget = 64;

    /// <summary>How many members the pool's thread serves before others get their turn on it. About 4 ms.</summary>
    private const int PoolBudget = 1024;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    private readonly RoomRun _run = new();
    private PipeScheduler? _loop;
    private MemberStep _step;
    private RoomShard? _dirty;
    private RoomShard? _queue;
    private RoomShard? _walking;
    private int _turn;
    private int _deferredBy;
    private int _putOff;

    // Of the turn's holder; others read them.
    private long _walks;
    private long _served;
    private long _handOvers;

    /// <summary>What nobody reads: see <see cref="WsConnection.Prefetch"/>.</summary>
    private long _prefetched;

    /// <summary>The event loop whose connections these are; null where they have none. Set once.</summary>
    internal PipeScheduler? Loop
    {
        get => Volatile.Read(ref _loop);
        set => Volatile.Write(ref _loop, value);
    }

    /// <summary>How often a room's members here were walked.</summary>
    internal long Walks => Volatile.Read(ref _walks);

    /// <summary>How many members those walks came to.</summary>
    internal long ServedMembers => Volatile.Read(ref _served);

    /// <summary>How often a thread's budget was used up and the pool went on.</summary>
    internal long HandOvers => Volatile.Read(ref _handOvers);

    /// <summary>Whether the rest of a walk waits for a thread of the pool.</summary>
    internal bool IsQueued => Volatile.Read(ref _turn) == Queued;

    /// <summary>Whether a batch of some thread has yet to wake this shard at its end.</summary>
    internal bool HasPutOff => Volatile.Read(ref _putOff) > 0;

    /// <summary>Whether nobody has or wants the turn.</summary>
    internal bool IsIdle => Volatile.Read(ref _turn) == Free && Volatile.Read(ref _dirty) is null && !HasPutOff;

    /// <summary>In a batch, puts the waking off to its end: what is published in between goes out together.</summary>
    internal bool TryPutOff()
    {
        if (!WsBatch.IsActive)
        {
            return false;
        }

        int thread = Environment.CurrentManagedThreadId;
        if (Volatile.Read(ref _deferredBy) != thread)
        {
            Volatile.Write(ref _deferredBy, thread);
            Interlocked.Increment(ref _putOff);
            WsBatch.TryDefer(this);
        }

        return true;
    }

    /// <summary>Adds a room that has news, for the next who wakes the shard. Called once until the room was walked.</summary>
    internal void Enqueue(RoomShard room)
    {
        RoomShard? head = Volatile.Read(ref _dirty);
        while (true)
        {
            room.Next = head;
            RoomShard? seen = Interlocked.CompareExchange(ref _dirty, room, head);
            if (ReferenceEquals(seen, head))
            {
                break;
            }

            head = seen;
        }
    }

    /// <summary>Sees to it that the dirty rooms are walked: a little by this thread, where nobody is at it.</summary>
    internal void Wake() => Wake(InlineBudget);

    void IWsBatchWork.Run()
    {
        Interlocked.CompareExchange(ref _deferredBy, 0, Environment.CurrentManagedThreadId);
        Interlocked.Decrement(ref _putOff);
        Wake();
    }

    void IThreadPoolWorkItem.Execute() => TakeOver(PoolBudget);

    /// <summary>
    /// Holds a publisher back that is about to outrun the members' log by half. It waits for this shard's walk, which depends on nothing but the processor, and never for a slow member.
    /// </summary>
    internal void CatchUp(RoomShard room, long to)
    {
        WsBatch.RunDeferred();
        long start = Environment.TickCount64;
        SpinWait spin = default;
        while (room.WalkedTo < to && room.Count > 0 && Environment.TickCount64 - start < s_longestWait.TotalMilliseconds)
        {
            room.MarkDirty();
            Wake(int.MaxValue);

            // All threads of the pool may be publishers that wait here for work that is queued behind them.
            TakeOver(int.MaxValue);
            if (room.WalkedTo < to)
            {
                spin.SpinOnce();
            }
        }
    }

    private void Wake(int budget)
    {
        bool isTheLoops = budget != int.MaxValue && Loop is not null;
        while (true)
        {
            int turn = Interlocked.CompareExchange(ref _turn, isTheLoops ? Queued : Held, Free);
            if (turn == Free)
            {
                if (isTheLoops)
                {
                    Queue();
                }
                else
                {
                    Drain(budget);
                }

                return;
            }

            if (turn is HeldWithWork or Queued || Interlocked.CompareExchange(ref _turn, HeldWithWork, Held) != Free)
            {
                return;
            }
        }
    }

    /// <summary>Goes on where a thread left off whose budget was used up.</summary>
    private void TakeOver(int budget)
    {
        if (Interlocked.CompareExchange(ref _turn, Held, Queued) == Queued)
        {
            Drain(budget);
        }
    }

    private void Drain(int budget)
    {
        // What a member's end does on this thread may publish, and so walk another shard.
        RoomRun? outer = RoomRun.Current;
        RoomRun.Current = _run;
        try
        {
            DrainRooms(budget);
        }
        finally
        {
            RoomRun.Current = outer;
        }
    }

    private void DrainRooms(int budget)
    {
        while (true)
        {
            if (!WalkRooms(ref budget))
            {
                _handOvers++;
                Volatile.Write(ref _turn, Queued);
                Queue();
                return;
            }

            if (Interlocked.CompareExchange(ref _turn, Free, Held) == Held)
            {
                return;
            }

            // A full fence: the dirty rooms must not be read before the others can see that the turn is Held again, or the one who found HeldWithWork
            // just before and went away would have left a room that nobody walks.
            Interlocked.Exchange(ref _turn, Held);
        }
    }

    private void Queue()
    {
        if (Loop is { } loop)
        {
            loop.Schedule(static shard => ((Shard)shard!).TakeOver(PoolBudget), this);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Walks dirty rooms until there are none.</summary>
    /// <returns><see langword="false"/> where the budget was used up first.</returns>
    private bool WalkRooms(ref int budget)
    {
        while (true)
        {
            if (_walking is null)
            {
                _walking = TakeRoom();
                if (_walking is null)
                {
                    return true;
                }

                _walks++;
                _walking.BeginWalk();
                _run.Begin(_walking.Room.Log, _walking.Count);
            }

            Span<Membership?> members = _step;
            int taken;
            while ((taken = _walking.NextMembers(members)) > 0)
            {
                if (taken > 1)
                {
                    Prefetch(members[..taken]);
                }

                for (int i = 0; i < taken; i++)
                {
                    Membership member = members[i]!;
                    if (member.IsServed)
                    {
                        member.Ws.Signal(member);
                    }
                }

                members[..taken].Clear();
                _served += taken;
                budget -= taken;
                if (budget <= 0)
                {
                    return false;
                }
            }

            _walking = null;
            _run.End();
        }
    }

    private void Prefetch(Span<Membership?> members)
    {
        long seen = 0;
        foreach (Membership? member in members)
        {
            seen += member!.IsServed ? member.Ws.Prefetch() : 0;
        }

        _prefetched = seen;
    }

    private RoomShard? TakeRoom()
    {
        if (_queue is null && Volatile.Read(ref _dirty) is not null)
        {
            // Oldest first.
            RoomShard? room = Interlocked.Exchange(ref _dirty, null);
            while (room is not null)
            {
                RoomShard? next = room.Next;
                room.Next = _queue;
                _queue = room;
                room = next;
            }
        }

        RoomShard? first = _queue;
        if (first is not null)
        {
            _queue = first.Next;
            first.Next = null;
        }

        return first;
    }

    [InlineArray(StepMembers)]
    private struct MemberStep
    {
        private Membership? _first;
    }
}
