using System.Text.Json;

namespace PipeWs.Fuzz.Coverage;

/// <summary>A way out of a branch that no test took.</summary>
/// <param name="File">The source file, from the repository's root on.</param>
/// <param name="Line">Its line.</param>
/// <param name="Text">What is on that line.</param>
/// <param name="Path">Which way out.</param>
internal sealed record UncoveredBranch(string File, int Line, string Text, int Path);

/// <summary>The branches that coverlet counted in several runs of tests, added up.</summary>
internal sealed class BranchCoverage
{
    private readonly Dictionary<(string File, int Line, int Offset, int Path, int Ordinal), (long Hits, string Method)> _branches = [];

    /// <summary>How many there are.</summary>
    public int Count => _branches.Count;

    /// <summary>How many were taken.</summary>
    public int Covered => _branches.Values.Count(static branch => branch.Hits > 0);

    /// <summary>Adds a run's <c>coverage.json</c>: module, file, class, method, and its branches.</summary>
    /// <param name="json">The report.</param>
    /// <param name="root">The repository.</param>
    /// <param name="folders">The folders whose files count.</param>
    public void Add(ReadOnlyMemory<byte> json, string root, IReadOnlyCollection<string> folders)
    {
        using JsonDocument report = JsonDocument.Parse(json);
        foreach (JsonProperty file in report.RootElement.EnumerateObject().SelectMany(static module => module.Value.EnumerateObject()))
        {
            string path = Path.GetRelativePath(root, file.Name).Replace('\\', '/');
            if (!folders.Any(folder => path.StartsWith(folder + "/", StringComparison.Ordinal)))
            {
                continue;
            }

            foreach (JsonProperty method in file.Value.EnumerateObject().SelectMany(static type => type.Value.EnumerateObject()))
            {
                foreach (JsonElement branch in method.Value.GetProperty("Branches").EnumerateArray())
                {
                    var key = (path, Int("Line"), Int("Offset"), Int("Path"), Int("Ordinal"));
                    _branches[key] = (_branches.GetValueOrDefault(key).Hits + branch.GetProperty("Hits").GetInt64(), method.Name);

                    int Int(string name) => branch.GetProperty(name).GetInt32();
                }
            }
        }
    }

    /// <summary>What was not taken.</summary>
    /// <param name="lines">Gives the lines of a file.</param>
    public IEnumerable<UncoveredBranch> Uncovered(Func<string, string[]> lines) =>
        _branches.Where(static branch => branch.Value.Hits == 0)
            .Select(branch => new UncoveredBranch(branch.Key.File, branch.Key.Line, lines(branch.Key.File).ElementAtOrDefault(branch.Key.Line - 1)?.Trim() ?? "", branch.Key.Path))
            .OrderBy(static branch => branch.File, StringComparer.Ordinal).ThenBy(static branch => branch.Line).ThenBy(static branch => branch.Path);
}
