using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Messages;
using PipeWs.Server;
using PipeWs.Server.Routing;

namespace PipeWs.Benchmarks.Routing;

/// <summary>From a message's bytes to its handler, and the envelope alone, beside an envelope that a serializer reads.</summary>
[MemoryDiagnoser]
public class RouterBenchmarks
{
    private readonly byte[] _message = """{"id":"7","action":"update_position","data":{"symbol":"BTCUSDT","qty":1.5}}"""u8.ToArray();
    private ReadOnlySequence<byte> _payload;
    private Router _router = null!;
    private RequestContext _context = null!;
    private Dictionary<string, Func<WsMessageContext, ValueTask>> _handlers = null!;

    [Params(5, 50)]
    public int Routes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _payload = new ReadOnlySequence<byte>(_message);
        Func<WsMessageContext, ValueTask> handler = static context => ((RequestContext)context).MarkReplied();
        var registration = new HubRegistration();
        string[] names = ["update_position", "subscribe_ticker", "manual_trade", "alert", "portfolio_update", .. Enumerable.Range(0, Routes - 5).Select(static i => $"action_{i}")];
        registration.Actions.AddRange(names.Select(name => new RawRoute(name, handler)));
        _router = new Router(registration, null!, NullLogger.Instance);
        _context = new RequestContext(null!, null!, null!);
        _handlers = names.ToDictionary(static name => name, _ => handler);
    }

    [Benchmark(Baseline = true)]
    public ValueTask Route() => _router.DispatchAsync(_context, _payload, WsMessageType.Text);

    [Benchmark]
    public int EnvelopeOnly()
    {
        EnvelopeReader.Read(_message, EnvelopeNames.Default, out Envelope envelope);
        return envelope.Body.Start;
    }

    [Benchmark]
    public ValueTask SerializerEnvelope()
    {
        SerializedEnvelope envelope = JsonSerializer.Deserialize(_message, BenchmarkJson.Default.SerializedEnvelope)!;
        return _handlers.TryGetValue(envelope.Action, out var handler) && envelope.Data.ValueKind == JsonValueKind.Object ? handler(_context) : default;
    }
}

public sealed class SerializedEnvelope
{
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    [JsonPropertyName("action")]
    public string Action { get; set; } = "";

    [JsonPropertyName("data")]
    public JsonElement Data { get; set; }
}

[JsonSerializable(typeof(SerializedEnvelope))]
internal sealed partial class BenchmarkJson : JsonSerializerContext;
