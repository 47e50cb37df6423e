using System.Diagnostics.Metrics;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Diagnostics;

/// <summary>
/// The instruments of the meter <see cref="WsDiagnostics.MeterName"/>, for all hubs of the application; a tag says which. All that is frequent is observed, not recorded: an instrument
/// reads <see cref="HubCounters"/> when somebody collects, and costs nothing before.
/// </summary>
internal sealed partial class HubMetrics
{
    internal const string HubTag = "pipews.hub";
    internal const string DirectionTag = "network.io.direction";
    internal const string CloseCodeTag = "pipews.close.code";
    internal const string PolicyTag = "pipews.slow_consumer.policy";
    internal const string LimitTag = "pipews.limit";
    internal const string StatusTag = "http.response.status_code";

    private static readonly string[] s_policies = Enum.GetNames<WsSlowConsumerPolicy>();

    private readonly Lock _lock = new();
    private readonly Histogram<double> _connectionDuration;
    private readonly Histogram<double> _roundTrip;
    private readonly Counter<long> _handshakeRefusals;
    private volatile Hub[] _hubs = [];

    public HubMetrics(IMeterFactory factory)
    {
        Meter meter = factory.Create(WsDiagnostics.MeterName);
        _connectionDuration = meter.CreateHistogram(
            "pipews.server.connection.duration",
            "s",
            "How long connections lasted, from the handshake's answer to their end.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400] });
        _roundTrip = meter.CreateHistogram(
            "pipews.server.ping.round_trip",
            "s",
            "The time from a ping to its pong.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] });
        _handshakeRefusals = meter.CreateCounter<long>("pipews.server.handshake.refusals", "{handshake}", "Handshakes that were refused, by the status of the answer.");
        Observe(meter);
    }

    /// <summary>Observes a hub from now on.</summary>
    public void Add(Hub hub)
    {
        lock (_lock)
        {
            _hubs = [.. _hubs, hub];
        }
    }

    /// <summary>No longer observes it.</summary>
    public void Remove(Hub hub)
    {
        lock (_lock)
        {
            _hubs = [.. _hubs.Where(other => other != hub)];
        }
    }

    /// <summary>A connection has ended.</summary>
    public void ConnectionEnded(string hub, TimeSpan duration, ushort code)
    {
        if (_connectionDuration.Enabled)
        {
            _connectionDuration.Record(duration.TotalSeconds, Tag(HubTag, hub), Tag(CloseCodeTag, HubCounters.CodeClass(code)));
        }
    }

    /// <summary>A ping was answered.</summary>
    public void PingAnswered(string hub, TimeSpan roundTrip) => _roundTrip.Record(roundTrip.TotalSeconds, Tag(HubTag, hub));

    /// <summary>A handshake was refused.</summary>
    public void HandshakeRefused(string hub, int statusCode)
    {
        if (_handshakeRefusals.Enabled)
        {
            _handshakeRefusals.Add(1, Tag(HubTag, hub), Tag(StatusTag, statusCode));
        }
    }

    private static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);
}
