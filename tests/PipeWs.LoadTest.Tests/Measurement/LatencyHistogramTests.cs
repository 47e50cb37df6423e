using FsCheck;
using FsCheck.Fluent;
using PipeWs.LoadTest.Measurement;
using PipeWs.Shared;

namespace PipeWs.LoadTest.Tests.Measurement;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Nothing_recorded_has_percentiles_of_zero()
    {
        var histogram = new LatencyHistogram();

        Assert.Equal(0, histogram.GetPercentile(50));
        Assert.Equal(0, histogram.Max);
        Assert.Equal(0, histogram.Count);
    }

    [Fact]
    public void Buckets_follow_each_other_without_gap_or_overlap()
    {
        long start = 0;
        for (int index = 0; index <= LatencyHistogram.IndexOf(LatencyHistogram.MaxNanoseconds); index++)
        {
            long end = LatencyHistogram.UpperEndOf(index);
            Assert.Equal(index, LatencyHistogram.IndexOf(start));
            Assert.Equal(index, LatencyHistogram.IndexOf(end));
            Assert.True(end - start <= start / 64, $"bucket {index} from {start} to {end} is too wide");
            start = end + 1;
        }

        Assert.Equal(LatencyHistogram.MaxNanoseconds + 1, start);
    }

    [Fact]
    public void Percentiles_are_those_of_the_sorted_values_within_a_bucket()
    {
        Gen<long[]> values = Gen.Choose(0, 40).SelectMany(bits => Gen.Choose(0, int.MaxValue).Select(low => (1L << bits) - 1 + (low % (1L << bits)))).NonEmptyListOf().Select(list => list.ToArray());

        Prop.ForAll(values.ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (recorded, permille) =>
        {
            var histogram = new LatencyHistogram();
            foreach (long value in recorded)
            {
                histogram.Record(value);
            }

            long[] sorted = [.. recorded.Select(value => Math.Min(value, LatencyHistogram.MaxNanoseconds)).Order()];
            long exact = sorted[Math.Clamp((int)Math.Ceiling(permille / 1000.0 * sorted.Length) - 1, 0, sorted.Length - 1)];
            long found = histogram.GetPercentile(permille / 10.0);
            return found >= exact && found <= exact + (exact / 64) && histogram.Max == sorted[^1] && histogram.Count == sorted.Length;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Values_out_of_range_count_as_the_nearest_in_range()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-5);
        histogram.Record(long.MaxValue);

        Assert.Equal(0, histogram.GetPercentile(50));
        Assert.Equal(LatencyHistogram.MaxNanoseconds, histogram.GetPercentile(100));
    }

    [Fact]
    public void Adding_histograms_is_recording_both()
    {
        var first = new LatencyHistogram();
        var second = new LatencyHistogram();
        first.Record(10, 99);
        second.Record(5_000_000);
        first.Add(second);

        Assert.Equal(100, first.Count);
        Assert.Equal(10, first.GetPercentile(99));
        Assert.Equal(5_000_000, first.GetPercentile(99.5));
        Assert.Equal(5_000_000, first.Max);
    }

    [Fact]
    public void Recording_allocates_nothing()
    {
        var histogram = new LatencyHistogram();

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 100_000; i++)
            {
                histogram.Record(i * 977L);
            }
        }));
    }
}
