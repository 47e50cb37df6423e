using System.Globalization;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Compare;

/// <summary>One kind of load that all servers are put under.</summary>
/// <param name="Name">As it is printed: <c>echo 64x32</c>.</param>
/// <param name="Group">The group it is chosen by: echo, bcast or idle.</param>
/// <param name="Mode">The load's mode.</param>
/// <param name="Connections">Its connections.</param>
/// <param name="Depth">Messages under way: on each connection in echo, of the publisher in fan-out; 0 in idle.</param>
internal sealed record Scenario(string Name, string Group, LoadMode Mode, int Connections, int Depth)
{
    /// <summary>All scenarios, in the order they run.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("echo 64x1", "echo", LoadMode.Echo, 64, 1),
        new("echo 64x32", "echo", LoadMode.Echo, 64, 32),
        new("bcast 1000 window 1", "bcast", LoadMode.FanOut, 1000, 1),
        new("bcast 1000 window 64", "bcast", LoadMode.FanOut, 1000, 64),
        new("idle 5000", "idle", LoadMode.Idle, 5000, 0),
    ];

    /// <summary>The name as one word: <c>echo-64x32</c>.</summary>
    public string Key => Name.Replace(' ', '-');

    /// <summary>The servers' path that it loads.</summary>
    public string Path => Mode == LoadMode.FanOut ? "/bcast" : "/echo";

    /// <summary>What the comparison is about.</summary>
    public string Unit => Mode == LoadMode.Idle ? "memory per connection" : "messages per CPU-second";

    /// <summary>The measure that <see cref="Unit"/> names; null where the run has none.</summary>
    public double? GetValue(LoadResult result) => Mode == LoadMode.Idle ? result.BytesPerConnection : result.MessagesPerCpuSecond;

    /// <summary>Chooses scenarios by group or key, in the order they run.</summary>
    /// <exception cref="ArgumentException">There is no such scenario.</exception>
    public static IReadOnlyList<Scenario> Choose(IReadOnlyCollection<string> names)
    {
        string? unknown = names.FirstOrDefault(name => !All.Any(scenario => scenario.IsNamed(name)));
        return unknown is null
            ? [.. All.Where(scenario => names.Any(scenario.IsNamed))]
            : throw new ArgumentException($"There is no scenario '{unknown}'; there are echo, bcast, idle, {string.Join(", ", All.Select(scenario => scenario.Key))}.");
    }

    /// <summary>The arguments of <c>run</c> for this load.</summary>
    public IEnumerable<string> GetArguments(Uri server, int processId, bool signalR, double seconds, double warmUp)
    {
        yield return "run";
        yield return "--json";
        yield return "--url";
        yield return $"ws://{server.Authority}{Path}";
        yield return "--pid";
        yield return processId.ToString(CultureInfo.InvariantCulture);
        yield return "--mode";
        yield return Mode == LoadMode.FanOut ? "fanout" : Group;
        yield return "--connections";
        yield return Connections.ToString(CultureInfo.InvariantCulture);
        yield return "--protocol";
        yield return signalR ? "signalr" : "raw";
        yield return "--seconds";
        yield return (Mode == LoadMode.Idle ? 20 : seconds).ToString(CultureInfo.InvariantCulture);
        yield return "--warmup";
        yield return warmUp.ToString(CultureInfo.InvariantCulture);
        if (Mode != LoadMode.Idle)
        {
            yield return Mode == LoadMode.Echo ? "--in-flight" : "--window";
            yield return Depth.ToString(CultureInfo.InvariantCulture);
        }
    }

    private bool IsNamed(string name) => name == Group || name == Key;
}
