using System.Runtime.CompilerServices;

namespace PipeWs.Fuzz.Engine;

/// <summary>A target's inputs in a file: one a line, in hexadecimal; what follows <c>#</c> says what it is for.</summary>
internal static class Corpus
{
    /// <summary>What every run of the tests replays: a copy beside the program.</summary>
    public static IReadOnlyList<byte[]> Load(string target) => Read(Path.Combine(AppContext.BaseDirectory, "Corpus", target + ".hex"));

    public static IReadOnlyList<byte[]> Read(string path) =>
        !File.Exists(path) ? [] : [.. File.ReadLines(path).Select(static line => line.Split('#')[0].Trim()).Where(static line => line.Length > 0).Select(Convert.FromHexString)];

    /// <summary>Writes the corpus into the repository. Lines that say what they are for are kept.</summary>
    public static string Save(string target, IEnumerable<byte[]> inputs)
    {
        string path = Path.Combine(Folder(), "Corpus", target + ".hex");
        string[] kept = File.Exists(path) ? [.. File.ReadLines(path).Where(static line => line.Contains('#', StringComparison.Ordinal))] : [];
        HashSet<string> known = [.. kept.Select(static line => line.Split('#')[0].Trim())];
        string[] lines = [.. kept, .. inputs.Select(Convert.ToHexString).Where(line => line.Length > 0 && known.Add(line)).OrderBy(static line => line.Length).ThenBy(static line => line, StringComparer.Ordinal)];
        File.WriteAllLines(path, lines);
        return path;
    }

    /// <summary>Where findings go: beside the sources, and not into the repository.</summary>
    public static string SaveFinding(string target, string name, byte[] input, string text)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Folder(), "Findings")).FullName;
        string path = Path.Combine(folder, $"{target}-{name}.hex");
        File.WriteAllLines(path, [Convert.ToHexString(input), .. text.Split('\n').Select(static line => "# " + line.TrimEnd())]);
        return path;
    }

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(Path.GetDirectoryName(file))!;
}
