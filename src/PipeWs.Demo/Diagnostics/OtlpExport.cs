using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using PipeWs.Server;

namespace PipeWs.Demo.Diagnostics;

/// <summary>Sends metrics and traces to an OpenTelemetry collector for as long as the desk runs, and the rest when it stops.</summary>
internal sealed class OtlpExport(OtlpOptions options) : IHostedService, IDisposable
{
    private const int MetricsIntervalMilliseconds = 10_000;
    private const int FlushMilliseconds = 3_000;

    private MeterProvider? _metrics;
    private TracerProvider? _traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // What the environment says about the service wins.
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService("pipews-desk").AddTelemetrySdk().AddEnvironmentVariableDetector();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter([.. DeskDiagnostics.Meters])
            .AddOtlpExporter((exporter, reader) =>
            {
                Configure(exporter, "metrics");
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds ??= MetricsIntervalMilliseconds;
            })
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(WsDiagnostics.ActivitySourceName)
            .AddOtlpExporter(exporter => Configure(exporter, "traces"))
            .Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            _metrics?.Shutdown(FlushMilliseconds);
            _traces?.Shutdown(FlushMilliseconds);
        },
        cancellationToken);

    public void Dispose()
    {
        _metrics?.Dispose();
        _traces?.Dispose();
    }

    private void Configure(OtlpExporterOptions exporter, string signal)
    {
        if (options.For(signal) is { } endpoint)
        {
            exporter.Protocol = options.IsGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
            exporter.Endpoint = endpoint;
        }
    }
}
