using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace PipeWs.Fuzz.Coverage;

/// <summary>
/// <c>--coverage</c>: runs the tests with coverlet's collector, adds up the branches they took in the protocol and the router, and compares what is left with the list of exceptions.
/// The test projects must be built. Takes some minutes.
/// </summary>
internal static class CoverageCommand
{
    private const string Collector = "XPlat Code Coverage;Format=json;Include=[PipeWs.Protocol]*,[PipeWs.Server]PipeWs.Server.Routing.*";

    private const string Vectors = "FullyQualifiedName~FramingSegmentationTests|FullyQualifiedName~MaskingTests";

    private static readonly string[] s_folders =
        ["src/PipeWs.Protocol/Framing", "src/PipeWs.Protocol/Handshake", "src/PipeWs.Protocol/Compression", "src/PipeWs.Server/Routing"];

    // The vectors come in the width of the processor; the narrower ones, and what is left without any, are taken where it is told to have no wider ones.
    private static readonly (string Project, string? Filter, string? Variable)[] s_runs =
    [
        ("PipeWs.Protocol.Tests", null, null),
        ("PipeWs.Protocol.Tests", Vectors, "DOTNET_EnableAVX512"),
        ("PipeWs.Protocol.Tests", Vectors, "DOTNET_EnableAVX2"),
        ("PipeWs.Protocol.Tests", Vectors, "DOTNET_EnableHWIntrinsic"),
        ("PipeWs.Tests", null, null),
        ("PipeWs.Server.Tests", null, null),
        ("PipeWs.Fuzz", "FullyQualifiedName~CorpusTests", null),
    ];

    /// <returns>0 where every branch is covered or listed, and no more are listed.</returns>
    public static int Run()
    {
        string root = Root();
        string results = Directory.CreateTempSubdirectory("pipews-coverage-").FullName;
        var coverage = new BranchCoverage();
        try
        {
            foreach ((string project, string? filter, string? variable) in s_runs)
            {
                Console.WriteLine($"{project} {filter} {variable}");
                string folder = Directory.CreateTempSubdirectory(Path.Combine(results, "run-")).FullName;
                if (Test(Path.Combine(root, "tests", project), filter, variable, folder) != 0)
                {
                    Console.Error.WriteLine($"The tests of {project} failed; the branches they took are counted all the same.");
                }

                foreach (string report in Directory.EnumerateFiles(folder, "coverage.json", SearchOption.AllDirectories))
                {
                    coverage.Add(File.ReadAllBytes(report), root, s_folders);
                }
            }
        }
        finally
        {
            Directory.Delete(results, recursive: true);
        }

        return Report(coverage, Exceptions(root), root);
    }

    /// <summary>Exceptions whose line is in no file.</summary>
    public static IEnumerable<string> Strangers()
    {
        string root = Root();
        return Exceptions(root).Entries
            .Where(entry => !File.ReadLines(Path.Combine(root, entry.File)).Any(line => line.Trim() == entry.Text))
            .Select(static entry => $"{entry.File}: {entry.Text}");
    }

    private static CoverageExceptions Exceptions(string root) =>
        new(File.ReadLines(Path.Combine(root, "tests", "PipeWs.Fuzz", "Coverage", "exceptions.txt")));

    private static int Report(BranchCoverage coverage, CoverageExceptions exceptions, string root)
    {
        (List<UncoveredBranch> missing, List<string> stale) = exceptions.Compare(coverage.Uncovered(file => File.ReadAllLines(Path.Combine(root, file))));
        foreach (UncoveredBranch branch in missing)
        {
            Console.WriteLine($"not covered: {branch.File}({branch.Line}), way {branch.Path}: {branch.Text}");
        }

        foreach (string entry in stale)
        {
            Console.WriteLine($"listed, and covered or gone: {entry}");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{coverage.Covered} of {coverage.Count} branches covered ({100.0 * coverage.Covered / Math.Max(1, coverage.Count):0.0} %), {exceptions.Count} lines listed, {missing.Count} branches missing"));
        return coverage.Count > 0 && missing.Count == 0 && stale.Count == 0 ? 0 : 1;
    }

    private static int Test(string project, string? filter, string? variable, string results)
    {
        var start = new ProcessStartInfo("dotnet", ["test", project, "-c", "Release", "--no-build", "--collect", Collector, "--results-directory", results]) { RedirectStandardOutput = true };
        if (filter is not null)
        {
            start.ArgumentList.Add("--filter");
            start.ArgumentList.Add(filter);
        }

        if (variable is not null)
        {
            start.Environment[variable] = "0";
        }

        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Console.WriteLine(output.Split('\n').LastOrDefault(static line => line.Contains("Passed!", StringComparison.Ordinal) || line.Contains("Failed!", StringComparison.Ordinal)) ?? output);
        return process.ExitCode;
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
