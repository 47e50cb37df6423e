using System.Runtime.CompilerServices;

namespace PipeWs.Conformance.Matrix;

/// <summary>
/// The outcome of every case, as it is committed: a line a case, with its id, the outcome and the description. Where the outcomes of servers and client differ, both are there.
/// </summary>
internal sealed class GoldenFile
{
    public const string UpdateCommand = "dotnet run -c Release --project tests/PipeWs.Conformance -- matrix --full --update";

    private const string Separator = " | ";
    private const string Sides = " // ";
    private const string Server = "server: ";
    private const string Client = "client: ";

    private readonly Dictionary<string, string> _outcomes = new(StringComparer.Ordinal);

    /// <summary>The ids it has lines for.</summary>
    public IEnumerable<string> Ids => _outcomes.Keys;

    /// <summary>The committed file.</summary>
    public static string DefaultPath { get; } = FindPath();

    public static GoldenFile Read(string path)
    {
        var golden = new GoldenFile();
        foreach (string line in File.ReadLines(path).Where(static line => line.Length > 0 && line[0] != '#'))
        {
            string[] parts = line.Split(Separator, 3);
            golden._outcomes.Add(parts[0], parts[1]);
        }

        return golden;
    }

    /// <summary>The outcome on file for a side; null where the case is new.</summary>
    public string? Find(string id, bool isServer)
    {
        if (!_outcomes.TryGetValue(id, out string? outcome))
        {
            return null;
        }

        foreach (string side in outcome.Split(Sides))
        {
            if (side.StartsWith(isServer ? Server : Client, StringComparison.Ordinal))
            {
                return side[Server.Length..];
            }
        }

        return outcome.StartsWith(Server, StringComparison.Ordinal) || outcome.StartsWith(Client, StringComparison.Ordinal) ? null : outcome;
    }

    /// <summary>Writes the file anew.</summary>
    /// <param name="path">Where.</param>
    /// <param name="server">The outcomes of the doors, which agree, by id.</param>
    /// <param name="client">The outcomes of the client.</param>
    /// <param name="cases">In which order.</param>
    public static void Write(string path, IReadOnlyDictionary<string, string> server, IReadOnlyDictionary<string, string> client, IEnumerable<ConformanceCase> cases)
    {
        using var file = new StreamWriter(path) { NewLine = "\n" };
        file.WriteLine("# What PipeWs does in each case of the conformance matrix: id | what comes back | what is done.");
        file.WriteLine($"# Written by: {UpdateCommand}");
        foreach (ConformanceCase one in cases)
        {
            string? onServer = server.GetValueOrDefault(one.Id);
            string? onClient = client.GetValueOrDefault(one.Id);
            string outcome = (onServer, onClient) switch
            {
                ({ } s, { } c) when s == c => s,
                ({ } s, { } c) => Server + s + Sides + Client + c,
                ({ } s, null) => Server + s,
                (_, { } c) => Client + c,
                _ => throw new InvalidOperationException($"The case {one.Id} was not run."),
            };
            file.WriteLine($"{one.Id}{Separator}{outcome}{Separator}{one.Description}");
        }
    }

    private static string FindPath([CallerFilePath] string file = "")
    {
        // Deterministic builds may map the path of the source away; the output folder lies in the repository too.
        foreach (string start in (string[])[Path.GetDirectoryName(file) ?? "", AppContext.BaseDirectory])
        {
            for (DirectoryInfo? folder = start.Length == 0 ? null : new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                string path = Path.Combine(folder.FullName, "conformance.txt");
                if (File.Exists(path))
                {
                    return path;
                }
            }
        }

        throw new InvalidOperationException("The matrix runs inside the repository: conformance.txt was not found in any parent folder.");
    }
}
