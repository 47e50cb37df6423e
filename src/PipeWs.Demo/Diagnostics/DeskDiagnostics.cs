using PipeWs.Server;

namespace PipeWs.Demo.Diagnostics;

/// <summary>What an operator sees of the desk: <c>/metrics</c>, <c>/ws/stats</c>, <c>/healthz</c>, and OTLP where it is asked for.</summary>
public static class DeskDiagnostics
{
    /// <summary>The meters that are shown: the hub's, Kestrel's and the runtime's.</summary>
    internal static readonly IReadOnlyList<string> Meters = [WsDiagnostics.MeterName, "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    /// <summary>Adds what collects and exports.</summary>
    /// <exception cref="FormatException">The address for OTLP makes no sense; the message says which and why.</exception>
    public static IServiceCollection AddDeskDiagnostics(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddPipeWs().UseMetrics();
        services.AddHealthChecks().AddPipeWs();
        services.AddSingleton<MetricsCollector>();

        // From the start on, so that nothing recorded before the first look is lost.
        services.AddHostedService(static provider => provider.GetRequiredService<MetricsCollector>());
        if (OtlpOptions.From(configuration) is { } otlp)
        {
            services.AddSingleton(otlp);
            services.AddHostedService<OtlpExport>();
        }

        return services;
    }

    /// <summary>Maps what can be looked at.</summary>
    public static void MapDeskDiagnostics(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPipeWsStats();
        endpoints.MapHealthChecks("/healthz");
        MetricsCollector metrics = endpoints.ServiceProvider.GetRequiredService<MetricsCollector>();
        endpoints.MapGet("/metrics", (HttpContext context) =>
        {
            context.Response.ContentType = PrometheusText.ContentType;
            return context.Response.WriteAsync(PrometheusText.Write(metrics.Collect()), context.RequestAborted);
        });
    }
}
