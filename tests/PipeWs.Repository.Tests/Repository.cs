using System.Runtime.CompilerServices;

namespace PipeWs.Repository.Tests;

/// <summary>Where the files of the repository are that the tests look at.</summary>
internal static class Repository
{
    internal static string Root { get; } = FindRoot();

    internal static IEnumerable<string> Projects(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    internal static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string FindRoot([CallerFilePath] string file = "")
    {
        // Deterministic builds may map the path of the source away; the output folder lies in the repository too.
        foreach (string start in (string[])[Path.GetDirectoryName(file) ?? "", AppContext.BaseDirectory])
        {
            for (DirectoryInfo? folder = start.Length == 0 ? null : new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "PipeWs.sln")))
                {
                    return folder.FullName;
                }
            }
        }

        throw new InvalidOperationException("The tests run inside the repository: PipeWs.sln was not found in any parent folder.");
    }
}
