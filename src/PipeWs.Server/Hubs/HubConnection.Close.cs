using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// How it is asked to end: after all that was published to its rooms before, whether or not a shard's walk has come by yet.
internal sealed partial class HubConnection
{
    /// <summary>The membership in the room that all are in, the hub's own; null before the connection has said who it is.</summary>
    internal Membership? Everyone { get; set; }

    public ValueTask<WsCloseInfo> CloseAsync(ushort code = 1000, string reason = "", CancellationToken cancellationToken = default)
    {
        SignalRooms();
        return Ws.CloseAsync(code, reason, cancellationToken);
    }

    public void BeginClose(ushort code = 1000, string reason = "")
    {
        SignalRooms();
        Ws.BeginClose(code, reason);
    }

    /// <summary>Closes a peer that may take its time over what is pending for it, as long as it takes something; at most <paramref name="limit"/>.</summary>
    internal void BeginClose(ushort code, string reason, TimeSpan limit)
    {
        SignalRooms();
        Ws.BeginClose(code, reason, limit);
    }

    private void SignalRooms()
    {
        Membership[] members;
        lock (Gate)
        {
            members = _memberships is null ? [] : [.. _memberships.Values];
        }

        foreach (Membership member in members)
        {
            SignalIfBehind(member);
        }

        if (Everyone is { } everyone)
        {
            SignalIfBehind(everyone);
        }
    }

    private void SignalIfBehind(Membership member)
    {
        if (member.IsServed && member.Room.Log.Head >= member.Cursor)
        {
            Ws.Signal(member);
        }
    }
}
