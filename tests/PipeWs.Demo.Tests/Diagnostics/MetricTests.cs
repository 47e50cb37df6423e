using System.Diagnostics.Metrics;
using System.Globalization;
using PipeWs.Demo.Diagnostics;

namespace PipeWs.Demo.Tests.Diagnostics;

/// <summary>What is kept of an instrument.</summary>
public sealed class MetricTests
{
    [Fact]
    public void A_counter_adds_up_and_a_gauge_and_an_observable_say_where_they_stand()
    {
        using var meter = new Meter("kinds");
        var counter = new Metric("c", meter.CreateCounter<long>("c"));
        var difference = new Metric("u", meter.CreateUpDownCounter<long>("u"));
        var gauge = new Metric("g", meter.CreateGauge<long>("g"));
        var observable = new Metric("o", meter.CreateObservableCounter("o", () => 1L));
        foreach (Metric metric in (Metric[])[counter, difference, gauge, observable])
        {
            metric.Take(3, []);
            metric.Take(4, []);
        }

        Assert.Equal([7, 7, 4, 4], ((Metric[])[counter, difference, gauge, observable]).Select(static metric => Assert.Single(metric.Read().Series).Value));
        Assert.Equal([MetricKind.Counter, MetricKind.Gauge, MetricKind.Gauge, MetricKind.Counter], ((Metric[])[counter, difference, gauge, observable]).Select(static metric => metric.Kind));

        // What an observable instrument no longer says is gone; what was added stays.
        counter.BeginCollection();
        observable.BeginCollection();
        Assert.Single(counter.Read().Series);
        Assert.Empty(observable.Read().Series);
    }

    [Fact]
    public void A_value_at_a_boundary_is_in_the_bucket_that_ends_there()
    {
        using var meter = new Meter("buckets");
        var metric = new Metric("h", meter.CreateHistogram("h", "s", "", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] }));
        foreach (double value in (double[])[0, 1, 1.5, 2, 2.5, 100])
        {
            metric.Take(value, []);
        }

        MetricSnapshot read = metric.Read();
        Assert.Equal([1, 2], read.Boundaries);
        Assert.Equal([2, 2, 2], Assert.Single(read.Series).Buckets);
        Assert.Equal(107, read.Series[0].Value);
    }

    [Fact]
    public void More_series_than_are_kept_are_counted_together()
    {
        using var meter = new Meter("many");
        var metric = new Metric("c", meter.CreateCounter<long>("c"));
        for (int i = 0; i < Metric.MaxSeries + 10; i++)
        {
            metric.Take(1, [new("n", i.ToString(CultureInfo.InvariantCulture))]);
        }

        MetricSnapshot read = metric.Read();
        Assert.Equal(Metric.MaxSeries + 1, read.Series.Count);
        Assert.Equal(10, read.Series.Single(static series => series.Labels == Metric.OverflowLabels).Value);
    }
}
