using System.Globalization;

namespace PipeWs.LoadTest.Measurement;

/// <summary>How many files and sockets this process may open. The runtime raises its soft limit to the hard one at start.</summary>
internal static class FileLimit
{
    /// <summary>What the process needs beside its connections: assemblies, pipes, epoll.</summary>
    public const int Reserve = 200;

    /// <summary>Reads the soft limit; <see cref="long.MaxValue"/> where there is none.</summary>
    public static long Read() => Parse(File.ReadAllText("/proc/self/limits"));

    /// <summary>Says in plain words why so many connections cannot be opened; null where they can.</summary>
    public static string? Explain(int connections, long limit) => connections + Reserve <= limit
        ? null
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{connections:N0} connections need a limit of at least {connections + Reserve:N0} open files; this process has {limit:N0}, which is its hard limit. Raise it (ulimit -Hn, LimitNOFILE) or ask for fewer connections.");

    internal static long Parse(string limits)
    {
        const string Name = "Max open files";
        foreach (ReadOnlySpan<char> line in limits.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(Name))
            {
                ReadOnlySpan<char> soft = line[Name.Length..].TrimStart();
                soft = soft[..soft.IndexOf(' ')];
                return soft is "unlimited" ? long.MaxValue : long.Parse(soft, CultureInfo.InvariantCulture);
            }
        }

        throw new FormatException("Not the text of a /proc/PID/limits.");
    }
}
