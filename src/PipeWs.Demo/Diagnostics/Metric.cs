using System.Diagnostics.Metrics;

namespace PipeWs.Demo.Diagnostics;

/// <summary>What Prometheus calls an instrument.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One instrument's series. Safe from any thread.</summary>
internal sealed class Metric
{
    /// <summary>How many sets of tags are kept apart; what is beyond is counted together.</summary>
    internal const int MaxSeries = 2_000;

    internal const string OverflowLabels = "otel_metric_overflow=\"true\"";

    private static readonly double[] s_defaultBoundaries = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly double[] _boundaries;
    private readonly bool _isObservable;
    private readonly bool _replaces;

    internal Metric(string name, Instrument instrument)
    {
        Name = name;
        Help = instrument.Description ?? "";
        Type type = instrument.GetType().GetGenericTypeDefinition();
        Kind = type == typeof(Histogram<>) ? MetricKind.Histogram
            : type == typeof(Counter<>) || type == typeof(ObservableCounter<>) ? MetricKind.Counter
            : MetricKind.Gauge;
        _isObservable = instrument.IsObservable;

        // An observable instrument says where it stands; so does a gauge. The others say what is added.
        _replaces = _isObservable || type == typeof(Gauge<>);
        _boundaries = Kind != MetricKind.Histogram ? []
            : (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries?.ToArray()
                ?? (instrument as Histogram<long>)?.Advice?.HistogramBucketBoundaries?.Select(static boundary => (double)boundary).ToArray()
                ?? s_defaultBoundaries;
    }

    internal string Name { get; }

    internal string Help { get; }

    internal MetricKind Kind { get; }

    /// <summary>What an observable instrument does not say again is no more.</summary>
    internal void BeginCollection()
    {
        if (_isObservable)
        {
            lock (_lock)
            {
                _series.Clear();
            }
        }
    }

    internal void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = PrometheusText.Labels(tags);
        lock (_lock)
        {
            if (!_series.TryGetValue(labels, out Series? series))
            {
                labels = _series.Count < MaxSeries ? labels : OverflowLabels;
                if (!_series.TryGetValue(labels, out series))
                {
                    series = new Series(new long[Kind == MetricKind.Histogram ? _boundaries.Length + 1 : 0]);
                    _series.Add(labels, series);
                }
            }

            series.Sum = _replaces ? value : series.Sum + value;
            if (Kind == MetricKind.Histogram)
            {
                int bucket = Array.FindIndex(_boundaries, boundary => value <= boundary);
                series.Buckets[bucket < 0 ? _boundaries.Length : bucket]++;
            }
        }
    }

    internal MetricSnapshot Read()
    {
        lock (_lock)
        {
            return new MetricSnapshot(Name, Help, Kind, _boundaries, [.. _series.Select(static pair => new SeriesSnapshot(pair.Key, pair.Value.Sum, [.. pair.Value.Buckets]))]);
        }
    }

    private sealed class Series(long[] buckets)
    {
        public double Sum { get; set; }

        public long[] Buckets => buckets;
    }
}

/// <summary>One instrument at one moment.</summary>
/// <param name="Name">Its name as Prometheus writes it.</param>
/// <param name="Help">What it is.</param>
/// <param name="Kind">Which kind.</param>
/// <param name="Boundaries">The upper ends of a histogram's buckets but the last, which has none.</param>
/// <param name="Series">Its series.</param>
internal sealed record MetricSnapshot(string Name, string Help, MetricKind Kind, IReadOnlyList<double> Boundaries, IReadOnlyList<SeriesSnapshot> Series);

/// <summary>One series.</summary>
/// <param name="Labels">Its labels as Prometheus writes them, without the braces.</param>
/// <param name="Value">The value, or a histogram's sum.</param>
/// <param name="Buckets">How many values fell into each of a histogram's buckets.</param>
internal sealed record SeriesSnapshot(string Labels, double Value, IReadOnlyList<long> Buckets);
