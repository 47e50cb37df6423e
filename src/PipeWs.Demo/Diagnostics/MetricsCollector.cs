using System.Diagnostics.Metrics;

namespace PipeWs.Demo.Diagnostics;

/// <summary>Listens to the instruments of this application and keeps what Prometheus wants to read. Safe from any thread.</summary>
internal sealed class MetricsCollector : IHostedService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _collecting = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Metric> _metrics = new(StringComparer.Ordinal);

    public MetricsCollector(IMeterFactory factory)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Meters of another application in this process have another factory; the runtime's have none.
            if (DeskDiagnostics.Meters.Contains(instrument.Meter.Name) && (instrument.Meter.Scope is null || ReferenceEquals(instrument.Meter.Scope, factory)))
            {
                listener.EnableMeasurementEvents(instrument, GetOrAdd(instrument));
            }
        };
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Metric)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, state) => ((Metric)state!).Take((double)value, tags));
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _listener.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Reads every instrument.</summary>
    public IReadOnlyList<MetricSnapshot> Collect()
    {
        // One at a time: what an observable instrument says replaces what it said before.
        lock (_collecting)
        {
            foreach (Metric metric in All())
            {
                metric.BeginCollection();
            }

            _listener.RecordObservableInstruments();
            return [.. All().Select(static metric => metric.Read())];
        }
    }

    public void Dispose() => _listener.Dispose();

    private Metric GetOrAdd(Instrument instrument)
    {
        lock (_lock)
        {
            string name = PrometheusText.NameOf(instrument);
            if (!_metrics.TryGetValue(name, out Metric? metric))
            {
                metric = new Metric(name, instrument);
                _metrics.Add(name, metric);
            }

            return metric;
        }
    }

    private Metric[] All()
    {
        lock (_lock)
        {
            return [.. _metrics.Values];
        }
    }
}
