using System.Runtime.CompilerServices;

namespace PipeWs.Server.Hubs;

// Its life as the hub's doors wait for it.
internal sealed partial class HubConnection
{
    // A task to be completed, without the object that usually does it.
    private AsyncTaskMethodBuilder _served;
    private ExecutionContext? _flow;

    /// <summary>What it keeps of its door.</summary>
    internal AcceptedTransport Control { get; }

    /// <summary>Its being asked by the server to end.</summary>
    internal CancellationTokenRegistration CloseRequests { get; set; }

    /// <summary>Whether there are no filters around its service, so that nobody else lets go of what its door gave.</summary>
    internal bool IsServedWhole { get; private set; }

    /// <summary>Gives what completes at the end of its service. Once.</summary>
    internal Task BeginServing(bool isWhole)
    {
        IsServedWhole = isWhole;
        _flow = ExecutionContext.Capture();
        return _served.Task;
    }

    /// <summary>Begins to receive.</summary>
    internal void Start()
    {
        StartGuard();
        Ws.Start(this);
    }

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

    /// <summary>Its service is over.</summary>
    internal void EndServing(Exception? failure)
    {
        if (failure is null)
        {
            _served.SetResult();
        }
        else
        {
            _served.SetException(failure);
        }
    }
}
