using System.Numerics;

namespace PipeWs.LoadTest.Measurement;

/// <summary>
/// Counts durations in nanoseconds in buckets that grow with the value: each power of two is cut into 64, so that a bucket is never wider than
/// 1/64 (1.6 %) of what it holds. Recording allocates nothing. One writer; a reader on another thread may see a count that is not the latest.
/// </summary>
internal sealed class LatencyHistogram
{
    /// <summary>The longest duration told apart, in nanoseconds (about 18 minutes); longer ones count as this one.</summary>
    public const long MaxNanoseconds = (1L << 40) - 1;

    private const int SubBits = 7;
    private const int SubBuckets = 1 << SubBits;
    private static readonly int BucketCount = IndexOf(MaxNanoseconds) + 1;

    private readonly long[] _counts = new long[BucketCount];

    /// <summary>How many durations were recorded.</summary>
    public long Count { get; private set; }

    /// <summary>The longest one in nanoseconds, exactly; 0 where there is none.</summary>
    public long Max { get; private set; }

    /// <summary>Records a duration; a negative one counts as 0.</summary>
    public void Record(long nanoseconds) => Record(nanoseconds, 1);

    /// <summary>Records the same duration a number of times.</summary>
    public void Record(long nanoseconds, long times)
    {
        nanoseconds = Math.Clamp(nanoseconds, 0, MaxNanoseconds);
        _counts[IndexOf(nanoseconds)] += times;
        Count += times;
        Max = Math.Max(Max, nanoseconds);
    }

    /// <summary>Forgets everything. Not while another thread records.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
        Max = 0;
    }

    /// <summary>Adds another histogram's counts.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>The duration in nanoseconds that the given share of all recorded ones does not exceed: the upper end of its bucket. 0 where nothing was recorded.</summary>
    /// <param name="percentile">0-100.</param>
    public long GetPercentile(double percentile)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(percentile);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percentile, 100);
        if (Count == 0)
        {
            return 0;
        }

        long rank = Math.Clamp((long)Math.Ceiling(percentile / 100 * Count), 1, Count);
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
            {
                return Math.Min(UpperEndOf(i), Max);
            }
        }

        return Max;
    }

    // Values below 128 have a bucket each. Above, the leading one's position chooses a group of 64, and the 6 bits after it the bucket within.
    internal static int IndexOf(long value)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)value) - (SubBits - 1));
        return (shift * (SubBuckets / 2)) + (int)(value >> shift);
    }

    internal static long UpperEndOf(int index)
    {
        if (index < SubBuckets)
        {
            return index;
        }

        int shift = (index / (SubBuckets / 2)) - 1;
        long start = (long)(index - (shift * (SubBuckets / 2))) << shift;
        return start + (1L << shift) - 1;
    }
}
