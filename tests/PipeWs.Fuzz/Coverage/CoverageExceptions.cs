namespace PipeWs.Fuzz.Coverage;

/// <summary>
/// The branches that need not be covered, each with its reason. Three lines each, and an empty one: the file, the line of code as it stands there, and the reason.
/// </summary>
internal sealed class CoverageExceptions
{
    private readonly Dictionary<(string File, string Text), string> _reasons = [];

    /// <exception cref="FormatException">An entry is not three lines.</exception>
    public CoverageExceptions(IEnumerable<string> lines)
    {
        foreach (string[] entry in Parse(lines))
        {
            if (entry is not [string file, string text, string reason])
            {
                throw new FormatException($"An exception is a file, a line of code and a reason: {string.Join(" / ", entry)}");
            }

            if (!_reasons.TryAdd((file, text.Trim()), reason.Trim()))
            {
                throw new FormatException($"An exception is listed twice: {file}: {text}");
            }
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _reasons.Count;

    /// <summary>The lines they are about.</summary>
    public IEnumerable<(string File, string Text)> Entries => _reasons.Keys;

    /// <summary>Tells what is neither covered nor listed, and what is listed without need.</summary>
    public (List<UncoveredBranch> Missing, List<string> Stale) Compare(IEnumerable<UncoveredBranch> uncovered)
    {
        var used = new HashSet<(string, string)>();
        var missing = new List<UncoveredBranch>();
        foreach (UncoveredBranch branch in uncovered)
        {
            if (_reasons.ContainsKey((branch.File, branch.Text)))
            {
                used.Add((branch.File, branch.Text));
            }
            else
            {
                missing.Add(branch);
            }
        }

        return (missing, [.. _reasons.Keys.Except(used).Select(static key => $"{key.Item1}: {key.Item2}")]);
    }

    private static IEnumerable<string[]> Parse(IEnumerable<string> lines)
    {
        var entry = new List<string>();
        foreach (string line in lines.Where(static line => !line.StartsWith('#')).Append(""))
        {
            if (line.Trim().Length > 0)
            {
                entry.Add(line.Trim());
            }
            else if (entry.Count > 0)
            {
                yield return [.. entry];
                entry.Clear();
            }
        }
    }
}
