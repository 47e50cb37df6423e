using PipeWs.Server.Hubs;

namespace PipeWs.Server.Rooms;

/// <summary>
/// One member of one room: a cursor into the room's log. Nothing is queued for it. The cursor moves under the turn of its connection, when
/// that connection can take more.
/// </summary>
internal sealed class Membership : WsOutboundSource
{
    private readonly long _replayTo;
    private readonly string? _unrecovered;
    private readonly bool? _recovered;
    private long _cursor;
    private long _stalledAt = -1;
    private int _told;

    /// <summary>Up to here it gets only the latest message of each key.</summary>
    private long _conflatedTo;
    private volatile bool _left;
    private int _active;

    /// <param name="room">The room.</param>
    /// <param name="connection">The member.</param>
    /// <param name="cursor">The first number it is sent.</param>
    /// <param name="replayTo">The head when it joined: to get there from an older cursor is no lag of the member's.</param>
    /// <param name="recovered">Whether all that it asked for will be sent; null where it asked for nothing.</param>
    /// <param name="unrecovered">Why not.</param>
    internal Membership(Room room, HubConnection connection, long cursor, long replayTo, bool? recovered, string? unrecovered)
    {
        Room = room;
        Connection = connection;
        Ws = connection.Ws;
        _cursor = cursor;
        _replayTo = replayTo;
        _recovered = recovered;
        _unrecovered = unrecovered;
    }

    internal Room Room { get; }

    internal HubConnection Connection { get; }

    /// <summary>The connection's writer: what a walk touches of a member should be near.</summary>
    internal WsConnection Ws { get; }

    /// <summary>What the join answered, for whoever joins again.</summary>
    internal WsJoinResult Answer => new(WsJoinStatus.Joined, Room.Epoch, _replayTo, _recovered, _unrecovered);

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

    /// <summary>The application was told of the join.</summary>
    /// <returns><see langword="false"/> where it has left meanwhile, of which the caller then tells.</returns>
    internal bool TryEndJoinEvent() => Interlocked.CompareExchange(ref _told, 1, 0) == 0;

    /// <summary>It has left.</summary>
    /// <returns><see langword="false"/> where the application is not told of the join yet; whoever does tells of this too.</returns>
    internal bool TryBeginLeaveEvent() => Interlocked.CompareExchange(ref _told, 2, 0) != 0;

    /// <inheritdoc/>
    protected internal override bool Write(ref WsFrameWriter writer)
    {
        RoomLog log = Room.Log;
        long cursor = _cursor;
        if (!_left && cursor > _replayTo && log.Head - cursor >= Room.Options.MaxLagMessages)
        {
            cursor = OnSlow(ref writer, cursor);
        }

        RoomRun? run = writer.TakesEncoded ? RoomRun.Current : null;
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

            if (run is not null)
            {
                long next = run.Write(log, cursor, ref writer);
                if (next != cursor)
                {
                    cursor = next;
                    continue;
                }
            }

            RoomLog.ReadResult result = log.TryRead(cursor, out WsFrame? frame);
            if (result == RoomLog.ReadResult.Found)
            {
                if (frame!.Except is null)
                {
                    writer.Write(frame);
                    run?.Add(log, cursor, frame);
                }
                else if (!IsExcepted(frame))
                {
                    writer.Write(frame);
                }

                frame.Release();
                cursor++;
            }
            else if (result == RoomLog.ReadResult.Gone)
            {
                // The log keeps nothing for one that has left a moment ago.
                cursor = _left ? 0 : OnSlow(ref writer, cursor);
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

    /// <summary>
    /// Whether it lags more than it may and has not moved since the last look: its peer reads nothing, so that <see cref="Write"/>, where the policy acts otherwise,
    /// is not called. By the heartbeat alone.
    /// </summary>
    internal bool IsStalled(long head)
    {
        long cursor = Cursor;
        bool lags = !_left && (cursor < Room.Log.Tail || (cursor > _replayTo && head - cursor >= Room.Options.MaxLagMessages));
        bool stalled = lags && cursor == _stalledAt;
        _stalledAt = lags ? cursor : -1;
        return stalled;
    }

    /// <summary>Ends the membership of one that is too slow, and its connection with it.</summary>
    internal void CloseSlow()
    {
        SetLeft();
        Connection.Ws.CloseSlow($"too slow for room {Room.Name}");
    }

    /// <summary>Takes note that it was too slow.</summary>
    internal void CountSlow()
    {
        Room.CountSlow();
        Connection.CountSlow(Room.Options.SlowConsumerPolicy);
    }

    private void WriteGap(ref WsFrameWriter writer, long from, long to, string reason)
    {
        if (to >= from)
        {
            Connection.CountGap(to - from + 1);
            Room.WriteGap(ref writer, from, to, reason);
        }
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
        CountSlow();
        switch (Room.Options.SlowConsumerPolicy)
        {
            case WsSlowConsumerPolicy.Skip:
                long head = Room.Log.Head;
                WriteGap(ref writer, cursor, head, "slow");
                return head + 1;

            case WsSlowConsumerPolicy.Conflate:
                // What is left of an earlier gap was announced with it.
                long upTo = Room.Log.PublishedUpTo(cursor);
                WriteGap(ref writer, Math.Max(cursor, _conflatedTo + 1), upTo, "conflated");
                _conflatedTo = upTo;
                return cursor;

            case WsSlowConsumerPolicy.Unsubscribe:
                Room.Unsubscribe(this, cursor);

                // This thread is writing, and whoever hears of the leave is the application.
                ThreadPool.UnsafeQueueUserWorkItem(static member => member.Connection.Leave(member), this, preferLocal: false);
                return 0;

            default:
                CloseSlow();
                return 0;
        }
    }
}
