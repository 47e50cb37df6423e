using System.Diagnostics.Metrics;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Diagnostics;

// What is read of compression when somebody collects. The two sizes together tell what it saves.
internal sealed partial class HubMetrics
{
    private void ObserveCompression(Meter meter)
    {
        meter.CreateObservableUpDownCounter("pipews.server.compression.connections", () => Each(static hub => CompressionOf(hub).Open), "{connection}", "Open connections that agreed on compression.");
        meter.CreateObservableCounter(
            "pipews.server.compression.connection.opened", () => Each(static hub => CompressionOf(hub).Opened), "{connection}", "Connections that were opened and agreed on compression.");
        meter.CreateObservableCounter(
            "pipews.server.compression.messages",
            () => BothWays(CompressionOf, static sum => sum.Traffic.MessagesInflated, static sum => sum.Traffic.MessagesDeflated),
            "{message}",
            "Messages received and sent that were compressed.");
        meter.CreateObservableCounter(
            "pipews.server.compression.size.compressed",
            () => BothWays(CompressionOf, static sum => sum.Traffic.InflatedFrom, static sum => sum.Traffic.DeflatedTo),
            "By",
            "Payload bytes of compressed messages as they were received and sent.");
        meter.CreateObservableCounter(
            "pipews.server.compression.size.plain",
            () => BothWays(CompressionOf, static sum => sum.Traffic.InflatedTo, static sum => sum.Traffic.DeflatedFrom),
            "By",
            "Payload bytes of the same messages without compression.");
        meter.CreateObservableCounter(
            "pipews.server.compression.not_shorter",
            () => Each(static hub => CompressionOf(hub).Traffic.MessagesNotShorter),
            "{message}",
            "Messages that compressing did not make shorter, and that were sent as they are.");
        meter.CreateObservableCounter(
            "pipews.server.compression.shared_deflates",
            () => Each(static hub => hub.CompressionCounters.SharedDeflates),
            "{deflate}",
            "How often a message for many, such as a room's, was compressed: once for all who share a window.");
    }

    private static HubCompression CompressionOf(Hub hub) => hub.Counters.Compression();
}
