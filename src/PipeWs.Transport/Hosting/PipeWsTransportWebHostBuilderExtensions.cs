using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PipeWs.Transport.Hosting;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts the event loops of PipeWs beneath Kestrel.</summary>
public static class PipeWsTransportWebHostBuilderExtensions
{
    /// <summary>
    /// Makes Kestrel serve its endpoints by event loops that own their connections, HTTP and TLS included, instead of by the runtime's sockets. Linux alone; elsewhere it changes
    /// nothing, and Kestrel's own transport serves.
    /// </summary>
    /// <param name="builder">The web host.</param>
    /// <param name="configure">Changes the options. An option out of its range is an <see cref="OptionsValidationException"/> when the host starts.</param>
    public static IWebHostBuilder UsePipeWsTransport(this IWebHostBuilder builder, Action<PipeWsTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services =>
        {
            services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PipeWsTransportOptions>, PipeWsTransportOptionsValidator>());
            OptionsBuilder<PipeWsTransportOptions> options = services.AddOptions<PipeWsTransportOptions>().ValidateOnStart();
            if (configure is not null)
            {
                options.Configure(configure);
            }

            if (OperatingSystem.IsLinux())
            {
                // Kestrel asks the factory that was added last first.
                services.TryAddEnumerable(ServiceDescriptor.Singleton<IConnectionListenerFactory, PipeWsTransportFactory>());
            }
        });
    }
}
