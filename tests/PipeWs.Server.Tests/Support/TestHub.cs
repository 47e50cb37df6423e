using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Support;

/// <summary>A hub without a host.</summary>
internal sealed class TestHub : IDisposable
{
    internal TestHub(Action<PipeWsOptions>? configure = null, Action<HubRegistration>? register = null, TimeProvider? time = null, Action<IServiceCollection>? services = null)
    {
        var options = new PipeWsOptions();
        configure?.Invoke(options);
        var registration = new HubRegistration();
        register?.Invoke(registration);
        Heartbeat = new WsHeartbeat(time ?? TimeProvider.System);
        var all = new ServiceCollection();
        services?.Invoke(all);
        Services = all.BuildServiceProvider();
        Hub = new Hub("", options, registration, Heartbeat, Services, NullLoggerFactory.Instance);
        Hub.Start();
    }

    internal Hub Hub { get; }

    internal WsHeartbeat Heartbeat { get; }

    internal ServiceProvider Services { get; }

    public void Dispose()
    {
        Hub.Dispose();
        Heartbeat.Dispose();
        Services.Dispose();
    }
}
