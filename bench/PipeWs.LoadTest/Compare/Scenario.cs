using System.Globalization;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Compare;

/// <summary>One kind of load that all servers are put under.</summary>
/// <param name="Name">As it is printed: <c>echo 64x32</c>.</param>
/// <param name="Group">The group it is chosen by: echo, bcast, idle or connect.</param>
/// <param name="Mode">The load's mode.</param>
/// <param name="Connections">Its connections.</param>
/// <param name="Depth">Messages under way: on each connection in echo, of the publisher in fan-out; 0 in idle and connect, and where <paramref name="Rate"/> is given.</param>
/// <param name="PayloadBytes">The messages' length.</param>
/// <param name="Rate">Fan-out: messages a second, instead of as many as go through.</param>
internal sealed record Scenario(string Name, string Group, LoadMode Mode, int Connections, int Depth, int PayloadBytes = 128, double? Rate = null)
{
    /// <summary>All scenarios, in the order they run.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("echo 64x1", "echo", LoadMode.Echo, 64, 1),
        new("echo 64x32", "echo", LoadMode.Echo, 64, 32),
        new("echo 64x1 16 KiB", "echo", LoadMode.Echo, 64, 1, PayloadBytes: 16 * 1024),
        new("bcast 100 window 64", "bcast", LoadMode.FanOut, 100, 64),
        new("bcast 1000 window 1", "bcast", LoadMode.FanOut, 1000, 1),
        new("bcast 1000 window 64", "bcast", LoadMode.FanOut, 1000, 64),
        new("bcast 1000 50 per second", "bcast", LoadMode.FanOut, 1000, 0, Rate: 50),
        new("idle 5000", "idle", LoadMode.Idle, 5000, 0),
        new("connect 64 at a time", "connect", LoadMode.Connect, 64, 0),
    ];

    /// <summary>The name as one word: <c>echo-64x32</c>.</summary>
    public string Key => Name.Replace(' ', '-');

    /// <summary>The servers' path that it loads.</summary>
    public string Path => Mode == LoadMode.FanOut ? "/bcast" : "/echo";

    /// <summary>Whether servers that are running side by side can be measured in turns: where what they do at rest does not matter.</summary>
    public bool HasTurns => Mode is LoadMode.Echo or LoadMode.FanOut;

    /// <summary>What the comparison is about.</summary>
    public string Unit => this switch
    {
        { Mode: LoadMode.Idle } => "memory per connection",
        { Mode: LoadMode.Connect } => "connections per CPU-second",
        { Rate: not null } => "99th percentile of the latency",
        _ => "messages per CPU-second",
    };

    /// <summary>Whether less of it is better.</summary>
    public bool IsLessBetter => Mode == LoadMode.Idle || Rate is not null;

    /// <summary>The measure that <see cref="Unit"/> names; null where the run has none.</summary>
    public double? GetValue(LoadResult result) =>
        Mode == LoadMode.Idle ? result.BytesPerConnection : Rate is null ? result.MessagesPerCpuSecond : result.LatencyMicroseconds?.P99;

    /// <summary>Chooses scenarios by group or key, in the order they run.</summary>
    /// <exception cref="ArgumentException">There is no such scenario.</exception>
    public static IReadOnlyList<Scenario> Choose(IReadOnlyCollection<string> names)
    {
        string? unknown = names.FirstOrDefault(name => !All.Any(scenario => scenario.IsNamed(name)));
        return unknown is null
            ? [.. All.Where(scenario => names.Any(scenario.IsNamed))]
            : throw new ArgumentException($"There is no scenario '{unknown}'; there are echo, bcast, idle, connect, {string.Join(", ", All.Select(scenario => scenario.Key))}.");
    }

    /// <summary>The arguments of <c>run</c> for this load.</summary>
    public IEnumerable<string> GetArguments(Uri address, int processId, Contender server, double seconds, double warmUp)
    {
        yield return "run";
        yield return "--json";
        yield return "--url";
        yield return $"ws://{address.Authority}{server.External?.Path ?? Path}";
        yield return "--pid";
        yield return processId.ToString(CultureInfo.InvariantCulture);
        yield return "--mode";
        yield return Mode == LoadMode.FanOut ? "fanout" : Group;
        yield return "--connections";
        yield return Connections.ToString(CultureInfo.InvariantCulture);
        yield return "--protocol";
        yield return server.SpeaksSignalR ? "signalr" : "raw";
        yield return "--size";
        yield return PayloadBytes.ToString(CultureInfo.InvariantCulture);
        yield return "--seconds";
        yield return (Mode == LoadMode.Idle ? 20 : seconds).ToString(CultureInfo.InvariantCulture);
        yield return "--warmup";
        yield return warmUp.ToString(CultureInfo.InvariantCulture);
        if (HasTurns)
        {
            yield return "--on-request";
        }

        if (Mode == LoadMode.Idle && server.External is null)
        {
            yield return "--compact";
        }

        if (Rate is { } rate)
        {
            yield return "--rate";
            yield return rate.ToString(CultureInfo.InvariantCulture);
        }
        else if (Mode is LoadMode.Echo or LoadMode.FanOut)
        {
            yield return Mode == LoadMode.Echo ? "--in-flight" : "--window";
            yield return Depth.ToString(CultureInfo.InvariantCulture);
        }
    }

    private bool IsNamed(string name) => name == Group || name == Key;
}
