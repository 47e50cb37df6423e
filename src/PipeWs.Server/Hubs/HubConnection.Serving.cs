using PipeWs.Protocol.Framing;

namespace PipeWs.Server.Hubs;

// Its life as the hub's doors wait for it.
internal sealed partial class HubConnection
{
    private ExecutionContext? _flow;

    /// <summary>What it keeps of its door.</summary>
    internal AcceptedTransport Control { get; }

    /// <summary>Who waits for its end inside its filters; null where there are none.</summary>
    internal FilteredService? Service { get; set; }

    /// <summary>Keeps what flows here, for the end.</summary>
    internal void KeepFlow() => _flow = ExecutionContext.Capture();

    /// <summary>Begins to receive.</summary>
    internal void Start()
    {
        StartGuard();
        Ws.Start(this);
    }

    /// <summary>The server closes the endpoint, or all of them.</summary>
    internal override void OnCloseRequested() => BeginClose(CloseCode.GoingAway, Hub.ShuttingDown);

    /// <summary>Not by this thread, which may be a loop's or the heartbeat's, but with what flows from where its service began.</summary>
    internal override void OnClosed(WsCloseInfo info) => ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.FlowToEnd(), this, preferLocal: false);

    private void FlowToEnd()
    {
        if (_flow is null)
        {
            _ = EndAsync();
        }
        else
        {
            ExecutionContext.Run(_flow, static connection => _ = ((HubConnection)connection!).EndAsync(), this);
        }
    }

    private async Task EndAsync() => await _hub.EndServingAsync(this, await Closed, null);
}
