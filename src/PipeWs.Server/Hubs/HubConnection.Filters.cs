using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// What filters and hooks need to know about it.
internal sealed partial class HubConnection
{
    /// <summary>What <see cref="BeginJoin"/> says, and nobody else ever hears: the hooks are to be asked first.</summary>
    internal const WsJoinStatus Unasked = (WsJoinStatus)byte.MaxValue;

    private int _serving;

    internal Hub Hub => _hub;

    /// <summary>Whether the application was asked about it, or would have been, and is to be told of its end.</summary>
    internal bool IsAnnounced { get; set; }

    /// <summary>Whether somebody has begun to serve it.</summary>
    internal bool IsServing => Volatile.Read(ref _serving) != 0;

    internal bool TryBeginServing() => Interlocked.Exchange(ref _serving, 1) == 0;

    /// <summary>Asks the hooks about a join of a room that it is no member of. Never throws.</summary>
    internal ValueTask<WsDecision> AskToJoinAsync(string room) => _hub.Hooks.JoinRoom is { } hooks ? hooks.AskAsync((this, room)) : default;

    /// <summary>The answer to a join that a hook refused.</summary>
    internal static WsJoinResult Refused(in WsDecision decision) => Refused(WsJoinStatus.Refused, decision.Reason!) with { Code = decision.Code };

    private ValueTask<WsJoinResult> JoinAskedAsync(string room, WsSince since, CancellationToken cancellationToken)
    {
        ValueTask<WsDecision> asked = AskToJoinAsync(room);
        return asked.IsCompletedSuccessfully
            ? new ValueTask<WsJoinResult>(Join(asked.Result, room, since))
            : JoinAwaited(asked, room, since, cancellationToken);
    }

    private async ValueTask<WsJoinResult> JoinAwaited(ValueTask<WsDecision> asked, string room, WsSince since, CancellationToken cancellationToken)
    {
        WsDecision decision = await asked;
        cancellationToken.ThrowIfCancellationRequested();
        return Join(decision, room, since);
    }

    private WsJoinResult Join(in WsDecision decision, string room, WsSince since)
    {
        if (decision.IsRefused)
        {
            return Refused(decision);
        }

        Membership? member = BeginJoin(room, since, out WsJoinResult result, isAdmitted: true);
        if (member is not null)
        {
            EndJoin(member);
        }

        return result;
    }
}
