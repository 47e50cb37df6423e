using System.Buffers;
using System.Diagnostics;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Hubs;

// What is counted and traced of a connection.
internal sealed partial class HubConnection
{
    private Activity? _activity;

    /// <summary>Whether its messages have an activity too; otherwise a message costs a look at this.</summary>
    private bool _tracesMessages;

    /// <summary>When it began, as the clock counts.</summary>
    internal long StartedAt { get; set; }

    /// <summary>Its place among the open connections of <see cref="HubCounters"/>, whose own it is.</summary>
    internal int CounterIndex { get; set; } = -1;

    public override void OnRoundTrip(TimeSpan roundTrip) => _hub.PingAnswered(roundTrip);

    /// <summary>A room's policy acts on this connection's membership.</summary>
    internal void CountSlow(WsSlowConsumerPolicy policy) => _hub.Counters.SlowConsumer(policy);

    /// <summary>What the connection asked for is over a limit.</summary>
    internal void CountRefusal(string limit) => _hub.Counters.Refused(limit);

    /// <summary>The peer is told that it was not sent some messages.</summary>
    internal void CountGap(long messages) => _hub.Counters.Gap(messages);

    internal void BeginActivity(Activity? activity, bool tracesMessages)
    {
        _activity = activity;
        _tracesMessages = tracesMessages && activity is { IsAllDataRequested: true, Recorded: true };
    }

    internal void EndActivity(WsCloseInfo info)
    {
        // Of a message in parts that was never whole.
        _context?.Activity?.Dispose();
        if (_activity is not null)
        {
            HubActivities.StopConnection(_activity, info, Ws.ReceiverException);
        }
    }

    private async ValueTask DispatchTracedAsync(Activity connection, ReadOnlySequence<byte> payload, WsMessageType type)
    {
        using Activity? activity = Context.Activity = HubActivities.StartMessage(connection, type);
        try
        {
            activity?.SetTag(HubActivities.MessageSizeTag, payload.Length);
            await _hub.Router.DispatchAsync(Context, payload, type);
        }
        catch (Exception e)
        {
            Context.SetFailed(e);
            throw;
        }
        finally
        {
            Context.Activity = null;
        }
    }

    private async ValueTask DispatchPartTracedAsync(Activity connection, WsMessagePart part)
    {
        if (part.IsFirst)
        {
            Context.Activity = HubActivities.StartMessage(connection, part.Type);
        }

        Activity? activity = Activity.Current = Context.Activity;
        try
        {
            await _hub.Router.DispatchPartAsync(Context, part);
        }
        catch (Exception e)
        {
            Context.SetFailed(e);
            throw;
        }

        if (part.IsLast)
        {
            Context.Activity = null;
            activity?.Dispose();
        }
    }
}
