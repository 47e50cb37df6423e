using System.Buffers;
using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;

namespace PipeWs.Benchmarks.Filters;

/// <summary>From a message's bytes to its handler, without filters, with each and with all; metrics are listened to. One connection, which answers nothing.</summary>
[MemoryDiagnoser]
[MinColumn]
public class FilterBenchmarks
{
    private readonly byte[] _message = """{"id":"7","action":"update_position","data":{"symbol":"BTCUSDT","qty":1.5}}"""u8.ToArray();
    private ReadOnlySequence<byte> _payload;
    private ServiceProvider _services = null!;
    private MeterListener _listener = null!;
    private Hub _hub = null!;
    private RequestContext _context = null!;

    [Params("none", "lambda", "logging", "recovery", "rate limit", "authorize once", "authorize each", "metrics", "hooks", "all")]
    public string Filter { get; set; } = "";

    [GlobalSetup]
    public void SetUp()
    {
        _payload = new ReadOnlySequence<byte>(_message);
        var services = new ServiceCollection();
        IPipeWsBuilder builder = services.AddPipeWs().MapAction("update_position", static context => ((RequestContext)context).MarkReplied());
        AuthorizationPolicyBuilder policy = new AuthorizationPolicyBuilder().RequireAssertion(static _ => true);
        bool all = Filter == "all";
        if (all || Filter == "recovery")
        {
            builder.UseRecovery();
        }

        if (all || Filter == "metrics")
        {
            builder.UseMetrics();
        }

        if (all || Filter == "logging")
        {
            builder.UseLogging();
        }

        if (all || Filter == "rate limit")
        {
            builder.UseRateLimit(static limit => (limit.TokenLimit, limit.TokensPerPeriod) = (int.MaxValue, int.MaxValue));
        }

        if (all || Filter == "authorize once")
        {
            builder.UseAuthorization(policy.CachePerConnection().Build());
        }

        if (Filter == "authorize each")
        {
            builder.UseAuthorization(policy.Build());
        }

        if (all || Filter == "lambda")
        {
            builder.UseFilter(static (context, next) => next(context));
        }

        if (all || Filter == "hooks")
        {
            builder.OnMessage(static _ => WsDecision.Allow).OnError(static _ => default);
        }

        _services = services.BuildServiceProvider();
        _hub = _services.GetRequiredKeyedService<Hub>("");
        _listener = Listen(_services.GetService<IMeterFactory>());
        _context = new RequestContext(_hub, new HubConnection(_hub, "0123456789abcdef01234567", Hubs.BenchmarkHub.Nowhere(), 0), _services);
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _listener.Dispose();
        _services.Dispose();
    }

    [Benchmark]
    public ValueTask Message() => _hub.Router.DispatchAsync(_context, _payload, WsMessageType.Text);

    private static MeterListener Listen(IMeterFactory? factory)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (factory is not null && ReferenceEquals(instrument.Meter.Scope, factory))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }
}
