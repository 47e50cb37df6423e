using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Client;
using PipeWs.Client.Topics;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds topic clients to an application's services.</summary>
public static class PipeWsTopicClientServiceCollectionExtensions
{
    /// <summary>
    /// Adds a topic client, a singleton that <c>[FromKeyedServices(name)]</c> finds by its name; the first one added is also found without. Adding it again adds to its options.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The client's name, also that of its options.</param>
    /// <param name="configure">Sets options. More can be done with what is returned, such as binding a configuration section.</param>
    /// <param name="startWithHost">
    /// Whether the host starts it, without waiting for the connection, and stops it. Otherwise the application calls <see cref="WsTopicClient.StartAsync"/>, and the container disposes it.
    /// </param>
    /// <returns>The options, which are validated when the client is made.</returns>
    public static OptionsBuilder<WsTopicClientOptions> AddPipeWsTopicClient(
        this IServiceCollection services, string name, Action<WsTopicClientOptions>? configure = null, bool startWithHost = false)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<WsTopicClientOptions>, WsTopicClientOptionsValidator>());
        OptionsBuilder<WsTopicClientOptions> options = services.AddOptions<WsTopicClientOptions>(name).Configure(o => o.Connection.Name = name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        if (!services.Any(service => service.IsKeyedService && service.ServiceType == typeof(WsTopicClient) && name.Equals(service.ServiceKey)))
        {
            services.AddKeyedSingleton(name, static (provider, key) => new WsTopicClient(
                provider.GetRequiredService<IOptionsMonitor<WsTopicClientOptions>>().Get((string)key!), provider.GetService<ILoggerFactory>()));
            services.TryAddSingleton(provider => provider.GetRequiredKeyedService<WsTopicClient>(name));
        }

        if (startWithHost && !services.Any(service => service.ImplementationInstance is HostedTopicClientName hosted && hosted.Name == name))
        {
            services.AddSingleton(new HostedTopicClientName(name));
            services.AddSingleton<IHostedService>(provider => new HostedTopicClient(provider.GetRequiredKeyedService<WsTopicClient>(name)));
        }

        return options;
    }

    private sealed record HostedTopicClientName(string Name);

    private sealed class HostedTopicClient(WsTopicClient client) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            client.Start();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => client.StopAsync(cancellationToken);
    }
}
