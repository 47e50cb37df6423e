using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace PipeWs.Client.Diagnostics;

/// <summary>The meter and activity source <c>PipeWs.Client</c>. A message costs a look whether anybody listens.</summary>
internal sealed class ClientMetrics(string name)
{
    internal static readonly ActivitySource ActivitySource = new("PipeWs.Client");

    private static readonly Meter s_meter = new("PipeWs.Client");
    private static readonly UpDownCounter<long> s_connections = s_meter.CreateUpDownCounter<long>("pipews.client.connections", "{connection}", "Connections that are ready.");
    private static readonly Counter<long> s_disconnects = s_meter.CreateCounter<long>("pipews.client.disconnects", "{connection}", "Connections that ended, by close code.");
    private static readonly Counter<long> s_dialFailures = s_meter.CreateCounter<long>("pipews.client.dial_failures", "{attempt}", "Attempts to connect that failed.");
    private static readonly Histogram<double> s_dialDuration = s_meter.CreateHistogram<double>("pipews.client.dial.duration", "s", "The time a dial took, handshake included.");
    private static readonly Counter<long> s_messages = s_meter.CreateCounter<long>("pipews.client.messages.received", "{message}", "Messages received.");
    private static readonly Counter<long> s_bytes = s_meter.CreateCounter<long>("pipews.client.bytes.received", "By", "Payload bytes received.");
    private static readonly Counter<long> s_dropped = s_meter.CreateCounter<long>("pipews.client.messages.dropped", "{message}", "Received messages dropped because the read buffer was full.");

    private readonly KeyValuePair<string, object?> _tag = new("pipews.client.name", name);

    public void Connected() => s_connections.Add(1, _tag);

    public void Disconnected(int code)
    {
        s_connections.Add(-1, _tag);
        s_disconnects.Add(1, _tag, new("pipews.close.code", code));
    }

    public void DialFailed() => s_dialFailures.Add(1, _tag);

    public void Dialed(TimeSpan duration) => s_dialDuration.Record(duration.TotalSeconds, _tag);

    public void MessageReceived(long bytes)
    {
        if (s_messages.Enabled)
        {
            s_messages.Add(1, _tag);
        }

        if (s_bytes.Enabled)
        {
            s_bytes.Add(bytes, _tag);
        }
    }

    public void MessageDropped() => s_dropped.Add(1, _tag);
}
