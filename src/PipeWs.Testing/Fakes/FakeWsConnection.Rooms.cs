using PipeWs.Server;

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
        cancellationToken.ThrowIfCancellationRequested();
        FakeWsRoom joined = Hub.Room(room);
        var join = new FakeWsJoin(room, since);
        WsJoinStatus status;
        lock (_roomGate)
        {
            _joins.Add(join);
            status = FindStatus(room);
        }

        if (status == WsJoinStatus.Joined)
        {
            // Outside of the gate: it is the test's, and may do anything with the connection.
            status = OnJoin?.Invoke(join) ?? WsJoinStatus.Joined;
        }

        if (status == WsJoinStatus.Joined)
        {
            status = Join(joined);
        }

        return new ValueTask<WsJoinResult>(status is WsJoinStatus.Joined or WsJoinStatus.AlreadyMember
            ? new WsJoinResult(status, joined.Epoch, joined.Head, since.Kind == WsSinceKind.After ? true : null, null)
            : new WsJoinResult(status, "", 0, null, $"the test said {status}") { Code = status == WsJoinStatus.Refused ? 403 : 0 });
    }

    /// <inheritdoc/>
    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default)
    {
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

    /// <summary>Makes it a member. The room has it under the same gate as the connection's own list, so that an end at the same time leaves none behind.</summary>
    private WsJoinStatus Join(FakeWsRoom room)
    {
        var membership = new FakeMembership(room);
        int members;
        lock (_roomGate)
        {
            WsJoinStatus status = FindStatus(room.Name);
            if (status != WsJoinStatus.Joined)
            {
                return status;
            }

            _memberships.Add(room.Name, membership);
            members = room.Add(this);
        }

        Hub.RaiseJoined(new WsRoomEvent(room.Name, this, members));
        if (!membership.TryEndJoinEvent())
        {
            Hub.RaiseLeft(new WsRoomEvent(room.Name, this, room.MemberCount));
        }

        return WsJoinStatus.Joined;
    }

    // With the gate held.
    private WsJoinStatus FindStatus(string room) => _isEnding ? WsJoinStatus.Closed : _memberships.ContainsKey(room) ? WsJoinStatus.AlreadyMember : WsJoinStatus.Joined;

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
