using PipeWs.Server;

namespace PipeWs.Testing;

// Its rooms, which are its hub's.
public sealed partial class FakeWsConnection
{
    private readonly Lock _roomGate = new();
    private readonly List<string> _rooms = [];
    private readonly List<FakeWsJoin> _joins = [];
    private readonly List<string> _leaves = [];
    private bool _isEnding;

    /// <inheritdoc/>
    public IReadOnlyList<string> Rooms
    {
        get
        {
            lock (_roomGate)
            {
                return [.. _rooms];
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
            return _rooms.Contains(room);
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
            status = _isEnding ? WsJoinStatus.Closed : _rooms.Contains(room) ? WsJoinStatus.AlreadyMember : OnJoin?.Invoke(join) ?? WsJoinStatus.Joined;
            if (status == WsJoinStatus.Joined)
            {
                _rooms.Add(room);
            }
        }

        if (status == WsJoinStatus.Joined)
        {
            joined.Add(this);
        }

        return new ValueTask<WsJoinResult>(status is WsJoinStatus.Joined or WsJoinStatus.AlreadyMember
            ? new WsJoinResult(status, joined.Epoch, joined.Head, since.Kind == WsSinceKind.After ? true : null, null)
            : new WsJoinResult(status, "", 0, null, $"the test said {status}") { Code = status == WsJoinStatus.Refused ? 403 : 0 });
    }

    /// <inheritdoc/>
    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool wasMember;
        lock (_roomGate)
        {
            _leaves.Add(room);
            wasMember = _rooms.Remove(room);
        }

        if (wasMember)
        {
            Hub.Room(room).Remove(this);
        }

        return new ValueTask<bool>(wasMember);
    }

    private void LeaveAll()
    {
        string[] rooms;
        lock (_roomGate)
        {
            rooms = [.. _rooms];
            _rooms.Clear();
        }

        foreach (string room in rooms)
        {
            Hub.Room(room).Remove(this);
        }
    }
}

/// <summary>An attempt to join a room.</summary>
/// <param name="Room">The room.</param>
/// <param name="Since">From where its messages were asked for.</param>
public readonly record struct FakeWsJoin(string Room, WsSince Since);
