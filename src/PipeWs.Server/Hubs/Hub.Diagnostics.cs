using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// What the hub says about itself.
internal sealed partial class Hub
{
    private HubRates? _rates;
    private HubMetrics? _metrics;
    private long _startedAt;

    /// <summary>What happened since the hub started.</summary>
    internal HubCounters Counters { get; } = new(Environment.ProcessorCount);

    /// <summary>What goes through the hub at present.</summary>
    internal HubRates Rates => _rates!;

    /// <summary>How long the hub has been there.</summary>
    internal TimeSpan Uptime => TimeSpan.FromMilliseconds(Heartbeat.Now - _startedAt);

    internal IReadOnlyList<Shard> Shards => _shards;

    public WsHubStatistics GetStatistics(int maxRooms = 100, string? room = null) => HubStatistics.Take(this, maxRooms, room);

    /// <summary>Tells of an answered ping.</summary>
    internal void PingAnswered(TimeSpan roundTrip) => _metrics?.PingAnswered(Name, roundTrip);

    private void BeginDiagnostics()
    {
        _startedAt = Heartbeat.Now;
        _rates = new HubRates(_startedAt);
        _metrics = _services.GetService<HubMetrics>();
        _metrics?.Add(this);
    }

    private void EndDiagnostics() => _metrics?.Remove(this);

    private void BeginTelemetry(HubConnection connection, AcceptedConnection accepted)
    {
        connection.StartedAt = Time.GetTimestamp();
        Counters.Opened(connection);
        connection.BeginActivity(HubActivities.StartConnection(Name, connection.Id, accepted), Options.TraceMessages);
    }

    private void EndTelemetry(HubConnection connection)
    {
        // Not completed only where the hub itself failed.
        WsCloseInfo info = connection.Closed is { IsCompletedSuccessfully: true } closed
            ? closed.Result
            : new WsCloseInfo(CloseCode.AbnormalClosure, "", WsCloseInitiator.Local, WasClean: false);
        if (connection.Ws.ReceiverException is not null)
        {
            Counters.HandlerFailed();
        }

        Counters.Closed(connection, info.Code);
        _metrics?.ConnectionEnded(Name, Time.GetElapsedTime(connection.StartedAt), info.Code);
        connection.EndActivity(info);
    }
}
