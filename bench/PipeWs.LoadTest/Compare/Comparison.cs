using System.Globalization;
using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Compare;

/// <summary>
/// Puts servers under the same loads, in turns: A B C, A B C, ... so that what the machine does meanwhile meets all of them. Each measurement has a server
/// process of its own on one core and the generator on another.
/// </summary>
internal sealed class Comparison(ComparisonOptions options, ILoadProgress progress)
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<(Scenario Scenario, string Server), List<LoadResult>> _results = [];
    private readonly List<int> _processes = [];
    private readonly IReadOnlyList<int> _cores = CpuAffinity.GetAllowedCores();

    /// <summary>Where servers and load run, in words.</summary>
    public string Placement => _cores.Count > 1
        ? string.Create(CultureInfo.InvariantCulture, $"servers on core {_cores[0]}, load on core {_cores[1]}")
        : "servers and load share the only core: throughput and latency are of little use, CPU per message is";

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

        int total = options.Rounds * options.Scenarios.Count * options.Contenders.Count;
        int done = 0;
        for (int round = 1; round <= options.Rounds; round++)
        {
            foreach (Scenario scenario in options.Scenarios)
            {
                foreach (Contender server in options.Contenders)
                {
                    string title = string.Create(CultureInfo.InvariantCulture, $"[{++done}/{total}] round {round}, {scenario.Name}, {server.Name}");
                    progress.Report(title);
                    LoadResult result = await MeasureAsync(server, scenario, title, cancellationToken);
                    if (!_results.TryGetValue((scenario, server.Name), out List<LoadResult>? results))
                    {
                        _results.Add((scenario, server.Name), results = []);
                    }

                    results.Add(result);
                }
            }
        }

        return new ComparisonResult(options, _results);
    }

    private async Task<LoadResult> MeasureAsync(Contender server, Scenario scenario, string title, CancellationToken cancellationToken)
    {
        var errors = new LastLines();
        await using ChildProcess serving = server.External is { } program
            ? ChildProcess.StartCommand(program.Command, ServerCore, errors.Add)
            : ChildProcess.Start(["serve", .. server.Arguments, "--port", "0"], ServerCore, errors.Add);
        _processes.Add(serving.Id);
        Uri address = server.External is { } external
            ? await WaitUntilListeningAsync(external, server.Name, errors, cancellationToken)
            : await WaitUntilReadyAsync(serving, server.Name, errors, cancellationToken);
        await using var loading = ChildProcess.Start(
            scenario.GetArguments(address, serving.Id, server, options.Seconds, options.WarmUpSeconds),
            LoadCore,
            line =>
            {
                errors.Add(line);
                progress.Report($"{title}: {line}");
            });
        _processes.Add(loading.Id);
        string output = await loading.Output.ReadToEndAsync(cancellationToken);
        int exitCode = await loading.WaitForExitAsync(cancellationToken);
        return output.StartsWith('{')
            ? LoadResult.FromJson(output)
            : throw new InvalidOperationException($"{scenario.Name} against {server.Name} ended with exit code {exitCode}: {errors.Last}");
    }

    private static async Task<Uri> WaitUntilReadyAsync(ChildProcess process, string server, LastLines errors, CancellationToken cancellationToken)
    {
        const string Ready = "ready ";
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(StartTimeout);
        string? line;
        try
        {
            line = await process.Output.ReadLineAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            line = null;
        }

        return line is not null && line.StartsWith(Ready, StringComparison.Ordinal)
            ? new Uri(line[Ready.Length..])
            : throw new InvalidOperationException($"The server {server} did not start: {line ?? errors.Last}");
    }

    private static async Task<Uri> WaitUntilListeningAsync(ExternalServer server, string name, LastLines errors, CancellationToken cancellationToken)
    {
        long start = Environment.TickCount64;
        while (Environment.TickCount64 - start < StartTimeout.TotalMilliseconds)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, server.Port, cancellationToken);
                return new Uri($"http://127.0.0.1:{server.Port}");
            }
            catch (SocketException)
            {
                await Task.Delay(ConnectInterval, cancellationToken);
            }
        }

        throw new InvalidOperationException($"The server {name} does not listen at 127.0.0.1:{server.Port}: {errors.Last}");
    }

    /// <summary>Remembers what a process said last, for the case that it fails.</summary>
    private sealed class LastLines
    {
        private volatile string _last = "it said nothing";

        public string Last => _last;

        public void Add(string line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                _last = line;
            }
        }
    }
}
