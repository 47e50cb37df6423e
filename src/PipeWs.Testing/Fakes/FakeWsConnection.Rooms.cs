using PipeWs.Server;
using PipeWs.Server.Rooms;

namespace PipeWs.Testing;

// Its rooms, which are its hub's.
public sealed partial class FakeWsConnection
{
    private readonly Lock _roomGate = new();
    private readonly OrderedDictionary<string, FakeMembership> _memberships = new(StringComparer.Ordinal);
    private readonly List<FakeWsJoin> _joins = [];
    private readonly List<string> _leaves = [];
    private volatile bool _isEnding;

    /// <inheritdoc/>
    public IReadOnlyList<string> Rooms
    {
        get
        {
            lock (_roomGate)
            {
                return [.. _memberships.Keys];
            }
        }
    }

    /// <summary>The attempts to join, in order, whatever came of them.</summary>
    public IReadOnlyList<FakeWsJoin> Joins
    {
        get
        {
            lock (_roomGate)
            {
                return [.. _joins];
            }
        }
    }

    /// <summary>The attempts to leave, in order, whether or not it was a member.</summary>
    public IReadOnlyList<string> Leaves
    {
        get
        {
            lock (_roomGate)
            {
                return [.. _leaves];
            }
        }
    }

    /// <summary>
    /// What comes of an attempt to join, such as <see cref="WsJoinStatus.RoomFull"/>; null, the default, where every room lets it in. Asked only where it is not a member yet.
    /// </summary>
    public Func<FakeWsJoin, WsJoinStatus>? OnJoin { get; set; }

    /// <inheritdoc/>
    public bool IsSubscribed(string room)
    {
        lock (_roomGate)
        {
            return _memberships.ContainsKey(room);
        }
    }

    /// <inheritdoc/>
    public ValueTask<WsJoinResult> JoinAsync(string room, WsSince since = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(room);
        cancellationToken.ThrowIfCancellationRequested();
        var join = new FakeWsJoin(room, since);
        WsJoinResult? answer;
        lock (_roomGate)
        {
            _joins.Add(join);
            answer = RoomRegistry.IsValidName(room) ? FindAnswer(room) : Refused(WsJoinStatus.InvalidName, $"a room's name has 1 to {RoomRegistry.MaxNameBytes} bytes of UTF-8");
        }

        return new ValueTask<WsJoinResult>(answer ?? Join(join));
    }

    /// <inheritdoc/>
    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(room);
        cancellationToken.ThrowIfCancellationRequested();
        FakeMembership? membership;
        int members = 0;
        lock (_roomGate)
        {
            _leaves.Add(room);
            if (_memberships.Remove(room, out membership))
            {
                members = membership.Room.Remove(this);
            }
        }

        if (membership is null)
        {
            return new ValueTask<bool>(false);
        }

        RaiseLeft(membership, members);
        return new ValueTask<bool>(true);
    }

    private WsJoinResult Join(FakeWsJoin join)
    {
        FakeWsRoom room = Hub.Room(join.Room);

        // Outside of the gate: it is the test's, and may do anything with the connection.
        WsJoinStatus status = OnJoin?.Invoke(join) ?? WsJoinStatus.Joined;
        WsJoinResult answer = room.Answer(join.Since);
        if (status != WsJoinStatus.Joined)
        {
            return status == WsJoinStatus.AlreadyMember ? answer with { Status = status } : Refused(status, $"the test said {status}");
        }

        FakeMembership membership;
        int members;
        lock (_roomGate)
        {
            if (FindAnswer(join.Room) is { } meanwhile)
            {
                return meanwhile;
            }

            // The room has it under the same gate as this list: an end at the same time leaves none behind.
            members = room.Add(this, join.Since, out answer);
            membership = new FakeMembership(room, answer);
            _memberships.Add(join.Room, membership);
        }

        Hub.RaiseJoined(new WsRoomEvent(room.Name, this, members));
        if (!membership.TryEndJoinEvent())
        {
            Hub.RaiseLeft(new WsRoomEvent(room.Name, this, room.MemberCount));
        }

        return answer;
    }

    // With the gate held. Null where it may join.
    private WsJoinResult? FindAnswer(string room) =>
        _isEnding ? Refused(WsJoinStatus.Closed, "the connection is closing")
        : _memberships.TryGetValue(room, out FakeMembership? membership) ? membership.Answer with { Status = WsJoinStatus.AlreadyMember }
        : null;

    private static WsJoinResult Refused(WsJoinStatus status, string reason) => new(status, "", 0, null, reason) { Code = status == WsJoinStatus.Refused ? 403 : 0 };

    /// <summary>From here on it is a member of nothing, and nothing reaches it.</summary>
    /// <param name="left">The memberships that were ended, with how many members each room has left.</param>
    /// <returns>Whether it had not begun to end before.</returns>
    private bool TryBeginEnd(out List<(FakeMembership Membership, int Members)> left)
    {
        left = [];
        lock (_roomGate)
        {
            if (_isEnding)
            {
                return false;
            }

            _isEnding = true;
            foreach (FakeMembership membership in _memberships.Values)
            {
                left.Add((membership, membership.Room.Remove(this)));
            }

            _memberships.Clear();
            return true;
        }
    }

    private void RaiseLeft(FakeMembership membership, int members)
    {
        if (membership.TryBeginLeaveEvent())
        {
            Hub.RaiseLeft(new WsRoomEvent(membership.Room.Name, this, members));
        }
    }
}

/// <summary>An attempt to join a room.</summary>
/// <param name="Room">The room.</param>
/// <param name="Since">From where its messages were asked for.</param>
public readonly record struct FakeWsJoin(string Room, WsSince Since);
