using System.Globalization;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Compare;

/// <summary>
/// Puts servers under the same loads, in turns: A B C, A B C, ... so that what the machine does meanwhile meets all of them. Each server has a process of its own for each scenario of each round;
/// all servers are on one core and all loads on another, of which one at a time is at work.
/// </summary>
internal sealed class Comparison(ComparisonOptions options, ILoadProgress progress)
{
    private readonly Dictionary<(Scenario Scenario, string Server), List<LoadResult>> _results = [];
    private readonly List<int> _processes = [];
    private readonly IReadOnlyList<int> _cores = CpuAffinity.GetAllowedCores();

    /// <summary>Where servers and load run, and what else the numbers depend on, in words.</summary>
    public string Placement
    {
        get
        {
            string cores = _cores.Count > 1
                ? string.Create(CultureInfo.InvariantCulture, $"servers on core {_cores[0]}, load on core {_cores[1]}")
                : "servers and load share the only core: throughput and latency are of little use, CPU per message is";
            return CongestionControl.Explain(CongestionControl.Read()) is { } pacing ? $"{cores}; {pacing}" : cores;
        }
    }

    /// <summary>The ids of all processes that were started.</summary>
    public IReadOnlyList<int> StartedProcesses => _processes;

    private int? ServerCore => _cores.Count > 1 ? _cores[0] : null;

    private int? LoadCore => _cores.Count > 1 ? _cores[1] : null;

    /// <summary>Runs all rounds.</summary>
    /// <exception cref="InvalidOperationException">A server or a load could not be started.</exception>
    public async Task<ComparisonResult> RunAsync(CancellationToken cancellationToken)
    {
        int mostConnections = options.Scenarios.Max(scenario => scenario.Connections);
        if (FileLimit.Explain(mostConnections, FileLimit.Read()) is { } tooFew)
        {
            throw new InvalidOperationException(tooFew);
        }

        int total = options.Rounds * options.Contenders.Count * options.Scenarios.Sum(scenario => scenario.HasTurns ? options.Turns : 1);
        int done = 0;
        for (int round = 1; round <= options.Rounds; round++)
        {
            foreach (Scenario scenario in options.Scenarios)
            {
                string Title(string server, int number) => string.Create(CultureInfo.InvariantCulture, $"[{number}/{total}] round {round}, {scenario.Name}, {server}");
                done = scenario.HasTurns
                    ? await MeasureInTurnsAsync(scenario, done, Title, cancellationToken)
                    : await MeasureAloneAsync(scenario, done, Title, cancellationToken);
            }
        }

        return new ComparisonResult(options, _results);
    }

    /// <summary>All servers are up, each with its load, and are measured in turns while the others rest.</summary>
    private async Task<int> MeasureInTurnsAsync(Scenario scenario, int done, Func<string, int, string> title, CancellationToken cancellationToken)
    {
        var loads = new List<ServedLoad>();
        try
        {
            foreach (Contender server in options.Contenders)
            {
                // One after the other: each warms up alone.
                ServedLoad load = await StartAsync(server, scenario, title(server.Name, done + 1), cancellationToken);
                loads.Add(load);
                await load.WaitUntilWarmAsync(cancellationToken);
            }

            for (int turn = 0; turn < options.Turns; turn++)
            {
                foreach (ServedLoad load in loads)
                {
                    load.Title = title(load.Server.Name, ++done);
                    progress.Report(load.Title);
                    await load.RequestAsync();
                    Add(scenario, load.Server, await load.ReadResultAsync(cancellationToken));
                }
            }
        }
        finally
        {
            foreach (ServedLoad load in loads)
            {
                await load.DisposeAsync();
            }
        }

        return done;
    }

    private async Task<int> MeasureAloneAsync(Scenario scenario, int done, Func<string, int, string> title, CancellationToken cancellationToken)
    {
        foreach (Contender server in options.Contenders)
        {
            string what = title(server.Name, ++done);
            progress.Report(what);
            await using ServedLoad load = await StartAsync(server, scenario, what, cancellationToken);
            Add(scenario, server, await load.ReadResultAsync(cancellationToken));
        }

        return done;
    }

    private async Task<ServedLoad> StartAsync(Contender server, Scenario scenario, string title, CancellationToken cancellationToken)
    {
        var load = new ServedLoad(server, scenario, progress) { Title = title };
        try
        {
            await load.StartAsync(ServerCore, LoadCore, options.Seconds, options.WarmUpSeconds, _processes.Add, cancellationToken);
            return load;
        }
        catch
        {
            await load.DisposeAsync();
            throw;
        }
    }

    private void Add(Scenario scenario, Contender server, LoadResult result)
    {
        if (!_results.TryGetValue((scenario, server.Name), out List<LoadResult>? results))
        {
            _results.Add((scenario, server.Name), results = []);
        }

        results.Add(result);
    }
}
