using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using PipeWs.Server;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hubs;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds hubs to an application's health checks.</summary>
public static class PipeWsHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check of a hub: degraded from 90 % of <see cref="PipeWsOptions.MaxConnections"/> on, unhealthy while the server shuts down, healthy otherwise. Its data have
    /// <c>connections</c> and <c>maxConnections</c>.
    /// </summary>
    /// <param name="builder">The application's health checks.</param>
    /// <param name="hub">The hub's name.</param>
    /// <param name="name">The check's name; null for <c>pipews</c>, or <c>pipews:hub</c> for a named hub.</param>
    /// <param name="failureStatus">What it is while the server shuts down; null for unhealthy.</param>
    /// <param name="tags">The check's tags, such as <c>ready</c>: a server that shuts down is still alive.</param>
    /// <param name="configure">Sets when the check says what.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static IHealthChecksBuilder AddPipeWs(
        this IHealthChecksBuilder builder,
        string hub = "",
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        Action<WsHealthCheckOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(hub);
        var options = new WsHealthCheckOptions();
        configure?.Invoke(options);
        if (!(options.DegradedConnections > 0 && options.DegradedConnections <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(configure), options.DegradedConnections, "DegradedConnections must be more than 0 and at most 1.");
        }

        return builder.Add(new HealthCheckRegistration(
            name ?? (hub.Length == 0 ? "pipews" : $"pipews:{hub}"),
            services => new HubHealthCheck(services.GetRequiredKeyedService<Hub>(hub), options, services.GetService<IHostApplicationLifetime>()),
            failureStatus,
            tags));
    }
}
