using System.Globalization;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Compare;

/// <summary>The results of all turns of all rounds, and their medians.</summary>
internal sealed class ComparisonResult(ComparisonOptions options, IReadOnlyDictionary<(Scenario Scenario, string Server), List<LoadResult>> results)
{
    /// <summary>What was compared.</summary>
    public ComparisonOptions Options => options;

    /// <summary>Whether every message of every run arrived once and unchanged.</summary>
    public bool IsSound => results.Values.All(rounds => rounds.TrueForAll(result => result.IsSound));

    /// <summary>The median of a measure over the rounds; null where no round has it.</summary>
    public double? GetMedian(Scenario scenario, string server, Func<LoadResult, double?> measure) =>
        results.TryGetValue((scenario, server), out List<LoadResult>? rounds) ? Median(rounds.Select(measure).OfType<double>()) : null;

    /// <summary>The sum of a count over the rounds.</summary>
    public long GetSum(Scenario scenario, string server, Func<LoadResult, long> count) =>
        results.TryGetValue((scenario, server), out List<LoadResult>? rounds) ? rounds.Sum(count) : 0;

    /// <summary>
    /// The scenario's measure of one server as a multiple of another's: the median of the ratios of each turn, so that what the machine does in one meets both sides. Null where either is missing.
    /// </summary>
    public double? GetRatio(Scenario scenario, string server, string to) =>
        results.TryGetValue((scenario, server), out List<LoadResult>? turns) && results.TryGetValue((scenario, to), out List<LoadResult>? others)
            ? Median(turns.Zip(others, (turn, other) => scenario.GetValue(turn) / scenario.GetValue(other)).OfType<double>().Where(double.IsFinite))
            : null;

    /// <summary>The comparison in plain lines: first the ratios, then what was lost.</summary>
    public IEnumerable<string> GetConclusions()
    {
        foreach (Scenario scenario in options.Scenarios)
        {
            foreach (string server in options.Servers)
            {
                foreach (string to in GetComparands(server))
                {
                    if (GetRatio(scenario, server, to) is { } ratio)
                    {
                        yield return string.Create(CultureInfo.InvariantCulture, $"{scenario.Name}: {server} = {ratio:0.0#} x {to} ({scenario.Unit})");
                    }
                }
            }
        }

        foreach (((Scenario scenario, string server), List<LoadResult> rounds) in results)
        {
            if (rounds.Find(result => !result.IsSound) is { } unsound)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{scenario.Name}: {server} lost {rounds.Sum(result => result.Lost):N0} of {rounds.Sum(result => result.Expected):N0} messages, {rounds.Sum(result => result.Errors):N0} were wrong, {rounds.Sum(result => result.ClosedByServer):N0} connections were closed. {unsound.FirstError}");
            }
        }

        if (IsSound)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"nothing lost: all of {results.Values.Sum(rounds => rounds.Sum(result => result.Expected)):N0} messages arrived, once and unchanged");
        }
    }

    /// <summary>The middle value, or the mean of the two in the middle; null where there is none.</summary>
    internal static double? Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    // Ours with every other; the others with what is used today; and all with the floor.
    private IEnumerable<string> GetComparands(string server)
    {
        Contender subject = options.Contenders.First(contender => contender.Name == server);
        return options.Contenders
            .Where(other => other != subject && subject.Name != Contender.Floor && (subject.IsOurs ? !other.IsOurs : other.Name is Contender.Floor || (other.Name == Contender.Baseline && !subject.IsOurs)))
            .OrderBy(static other => other.Name switch { Contender.Baseline => 0, Contender.Floor => 1, _ => 2 })
            .Select(static other => other.Name);
    }
}
