using System.Globalization;

namespace PipeWs.Benchmarks.Clients;

/// <summary>What the comparisons of clients have in common.</summary>
internal static class Comparison
{
    /// <summary>The number at a place of the command line.</summary>
    public static int Number(string[] arguments, int index, int otherwise) =>
        index < arguments.Length ? int.Parse(arguments[index], CultureInfo.InvariantCulture) : otherwise;

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
