using System.Numerics;
using PipeWs.Messages;
using PipeWs.Server.Limits;
using PipeWs.Server.Rooms;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

// Its memberships. The gate orders joins, leaves and the end of the connection, so that none is left behind.
internal sealed partial class HubConnection
{
    /// <summary>So many memberships that are over may be kept without a look at which of them are still needed.</summary>
    private const int MinDeparted = 8;

    private Dictionary<string, Membership>? _memberships;

    /// <summary>Memberships that are over, while the connection's writer may still hold them.</summary>
    private List<Membership>? _departed;
    private bool _ended;

    /// <summary>An object that no application ever sees, and nobody else locks: one of its own would be one more for every connection.</summary>
    private WsConnection Gate => Ws;

    public IReadOnlyList<string> Rooms
    {
        get
        {
            lock (Gate)
            {
                return _memberships is null ? [] : [.. _memberships.Keys];
            }
        }
    }

    public bool IsSubscribed(string room)
    {
        lock (Gate)
        {
            return _memberships?.ContainsKey(room) == true;
        }
    }

    public ValueTask<WsJoinResult> JoinAsync(string room, WsSince since = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(room);
        cancellationToken.ThrowIfCancellationRequested();
        Membership? member = BeginJoin(room, since, out WsJoinResult result);
        if (result.Status == Unasked)
        {
            return JoinAskedAsync(room, since, cancellationToken);
        }

        if (member is not null)
        {
            EndJoin(member);
        }

        return new ValueTask<WsJoinResult>(result);
    }

    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(room);
        cancellationToken.ThrowIfCancellationRequested();
        Membership? member = null;
        lock (Gate)
        {
            if (_memberships?.Remove(room, out member) == true)
            {
                // Under the gate: a room that finds it too slow at this moment says nothing of it any more, or has said it before the leave is answered.
                member!.SetLeft();
                AddDeparted(member);
            }
        }

        if (member is null)
        {
            return new ValueTask<bool>(false);
        }

        ValueTask told = _hub.Leave(member);
        return told.IsCompletedSuccessfully ? new ValueTask<bool>(true) : LeaveAwaited(told);

        static async ValueTask<bool> LeaveAwaited(ValueTask told)
        {
            await told;
            return true;
        }
    }

    /// <summary>
    /// Makes it a member; <see cref="EndJoin"/> must follow where one is given, after whatever is to be sent before the room's messages. A <paramref name="request"/> of
    /// one that is a member already is answered here. Where there are hooks to ask, it says <see cref="Unasked"/> until the join <paramref name="isAdmitted"/>.
    /// </summary>
    internal Membership? BeginJoin(string room, WsSince since, out WsJoinResult result, RequestContext? request = null, bool isAdmitted = false)
    {
        if (!RoomRegistry.IsValidName(room))
        {
            result = Refused(WsJoinStatus.InvalidName, $"a room's name has 1 to {RoomRegistry.MaxNameBytes} bytes of UTF-8");
            return null;
        }

        if (Identity is { IsPending: true })
        {
            result = Refused(WsJoinStatus.Forbidden, "the connection has not said who it is");
            return null;
        }

        Membership? over = null;
        Membership? member;
        lock (Gate)
        {
            if (_ended || Ws.IsClosing)
            {
                result = Refused(WsJoinStatus.Closed, "the connection is closing");
                return null;
            }

            if (_memberships is not null && _memberships.TryGetValue(room, out Membership? before))
            {
                if (!before.HasLeft)
                {
                    result = before.Answer with { Status = WsJoinStatus.AlreadyMember };
                    if (request is not null)
                    {
                        // Under the gate: the room may find it too slow at any moment, and must say so after this.
                        Answer(request, room, result);
                    }

                    return null;
                }

                // The room found it too slow a moment ago, and nobody has taken it off the list yet.
                _memberships.Remove(room);
                AddDeparted(before);
                over = before;
            }

            if ((_memberships?.Count ?? 0) >= _hub.Options.MaxRoomsPerConnection)
            {
                member = null;
                _hub.CountRefusal(LimitKind.MaxRoomsPerConnection);
                result = Refused(WsJoinStatus.TooManyRooms, $"a connection may be in {_hub.Options.MaxRoomsPerConnection} rooms (MaxRoomsPerConnection)");
            }
            else if (IsDepartedFull())
            {
                member = null;
                _hub.CountRefusal(LimitKind.MaxRoomsPerConnection);
                result = Refused(WsJoinStatus.TooManyRooms, "the connection must first take what waits for it in the rooms it left");
            }
            else if (!isAdmitted && _hub.Hooks.JoinRoom is not null)
            {
                member = null;
                result = new WsJoinResult(Unasked, "", 0, null, null);
            }
            else
            {
                member = _hub.TryJoin(this, room, since, out result);
                if (member is not null)
                {
                    (_memberships ??= new Dictionary<string, Membership>(StringComparer.Ordinal)).Add(room, member);
                }
            }
        }

        if (over is not null)
        {
            _ = _hub.Leave(over);
        }

        return member;
    }

    /// <summary>Ends a membership by its room's policy, and tells the peer, if it has not left meanwhile. By whoever writes to the connection.</summary>
    internal void Unsubscribe(Membership member, ReadOnlySpan<byte> error)
    {
        lock (Gate)
        {
            if (!member.HasLeft)
            {
                member.SetLeft();
                Ws.TrySend(WsMessageType.Text, error);
            }
        }
    }

    internal void EndJoin(Membership member)
    {
        member.Room.Activate(member);
        _hub.RaiseJoined(member);
    }

    /// <summary>The connection has ended: every membership does, and no new one begins.</summary>
    /// <returns>Completes when the hooks have been told; never fails.</returns>
    internal ValueTask LeaveAll()
    {
        Membership[] members;
        lock (Gate)
        {
            _ended = true;
            members = _memberships is null ? [] : [.. _memberships.Values];
            _memberships = null;
            _departed = null;
        }

        List<Task>? told = null;
        foreach (Membership member in members)
        {
            ValueTask left = _hub.Leave(member);
            if (!left.IsCompletedSuccessfully)
            {
                (told ??= []).Add(left.AsTask());
            }
        }

        return told is null ? default : new ValueTask(Task.WhenAll(told));
    }

    /// <summary>Ends a membership that its room found too slow.</summary>
    internal void Leave(Membership member)
    {
        lock (Gate)
        {
            if (_memberships is null || !_memberships.TryGetValue(member.Room.Name, out Membership? current) || current != member)
            {
                return;
            }

            _memberships.Remove(member.Room.Name);
            AddDeparted(member);
        }

        _ = _hub.Leave(member);
    }

    private void AddDeparted(Membership member)
    {
        List<Membership> departed = _departed ??= [];
        if (departed.Count >= MinDeparted && BitOperations.IsPow2(departed.Count))
        {
            // Each holds its room with the room's log. Looked through when the list has doubled, so that a leave costs the same however many there were.
            RemoveWritten(departed);
        }

        departed.Add(member);
    }

    private static void RemoveWritten(List<Membership> departed) => departed.RemoveAll(static member => !member.IsSignalled);

    /// <summary>
    /// Whether as many memberships that are over as a connection may have rooms still wait for its writer. A peer that takes nothing must not make that list grow by
    /// joining and leaving.
    /// </summary>
    private bool IsDepartedFull()
    {
        if (_departed is null || _departed.Count < _hub.Options.MaxRoomsPerConnection)
        {
            return false;
        }

        RemoveWritten(_departed);
        return _departed.Count >= _hub.Options.MaxRoomsPerConnection;
    }

    private void Answer(RequestContext request, string room, in WsJoinResult result)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        if (request.WriteJoinAnswer(buffer, room, result))
        {
            Ws.TrySend(WsMessageType.Text, buffer.Written.Span);
        }

        buffer.Return();
    }

    private static WsJoinResult Refused(WsJoinStatus status, string reason) => new(status, "", 0, null, reason);
}
