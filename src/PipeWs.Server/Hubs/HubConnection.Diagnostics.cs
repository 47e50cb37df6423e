using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Hubs;

internal sealed partial class HubConnection
{
    /// <summary>Its place among the open connections of <see cref="HubCounters"/>, whose own it is.</summary>
    internal int CounterIndex { get; set; } = -1;

    /// <summary>A room's policy acts on this connection's membership.</summary>
    internal void CountSlow(WsSlowConsumerPolicy policy) => _hub.Counters.SlowConsumer(policy);

    /// <summary>The peer is told that it was not sent some messages.</summary>
    internal void CountGap(long messages) => _hub.Counters.Gap(messages);
}
