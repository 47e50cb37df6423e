using PipeWs.Server.Rooms;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

// The built-in messages about rooms.
internal sealed partial class Hub
{
    async ValueTask IBuiltInMessages.OnSubscribeAsync(RequestContext context, IReadOnlyList<string> topics, WsSince since)
    {
        var connection = (HubConnection)context.Connection;
        foreach (string topic in topics)
        {
            WsRoomOptions options = _rooms.OptionsFor(topic);
            if (!options.Subscribable)
            {
                await context.ReplyJoinAsync(topic, new WsJoinResult(WsJoinStatus.InvalidName, "", 0, null, "there is no such topic to subscribe to"));
                continue;
            }

            if (options.ResolvedPolicy is { } policy && !await IsAllowedAsync(connection, topic, policy))
            {
                await context.ReplyJoinAsync(topic, new WsJoinResult(WsJoinStatus.Forbidden, "", 0, null, "this user may not join the room"));
                continue;
            }

            // The answer has its place before the first of the room's messages.
            Membership? member = connection.BeginJoin(topic, since, out WsJoinResult result, context);
            if (result.Status == HubConnection.Unasked)
            {
                WsDecision decision = await connection.AskToJoinAsync(topic);
                if (decision.IsRefused)
                {
                    result = HubConnection.Refused(decision);
                }
                else
                {
                    member = connection.BeginJoin(topic, since, out result, context, isAdmitted: true);
                }
            }

            if (result.Status == WsJoinStatus.AlreadyMember)
            {
                continue;
            }

            try
            {
                await context.ReplyJoinAsync(topic, result);
            }
            finally
            {
                if (member is not null)
                {
                    connection.EndJoin(member);
                }
            }
        }
    }

    async ValueTask IBuiltInMessages.OnUnsubscribeAsync(RequestContext context, IReadOnlyList<string> topics)
    {
        foreach (string topic in topics)
        {
            await context.Connection.LeaveAsync(topic);
            await context.ReplyLeaveAsync(topic);
        }
    }

    ValueTask IBuiltInMessages.OnAckAsync(RequestContext context, string topic, long sequenceNumber)
    {
        if (context.Connection.UserId is not { } user)
        {
            return context.ReplyErrorAsync(401, "acknowledgements are kept by user, and this connection has none");
        }

        return _rooms.Find(topic)?.Acknowledge(user, sequenceNumber) == true
            ? default
            : context.ReplyErrorAsync(400, "the topic does not ask for acknowledgements, or has no message of this number");
    }
}
