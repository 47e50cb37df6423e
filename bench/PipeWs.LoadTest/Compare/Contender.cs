using System.Globalization;

namespace PipeWs.LoadTest.Compare;

/// <summary>A server as it takes part in a comparison: one of this program's, in one of the ways it can be run, or a program of somebody else's.</summary>
/// <param name="Name">Its name in the report.</param>
/// <param name="Arguments">What <c>serve</c> is told; of another's program none.</param>
/// <param name="Description">What it is, for the help.</param>
/// <param name="External">The other's program; null for this one's servers.</param>
internal sealed record Contender(string Name, IReadOnlyList<string> Arguments, string Description, ExternalServer? External = null)
{
    /// <summary>What the others are measured by, where it takes part.</summary>
    public const string Floor = "floor";

    /// <summary>What ASP.NET Core's users have today.</summary>
    public const string Baseline = "aspnet";

    /// <summary>The servers of this program.</summary>
    public static IReadOnlyList<Contender> All { get; } =
    [
        new("pipews", ["--server", "pipews"], "the hub on Kestrel's own sockets as they come"),
        new("pipews-inline", ["--server", "pipews", "--scheduling", "inline"], "the same with LatencyMode.LowLatency, EnableInlineSockets and UseMemoryBlocks"),
        new("pipews-loops", ["--server", "pipews", "--transport", "loops"], "the hub on PipeWs.Transport"),
        new("pipews-epoll", ["--server", "pipews", "--transport", "epoll"], "the hub on PipeWs.Transport without io_uring"),
        new("pipews-handler", ["--server", "pipews", "--door", "handler"], "the handler door on Kestrel's own sockets"),
        new("pipews-mapped", ["--server", "pipews", "--door", "mapped"], "the mapped door on Kestrel's own sockets"),
        new("pipews-loops-handler", ["--server", "pipews", "--transport", "loops", "--door", "handler"], "the handler door on PipeWs.Transport"),
        new("pipews-loops-mapped", ["--server", "pipews", "--transport", "loops", "--door", "mapped"], "the mapped door on PipeWs.Transport"),
        new(Baseline, ["--server", "aspnet"], "ASP.NET Core's WebSockets"),
        new("aspnet-loops", ["--server", "aspnet", "--transport", "loops"], "the same on PipeWs.Transport"),
        new("signalr", ["--server", "signalr"], "SignalR with its JSON protocol"),
        new(Floor, ["--server", "floor"], "what moves the bytes and does nothing else"),
    ];

    /// <summary>The servers that are compared unless others are named.</summary>
    public static IReadOnlyList<string> Default { get; } = [Floor, "pipews-loops", "pipews-inline", "pipews", Baseline, "signalr"];

    /// <summary>Whether the messages' payload is SignalR's.</summary>
    public bool SpeaksSignalR => Name == "signalr";

    /// <summary>Whether it is one of ours.</summary>
    public bool IsOurs => Name.StartsWith("pipews", StringComparison.Ordinal);

    /// <summary>Finds servers by their names.</summary>
    /// <exception cref="ArgumentException">There is no such server, or two of the same name.</exception>
    public static IReadOnlyList<Contender> Choose(IReadOnlyCollection<string> names, IReadOnlyCollection<Contender> externals)
    {
        Contender[] all = [.. All, .. externals];
        if (all.GroupBy(static contender => contender.Name).FirstOrDefault(static group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"There are two servers named '{twice.Key}'.");
        }

        string? unknown = names.FirstOrDefault(name => !Array.Exists(all, contender => contender.Name == name));
        return unknown is null
            ? [.. names.Select(name => Array.Find(all, contender => contender.Name == name)!), .. externals.Where(external => !names.Contains(external.Name))]
            : throw new ArgumentException($"There is no server '{unknown}'; there are {string.Join(", ", all.Select(static contender => contender.Name))}.");
    }
}

/// <summary>A program of somebody else's that serves WebSockets.</summary>
/// <param name="Command">How it is started, as a shell takes it.</param>
/// <param name="Port">Where it listens on 127.0.0.1.</param>
/// <param name="Path">The path that is loaded; null for the scenario's own, <c>/echo</c> or <c>/bcast</c>.</param>
internal sealed record ExternalServer(string Command, int Port, string? Path)
{
    /// <summary>Reads <c>name=command@port</c> or <c>name=command@port@path</c>.</summary>
    /// <exception cref="FormatException">It is not so written.</exception>
    public static Contender Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string[] parts = text[(equals + 1)..].Split('@');
        string? path = parts.Length > 2 && parts[^1].StartsWith('/') ? parts[^1] : null;
        int portAt = path is null ? parts.Length - 1 : parts.Length - 2;
        if (equals < 1 || portAt < 1 || !int.TryParse(parts[portAt], NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port is < 1 or > 65535)
        {
            throw new FormatException($"--external is name=command@port or name=command@port@/path, not '{text}'.");
        }

        string command = string.Join('@', parts[..portAt]);
        if (string.IsNullOrWhiteSpace(command))
        {
            throw new FormatException($"--external needs a command between = and @, in '{text}'.");
        }

        return new Contender(text[..equals], [], command, new ExternalServer(command, port, path));
    }
}
