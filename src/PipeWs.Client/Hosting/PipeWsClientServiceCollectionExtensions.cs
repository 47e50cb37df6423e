using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Client;
using PipeWs.Client.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds clients to an application's services.</summary>
public static class PipeWsClientServiceCollectionExtensions
{
    /// <summary>
    /// Adds a client, a singleton that <c>[FromKeyedServices(name)]</c> finds by its name; the first one added is also found without. Adding it again adds to its options.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The client's name, also that of its options.</param>
    /// <param name="configure">Sets options. More can be done with what is returned, such as binding a configuration section.</param>
    /// <param name="startWithHost">
    /// Whether the host starts it, without waiting for the connection, and stops it. Otherwise the application calls <see cref="WsClient.StartAsync"/>, and the container disposes it.
    /// </param>
    /// <returns>The options, which are validated when the client is made, or when the host starts.</returns>
    public static OptionsBuilder<WsClientOptions> AddPipeWsClient(this IServiceCollection services, string name, Action<WsClientOptions>? configure = null, bool startWithHost = false)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<WsClientOptions>, WsClientOptionsValidator>());
        OptionsBuilder<WsClientOptions> options = services.AddOptions<WsClientOptions>(name).Configure(o => o.Name = name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        if (!services.Any(service => service.IsKeyedService && service.ServiceType == typeof(WsClient) && name.Equals(service.ServiceKey)))
        {
            services.AddKeyedSingleton(name, static (provider, key) => new WsClient(
                provider.GetRequiredService<IOptionsMonitor<WsClientOptions>>().Get((string)key!), provider.GetService<ILoggerFactory>()));
            services.TryAddSingleton(provider => provider.GetRequiredKeyedService<WsClient>(name));
        }

        if (startWithHost && !services.Any(service => service.ImplementationInstance is HostedClientName hosted && hosted.Name == name))
        {
            services.AddSingleton(new HostedClientName(name));
            services.AddSingleton<IHostedService>(provider => new HostedClient(provider.GetRequiredKeyedService<WsClient>(name)));
        }

        return options;
    }
}
