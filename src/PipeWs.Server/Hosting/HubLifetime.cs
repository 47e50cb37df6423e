using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Server.Hubs;

namespace PipeWs.Server;

/// <summary>
/// Ends the hubs with the application, before anything else of it ends. The host says <see cref="StoppingAsync"/> to all before it stops its first service, and so
/// when Kestrel is stopped none of a hub's connections is left for it to wait for, and handlers find the application's services at work to their end.
/// </summary>
internal sealed class HubLifetime : IHostedLifecycleService, IDisposable
{
    /// <summary>How much of the host's own time the hubs may use.</summary>
    private const double ShareOfHost = 0.9;

    private readonly IServiceProvider _services;
    private readonly Lock _lock = new();
    private readonly List<Hub> _hubs = [];
    private readonly TimeSpan _hostTimeout;
    private readonly CancellationTokenRegistration _stopping;
    private bool _isStopping;

    public HubLifetime(IServiceProvider services)
    {
        _services = services;
        _hostTimeout = services.GetService<IOptions<HostOptions>>()?.Value.ShutdownTimeout ?? Timeout.InfiniteTimeSpan;

        // A signal is told here first, and the host is asked to stop afterwards.
        _stopping = services.GetService<IHostApplicationLifetime>()?.ApplicationStopping.UnsafeRegister(static state => _ = ((HubLifetime)state!).StopAll(), this) ?? default;
    }

    /// <summary>Said by every hub that comes into being.</summary>
    public void Add(Hub hub)
    {
        lock (_lock)
        {
            _hubs.Add(hub);
            if (!_isStopping)
            {
                return;
            }
        }

        _ = Stop(hub);
    }

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        if (_services.GetService<IConfiguration>() is { } configuration)
        {
            UnknownKeys.Warn(
                configuration, [.. _services.GetServices<HubName>().Select(static hub => hub.Name)], _services.GetRequiredService<ILoggerFactory>().CreateLogger("PipeWs.Server.Hosting"));
        }

        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        Task stopped = StopAll();
        try
        {
            await stopped.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The host's own time is over, or its caller's.
            foreach (Hub hub in Snapshot())
            {
                hub.GiveUp();
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _stopping.Dispose();

    private Task StopAll()
    {
        lock (_lock)
        {
            _isStopping = true;
        }

        return Task.WhenAll(Snapshot().Select(Stop));
    }

    private Task Stop(Hub hub)
    {
        TimeSpan limit = hub.Options.ShutdownTimeout;
        return hub.StopAsync(_hostTimeout == Timeout.InfiniteTimeSpan || limit < _hostTimeout * ShareOfHost ? limit : _hostTimeout * ShareOfHost);
    }

    private Hub[] Snapshot()
    {
        lock (_lock)
        {
            return [.. _hubs];
        }
    }
}
