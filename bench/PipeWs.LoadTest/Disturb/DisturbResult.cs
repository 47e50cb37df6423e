using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Disturb;

/// <summary>The round trips of connections that do nothing wrong, with and without such as do.</summary>
internal sealed class DisturbResult
{
    /// <summary>What the 99th percentile may grow to, of what it is undisturbed.</summary>
    public const double MostRatio = 2;

    /// <summary>With nobody else on the server.</summary>
    public LatencyHistogram Undisturbed { get; } = new();

    /// <summary>With handlers beside them that throw, hang and flood.</summary>
    public LatencyHistogram Disturbed { get; } = new();

    /// <summary>What came to those that disturb: answers, errors and floods.</summary>
    public long DisturbingMessages { get; set; }

    /// <summary>How many of the well-behaved connections the server ended; none, where all is well.</summary>
    public int Lost { get; set; }

    /// <summary>How the 99th percentile grew.</summary>
    public double Ratio => (double)Disturbed.GetPercentile(99) / Undisturbed.GetPercentile(99);

    /// <summary>Whether nobody noticed more than is allowed, and there was something to notice.</summary>
    public bool IsSound => Lost == 0 && DisturbingMessages > 0 && Undisturbed.Count > 0 && Ratio < MostRatio;
}
