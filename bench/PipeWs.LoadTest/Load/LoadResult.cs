using System.Text.Json;
using System.Text.Json.Serialization;

namespace PipeWs.LoadTest.Load;

/// <summary>What a load measured. Members that the load did not measure are null and left out of the JSON.</summary>
internal sealed record LoadResult
{
    public required string Url { get; init; }

    public required LoadMode Mode { get; init; }

    public required LoadProtocol Protocol { get; init; }

    public required int Connections { get; init; }

    public int? InFlight { get; init; }

    public int? Window { get; init; }

    public double? Rate { get; init; }

    public int? Publishers { get; init; }

    public int? PayloadBytes { get; init; }

    /// <summary>The measured time in seconds.</summary>
    public double Seconds { get; init; }

    /// <summary>Echoes or deliveries within the measured time.</summary>
    public long Messages { get; init; }

    public double MessagesPerSecond { get; init; }

    public LatencySummary? LatencyMicroseconds { get; init; }

    /// <summary>Messages the clients sent, from the first to the last of the run, warm-up included; where it is measured several times, since the last time.</summary>
    public long Sent { get; init; }

    /// <summary>How many messages had to arrive for those sent: as many for an echo, times the subscribers for a fan-out.</summary>
    public long Expected { get; init; }

    /// <summary>How many arrived.</summary>
    public long Got { get; init; }

    /// <summary>How many did not, after the drain's time.</summary>
    public long Lost => Math.Max(0, Expected - Got);

    /// <summary>Messages that were wrong, out of turn or came twice.</summary>
    public long Errors { get; init; }

    /// <summary>Connections the server ended.</summary>
    public long ClosedByServer { get; init; }

    public string? FirstError { get; init; }

    /// <summary>CPU time of the server's process in the measured time.</summary>
    public double? ServerCpuSeconds { get; init; }

    public double? CpuMicrosecondsPerMessage => ServerCpuSeconds is { } cpu && Messages > 0 ? cpu * 1e6 / Messages : null;

    public double? MessagesPerCpuSecond => ServerCpuSeconds is { } cpu and > 0 && Messages > 0 ? Messages / cpu : null;

    /// <summary>Resident memory of the server's process: before the first connection; in idle after the warm-up's connections came and went.</summary>
    public long? BaselineBytes { get; init; }

    /// <summary>Resident memory at the end of the measured time.</summary>
    public long? ResidentBytes { get; init; }

    /// <summary>Idle: what each connection added to the server's memory.</summary>
    public double? BytesPerConnection => Mode == LoadMode.Idle && BaselineBytes is { } before && ResidentBytes is { } after ? (double)(after - before) / Connections : null;

    /// <summary>CPU time of the load generator in the measured time: near <see cref="Seconds"/> times its threads, the generator itself was the limit of the throughput.</summary>
    public double LoadCpuSeconds { get; init; }

    /// <summary>Whether all that was sent arrived, once and unchanged, and no connection broke.</summary>
    [JsonIgnore]
    public bool IsSound => Lost == 0 && Errors == 0 && ClosedByServer == 0;

    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.LoadResult);

    public static LoadResult FromJson(string json) => JsonSerializer.Deserialize(json, LoadJson.Default.LoadResult) ?? throw new JsonException("The result is null.");
}

/// <summary>Latencies in microseconds, from a message's creation to its arrival.</summary>
internal sealed record LatencySummary(double P50, double P99, double P999, double Max);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(LoadResult))]
internal sealed partial class LoadJson : JsonSerializerContext;
