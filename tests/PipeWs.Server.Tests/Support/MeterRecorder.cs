using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server.Tests.Support;

/// <summary>Listens to the meter of one application, and to no other that runs beside it.</summary>
internal sealed class MeterRecorder : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<Measured> _measured = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new();

    public MeterRecorder(IServiceProvider services)
    {
        IMeterFactory factory = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == WsDiagnostics.MeterName && ReferenceEquals(instrument.Meter.Scope, factory))
            {
                Assert.True(_instruments.TryAdd(instrument.Name, instrument), $"{instrument.Name} is there twice");
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public IReadOnlyDictionary<string, Instrument> Instruments => _instruments;

    /// <summary>What was recorded by an instrument so far.</summary>
    public IReadOnlyList<Measured> Recorded(string instrument) => [.. _measured.Where(measured => measured.Instrument == instrument)];

    /// <summary>What an observable instrument says now.</summary>
    public IReadOnlyList<Measured> Observe(string instrument)
    {
        int before = Recorded(instrument).Count;
        _listener.RecordObservableInstruments();
        return [.. Recorded(instrument).Skip(before)];
    }

    /// <summary>The one value that an observable instrument says now, with these tags.</summary>
    public double Read(string instrument, params (string Name, object Value)[] tags) =>
        Assert.Single(Observe(instrument), measured => tags.All(tag => measured.Tags.GetValueOrDefault(tag.Name)?.Equals(tag.Value) == true)).Value;

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var copy = new Dictionary<string, object?>();
        foreach ((string name, object? tag) in tags)
        {
            copy.Add(name, tag);
        }

        _measured.Enqueue(new Measured(instrument.Name, value, copy));
    }

    internal sealed record Measured(string Instrument, double Value, IReadOnlyDictionary<string, object?> Tags);
}
