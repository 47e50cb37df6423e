using System.Diagnostics;
using System.Net;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Diagnostics;

/// <summary>The activities of the source <see cref="WsDiagnostics.ActivitySourceName"/>: one for each connection and, where that is recorded, one for each of its messages.</summary>
internal static class HubActivities
{
    internal const string ConnectionName = "PipeWs.Server.Connection";
    internal const string MessageName = "PipeWs.Server.Message";
    internal const string MessageSizeTag = "pipews.message.size";

    /// <summary>As much as everybody must pass on (W3C Trace Context, section 3.3.1.5); a longer one is dropped, since it would go along with every request that a handler sends.</summary>
    private const int MaxTraceStateChars = 512;

    private static readonly ActivitySource s_source = new(WsDiagnostics.ActivitySourceName);

    /// <summary>Begins the activity of a connection, which is the current one from then on; null where nobody listens or it is not sampled.</summary>
    internal static Activity? StartConnection(string hub, string connectionId, AcceptedConnection accepted)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        string? traceState = accepted.TraceState is { Length: <= MaxTraceStateChars } state ? state : null;

        // What the peer's handshake says wins over what happens to be current, but for HTTP's own activity: its door then gives no traceparent.
        ActivityContext parent = accepted.TraceParent is { } traceParent && ActivityContext.TryParse(traceParent, traceState, isRemote: true, out ActivityContext remote)
            ? remote
            : Activity.Current?.Context ?? default;
        ActivityTagsCollection tags = new()
        {
            ["network.protocol.name"] = "websocket",
            ["url.scheme"] = accepted.IsSecure ? "wss" : "ws",
            ["url.path"] = accepted.Path,
            [HubMetrics.HubTag] = hub,
            ["pipews.connection.id"] = connectionId,
        };
        if (accepted.RemoteEndPoint is IPEndPoint remoteEndPoint)
        {
            tags["network.peer.address"] = remoteEndPoint.Address.ToString();
            tags["network.peer.port"] = remoteEndPoint.Port;
        }

        if (accepted.Subprotocol is { } subprotocol)
        {
            tags["pipews.subprotocol"] = subprotocol;
        }

        Activity? activity = s_source.StartActivity(ConnectionName, ActivityKind.Server, parent, tags);
        if (activity is not null)
        {
            activity.DisplayName = "WebSocket";
        }

        return activity;
    }

    /// <summary>Ends the activity of a connection.</summary>
    internal static void StopConnection(Activity activity, WsCloseInfo info, Exception? failure)
    {
        if (activity.IsAllDataRequested)
        {
            activity.SetTag(HubMetrics.CloseCodeTag, info.Code);
            activity.SetTag("pipews.close.initiator", info.Initiator switch
            {
                WsCloseInitiator.Local => "local",
                WsCloseInitiator.Remote => "remote",
                _ => "transport",
            });
            activity.SetTag("pipews.close.clean", info.WasClean);
            if (failure is not null)
            {
                SetFailed(activity, failure);
            }
        }

        activity.Stop();
    }

    /// <summary>Begins the activity of a message, a child of its connection's.</summary>
    internal static Activity? StartMessage(Activity connection, WsMessageType type)
    {
        Activity? activity = s_source.StartActivity(MessageName, ActivityKind.Server, connection.Context);
        activity?.SetTag("pipews.message.type", type == WsMessageType.Text ? "text" : "binary");
        return activity;
    }

    /// <summary>Names a message's activity once the action is known: only names that the application mapped.</summary>
    internal static void SetAction(Activity message, string action)
    {
        message.DisplayName = action;
        message.SetTag("pipews.action", action);
    }

    /// <summary>Marks an activity as failed. The exception's text stays in the log: an activity goes to other places.</summary>
    internal static void SetFailed(Activity activity, Exception failure)
    {
        activity.SetStatus(ActivityStatusCode.Error);
        activity.SetTag("error.type", failure.GetType().FullName);
    }
}
