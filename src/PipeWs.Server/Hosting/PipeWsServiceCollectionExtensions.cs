using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs;
using PipeWs.Server;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hubs;
using PipeWs.Server.Identity;
using PipeWs.Server.Routing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds hubs to an application's services.</summary>
public static class PipeWsServiceCollectionExtensions
{
    /// <summary>Adds the default hub. Adding it again adds to its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options, after the configuration section <c>PipeWs</c>.</param>
    public static IPipeWsBuilder AddPipeWs(this IServiceCollection services, Action<PipeWsOptions>? configure = null) =>
        services.AddPipeWs(Options.Options.DefaultName, configure);

    /// <summary>Adds a further hub, which its doors and <c>[FromKeyedServices(name)]</c> find by its name.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The hub's name.</param>
    /// <param name="configure">Sets options, after the configuration section <c>PipeWs:Hubs:name</c>.</param>
    public static IPipeWsBuilder AddPipeWs(this IServiceCollection services, string name, Action<PipeWsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);

        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<WsHeartbeat>();
        services.AddMetrics();
        services.TryAddSingleton<HubMetrics>();
        services.TryAddSingleton<HandlerDoorCheck>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, HandlerDoorCheck>(static provider => provider.GetRequiredService<HandlerDoorCheck>()));
        services.TryAddSingleton<UpgradedConnections>();
        services.AddTokenRedaction();
        services.TryAddSingleton<HubLifetime>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, HubLifetime>(static provider => provider.GetRequiredService<HubLifetime>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<PipeWsOptions>, PipeWsConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<PipeWsOptions>, PipeWsConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PipeWsOptions>, PipeWsOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<SocketTransportOptions>, LatencyModeSockets>());
        OptionsBuilder<PipeWsOptions> options = services.AddOptionsWithValidateOnStart<PipeWsOptions>(name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        if (!services.Any(service => service.ServiceType == typeof(HubName) && service.ImplementationInstance is HubName hub && hub.Name == name))
        {
            services.AddSingleton(new HubName(name));
            services.AddKeyedSingleton(name, static (provider, key) => new LiveOptions(provider, (string)key!));
            services.AddKeyedSingleton(name, static (provider, key) => new HubIdentity(provider, (string)key!));
            services.AddKeyedSingleton(name, static (provider, key) => new HubDoor(provider, (string)key!));
            services.AddKeyedSingleton(name, static (provider, key) => new HubFactory(provider, (string)key!));
            services.AddKeyedSingleton(name, static (provider, key) => provider.GetRequiredKeyedService<HubFactory>(key).Get());
            services.AddKeyedSingleton<IHubEntrance>(name, static (provider, key) => provider.GetRequiredKeyedService<Hub>(key));
            services.AddKeyedSingleton<IWsHub>(name, static (provider, key) => provider.GetRequiredKeyedService<Hub>(key));
            if (name.Length == 0)
            {
                services.TryAddSingleton<IWsHub>(static provider => provider.GetRequiredKeyedService<Hub>(Options.Options.DefaultName));
            }
        }

        return new PipeWsBuilder(name, services);
    }
}
