using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PipeWs.Server;

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
        services.TryAddSingleton<UpgradedConnections>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<PipeWsOptions>, PipeWsConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<PipeWsOptions>, PipeWsConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PipeWsOptions>, PipeWsOptionsValidator>());
        OptionsBuilder<PipeWsOptions> options = services.AddOptionsWithValidateOnStart<PipeWsOptions>(name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        if (!services.Any(service => service.ServiceType == typeof(HubRegistration) && service.ImplementationInstance is HubRegistration hub && hub.Name == name))
        {
            services.AddSingleton(new HubRegistration(name));
            services.AddKeyedSingleton(name, static (provider, key) => new HubDoor(provider, (string)key!));
        }

        return new PipeWsBuilder(name, services);
    }
}
