using PipeWs.Server.Hubs;

namespace PipeWs.Server.Rooms;

/// <summary>
/// One member of one room: a cursor into the room's log. Nothing is queued for it. The cursor moves under the turn of its connection, when
/// that connection can take more.
/// </summary>
internal sealed class Membership : WsOutboundSource
{
    private const int Unannounced = 0;
    private const int Announcing = 1;
    private const int Announced = 2;
    private const int Over = 3;

    private readonly long _replayTo;
    private int _announced;
    private long _cursor;

    /// <summary>Up to here it gets only the latest message of each key.</summary>
    private long _conflatedTo;
    private volatile bool _left;
    private int _active;

    /// <param name="room">The room.</param>
    /// <param name="connection">The member.</param>
    /// <param name="cursor">The first number it is sent.</param>
    /// <param name="replayTo">The head when it joined: to get there from an older cursor is no lag of the member's.</param>
    internal Membership(Room room, HubConnection connection, long cursor, long replayTo)
    {
        Room = room;
        Connection = connection;
        _cursor = cursor;
        _replayTo = replayTo;
    }

    internal Room Room { get; }

    internal HubConnection Connection { get; }

    /// <summary>What the join answered, for whoever joins again.</summary>
    internal WsJoinResult Answer { get; set; }

    /// <summary>The member's place in its shard's list; the shard's own.</summary>
    internal int Index { get; set; } = -1;

    /// <summary>The next number it will be sent.</summary>
    internal long Cursor => Volatile.Read(ref _cursor);

    internal bool HasLeft => _left;

    /// <summary>
    /// Whether a walk signals it. Not before its answer is on its way: the writer looks at what was signalled first and then at what was sent, and so an answer that was
    /// sent before the signal leaves before the messages.
    /// </summary>
    internal bool IsServed => Volatile.Read(ref _active) != 0 && !_left;

    /// <summary>From here on nothing more of the room is written to the connection.</summary>
    internal void SetLeft() => _left = true;

    /// <summary>From here on walks signal it. With a full fence.</summary>
    internal void SetActive() => Interlocked.Exchange(ref _active, 1);

    /// <summary>Before the application is told that it joined.</summary>
    /// <returns><see langword="false"/> where it has left already: nobody is told anything.</returns>
    internal bool TryBeginAnnouncing() => Interlocked.CompareExchange(ref _announced, Announcing, Unannounced) == Unannounced;

    /// <summary>After the application was told that it joined.</summary>
    /// <returns><see langword="false"/> where it left meanwhile: that is to be told now.</returns>
    internal bool TryEndAnnouncing() => Interlocked.CompareExchange(ref _announced, Announced, Announcing) == Announcing;

    /// <summary>When it has left.</summary>
    /// <returns>Whether the application was told of the join, and is to be told of this.</returns>
    internal bool EndAnnounced() => Interlocked.Exchange(ref _announced, Over) == Announced;

    /// <inheritdoc/>
    protected internal override bool Write(ref WsFrameWriter writer)
    {
        RoomLog log = Room.Log;
        long cursor = _cursor;
        if (!_left && cursor > _replayTo && log.Head - cursor >= Room.Options.MaxLagMessages)
        {
            cursor = OnSlow(ref writer, cursor);
        }

        while (cursor > 0 && !_left)
        {
            if (writer.IsFull)
            {
                Volatile.Write(ref _cursor, cursor);
                return true;
            }

            if (cursor <= _conflatedTo)
            {
                cursor = Room.Conflation!.WriteLatest(ref writer, cursor, _conflatedTo, Connection.Id);
                continue;
            }

            RoomLog.ReadResult result = log.TryRead(cursor, out WsFrame? frame);
            if (result == RoomLog.ReadResult.Found)
            {
                if (frame!.Except is null || !IsExcepted(frame))
                {
                    writer.Write(frame);
                }

                frame.Release();
                cursor++;
            }
            else if (result == RoomLog.ReadResult.Gone)
            {
                cursor = OnSlow(ref writer, cursor);
            }
            else
            {
                break;
            }
        }

        if (cursor > 0)
        {
            Volatile.Write(ref _cursor, cursor);
        }

        return false;
    }

    private bool IsExcepted(WsFrame frame)
    {
        IReadOnlyList<string> except = frame.Except!;
        for (int i = 0; i < except.Count; i++)
        {
            if (except[i] == Connection.Id)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The room's policy. Gives the next number to send, or 0 where the membership is over.</summary>
    private long OnSlow(ref WsFrameWriter writer, long cursor)
    {
        Room.CountSlow();
        switch (Room.Options.SlowConsumerPolicy)
        {
            case WsSlowConsumerPolicy.Skip:
                long head = Room.Log.Head;
                Room.WriteGap(ref writer, cursor, head, "slow");
                return head + 1;

            case WsSlowConsumerPolicy.Conflate:
                // What is left of an earlier gap was announced with it.
                long upTo = Room.Log.PublishedUpTo(cursor);
                Room.WriteGap(ref writer, Math.Max(cursor, _conflatedTo + 1), upTo, "conflated");
                _conflatedTo = upTo;
                return cursor;

            case WsSlowConsumerPolicy.Unsubscribe:
                SetLeft();
                Room.WriteUnsubscribed(ref writer, cursor);

                // This thread is writing, and whoever hears of the leave is the application.
                ThreadPool.UnsafeQueueUserWorkItem(static member => member.Connection.Leave(member), this, preferLocal: false);
                return 0;

            default:
                SetLeft();
                Connection.Ws.CloseSlow($"too slow for room {Room.Name}");
                return 0;
        }
    }
}
