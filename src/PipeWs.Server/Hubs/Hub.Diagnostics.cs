using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Hubs;

// What the hub says about itself.
internal sealed partial class Hub
{
    /// <summary>What happened since the hub started.</summary>
    internal HubCounters Counters { get; } = new(Environment.ProcessorCount);

    private void BeginTelemetry(HubConnection connection, AcceptedConnection accepted)
    {
        Counters.Opened(connection);
    }

    private void EndTelemetry(HubConnection connection)
    {
        // Not completed only where the hub itself failed.
        WsCloseInfo info = connection.Closed is { IsCompletedSuccessfully: true } closed
            ? closed.Result
            : new WsCloseInfo(CloseCode.AbnormalClosure, "", WsCloseInitiator.Local, WasClean: false, null);
        if (connection.Ws.ReceiverException is not null)
        {
            Counters.HandlerFailed();
        }

        Counters.Closed(connection, info.Code);
    }
}
