using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Diagnostics;

/// <summary>Whether a hub should be given more connections: degraded when it is nearly full, unhealthy when it is going away.</summary>
internal sealed class HubHealthCheck(Hub hub, WsHealthCheckOptions options, IHostApplicationLifetime? lifetime) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(Check(context));

    private HealthCheckResult Check(HealthCheckContext context)
    {
        int connections = hub.ReservedPlaces;
        int max = hub.Options.MaxConnections;
        var data = new Dictionary<string, object> { ["connections"] = connections, ["maxConnections"] = max };
        if (hub.IsDraining || hub.IsStopping || lifetime?.ApplicationStopping.IsCancellationRequested == true)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "The server is shutting down.", data: data);
        }

        string share = string.Create(CultureInfo.InvariantCulture, $"{connections} of {max} connections.");
        return connections >= options.DegradedConnections * max
            ? HealthCheckResult.Degraded(share, data: data)
            : HealthCheckResult.Healthy(share, data);
    }
}
