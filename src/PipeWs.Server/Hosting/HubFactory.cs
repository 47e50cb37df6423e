using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>
/// Makes and starts a hub. Its filters are made when it starts, from services that may ask for the hub in turn: they are given the one that is starting, where the container alone
/// would make another, without end.
/// </summary>
#pragma warning disable CA1001 // The container, which was given the hub, disposes of it.
internal sealed class HubFactory(IServiceProvider provider, string name)
#pragma warning restore CA1001
{
    private Hub? _hub;

    /// <summary>The hub. The container calls it under its own lock for the hub's registration, once and from within that call.</summary>
    public Hub Get()
    {
        if (_hub is not null)
        {
            return _hub;
        }

        LiveOptions options = provider.GetRequiredKeyedService<LiveOptions>(name);
        _hub = new Hub(
            name,
            options.Current,
            provider.GetRequiredService<IOptionsMonitor<HubRegistration>>().Get(name),
            provider.GetRequiredService<WsHeartbeat>(),
            provider,
            provider.GetRequiredService<ILoggerFactory>());
        try
        {
            _hub.Start();
            options.Apply = _hub.Apply;
            provider.GetRequiredService<HubLifetime>().Add(_hub);
            return _hub;
        }
        catch
        {
            _hub.Dispose();
            _hub = null;
            throw;
        }
    }
}
