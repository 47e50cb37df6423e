using System.Diagnostics.Metrics;
using PipeWs.Demo.Diagnostics;

namespace PipeWs.Demo.Tests.Diagnostics;

/// <summary>The text format, written out.</summary>
public sealed class PrometheusTextTests
{
    [Theory]
    [InlineData("pipews.server.io", "By", "pipews_server_io_bytes_total")]
    [InlineData("pipews.server.messages", "{message}", "pipews_server_messages_total")]
    [InlineData("a.total", "", "a_total")]
    [InlineData("9-lives", "1", "_9_lives_total")]
    [InlineData("a.io", "By/s", "a_io_bytes_per_second_total")]
    public void A_counters_name_has_its_unit_and_total_behind_it(string name, string unit, string expected)
    {
        using var meter = new Meter("names");
        Assert.Equal(expected, PrometheusText.NameOf(meter.CreateCounter<long>(name, unit)));
        Assert.Equal(expected, PrometheusText.NameOf(meter.CreateObservableCounter(name, () => 1L, unit)));
    }

    [Theory]
    [InlineData("a.duration", "s", "a_duration_seconds")]
    [InlineData("a.seconds", "s", "a_seconds")]
    [InlineData("a.connections", "{connection}", "a_connections")]
    public void A_gauges_and_a_histograms_name_has_its_unit_behind_it(string name, string unit, string expected)
    {
        using var meter = new Meter("names");
        Assert.Equal(expected, PrometheusText.NameOf(meter.CreateHistogram<double>(name, unit)));
        Assert.Equal(expected, PrometheusText.NameOf(meter.CreateUpDownCounter<long>(name, unit)));
    }

    [Fact]
    public void Labels_are_sorted_cleaned_and_escaped()
    {
        Assert.Equal("", PrometheusText.Labels([]));
        Assert.Equal(
            "a_b=\"1;2\",flag=\"true\",path=\"c:\\\\x\",quoted=\"\\\"a\\nb\\\"\"",
            PrometheusText.Labels([new("quoted", "\"a\nb\""), new("a.b", 1), new("path", "c:\\x"), new("a-b", 2L), new("flag", true)]));
    }

    [Fact]
    public void Every_kind_is_written_as_the_format_asks()
    {
        string text = PrometheusText.Write(
        [
            new MetricSnapshot("requests_total", "How\nmany \\ \"often\".", MetricKind.Counter, [], [new SeriesSnapshot("", 3, []), new SeriesSnapshot("a=\"b\"", 0.5, [])]),
            new MetricSnapshot("depth", "", MetricKind.Gauge, [], [new SeriesSnapshot("", double.NaN, []), new SeriesSnapshot("x=\"y\"", double.NegativeInfinity, [])]),
            new MetricSnapshot("nothing", "Said of nothing.", MetricKind.Gauge, [], []),
            new MetricSnapshot("took_seconds", "How long.", MetricKind.Histogram, [0.1, 1], [new SeriesSnapshot("", 7.25, [2, 0, 1]), new SeriesSnapshot("a=\"b\"", 0, [0, 0, 0])]),
        ]);

        Assert.Equal(
            """
            # HELP requests_total How\nmany \\ "often".
            # TYPE requests_total counter
            requests_total 3
            requests_total{a="b"} 0.5
            # TYPE depth gauge
            depth NaN
            depth{x="y"} -Inf
            # HELP nothing Said of nothing.
            # TYPE nothing gauge
            # HELP took_seconds How long.
            # TYPE took_seconds histogram
            took_seconds_bucket{le="0.1"} 2
            took_seconds_bucket{le="1"} 2
            took_seconds_bucket{le="+Inf"} 3
            took_seconds_sum 7.25
            took_seconds_count 3
            took_seconds_bucket{a="b",le="0.1"} 0
            took_seconds_bucket{a="b",le="1"} 0
            took_seconds_bucket{a="b",le="+Inf"} 0
            took_seconds_sum{a="b"} 0
            took_seconds_count{a="b"} 0

            """.ReplaceLineEndings("\n"),
            text);
    }
}
