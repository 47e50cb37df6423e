using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Compare;

/// <summary>A server's process and that of the load it is put under. Neither outlives the object.</summary>
internal sealed class ServedLoad(Contender server, Scenario scenario, ILoadProgress progress) : IAsyncDisposable
{
    private const string Nothing = "it said nothing";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromMilliseconds(20);

    private ChildProcess? _serving;
    private ChildProcess? _loading;

    private volatile string _serversLastWords = Nothing;
    private volatile string _loadsLastWords = Nothing;

    /// <summary>The server.</summary>
    public Contender Server => server;

    /// <summary>What the load's news are told under.</summary>
    public required string Title { get; set; }

    /// <summary>Starts both.</summary>
    /// <param name="serverCore">The server's core; any where null.</param>
    /// <param name="loadCore">The load's.</param>
    /// <param name="seconds">How long is measured at a time.</param>
    /// <param name="warmUpSeconds">How long the load runs before.</param>
    /// <param name="onStarted">Takes the processes' ids.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">The server did not start.</exception>
    public async Task StartAsync(int? serverCore, int? loadCore, double seconds, double warmUpSeconds, Action<int> onStarted, CancellationToken cancellationToken)
    {
        _serving = server.External is { } program
            ? ChildProcess.StartCommand(program.Command, serverCore, OnServerSaid)
            : ChildProcess.Start(["serve", .. server.Arguments, "--port", "0"], serverCore, OnServerSaid);
        onStarted(_serving.Id);
        Uri address = server.External is { } external
            ? await WaitUntilListeningAsync(external, cancellationToken)
            : await WaitUntilReadyAsync(_serving, cancellationToken);
        _loading = ChildProcess.Start(
            scenario.GetArguments(address, _serving.Id, server, seconds, warmUpSeconds),
            loadCore,
            line =>
            {
                if (!string.IsNullOrWhiteSpace(line))
                {
                    _loadsLastWords = line;
                }

                progress.Report($"{Title}: {line}");
            });
        onStarted(_loading.Id);
    }

    /// <summary>Waits until a load that is measured on request rests after its warm-up.</summary>
    public async Task WaitUntilWarmAsync(CancellationToken cancellationToken)
    {
        if (await _loading!.Output.ReadLineAsync(cancellationToken) != LoadRun.Ready)
        {
            await ThrowFailedAsync(cancellationToken);
        }
    }

    /// <summary>Asks for a measurement.</summary>
    public async Task RequestAsync()
    {
        try
        {
            await _loading!.Input.WriteLineAsync();
        }
        catch (IOException)
        {
            // It has ended: why is found where its answer is read.
        }
    }

    /// <summary>Waits for the measurement.</summary>
    /// <exception cref="InvalidOperationException">The load ended without one.</exception>
    public async Task<LoadResult> ReadResultAsync(CancellationToken cancellationToken)
    {
        string? line = await _loading!.Output.ReadLineAsync(cancellationToken);
        if (line?.StartsWith('{') != true)
        {
            await ThrowFailedAsync(cancellationToken);
        }

        return LoadResult.FromJson(line!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_loading is not null)
        {
            await _loading.DisposeAsync();
        }

        if (_serving is not null)
        {
            await _serving.DisposeAsync();
        }
    }

    private async Task ThrowFailedAsync(CancellationToken cancellationToken)
    {
        int exitCode = await _loading!.WaitForExitAsync(cancellationToken);
        throw new InvalidOperationException(
            $"{scenario.Name} against {server.Name} ended with exit code {exitCode}: {_loadsLastWords} {await DescribeServerAsync(cancellationToken)}".TrimEnd());
    }

    private async Task<Uri> WaitUntilReadyAsync(ChildProcess process, CancellationToken cancellationToken)
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
            : throw new InvalidOperationException($"The server {server.Name} did not start: {line ?? _serversLastWords}");
    }

    private async Task<Uri> WaitUntilListeningAsync(ExternalServer external, CancellationToken cancellationToken)
    {
        long start = Environment.TickCount64;
        while (_serving!.ExitCode is null && Environment.TickCount64 - start < StartTimeout.TotalMilliseconds)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, external.Port, cancellationToken);
                return new Uri($"http://127.0.0.1:{external.Port}");
            }
            catch (SocketException)
            {
                await Task.Delay(ConnectInterval, cancellationToken);
            }
        }

        throw new InvalidOperationException($"The server {server.Name} does not listen at 127.0.0.1:{external.Port}. {await DescribeServerAsync(cancellationToken)}".TrimEnd());
    }

    /// <summary>What the server has to do with a load's failure, where it is known.</summary>
    private async Task<string> DescribeServerAsync(CancellationToken cancellationToken)
    {
        if (_serving!.ExitCode is { } exitCode)
        {
            // Until all it said has been read.
            await _serving.WaitForExitAsync(cancellationToken);
            return $"It has ended with exit code {exitCode}: {_serversLastWords}";
        }

        return _serversLastWords == Nothing ? "" : $"The server said last: {_serversLastWords}";
    }

    private void OnServerSaid(string line)
    {
        if (!string.IsNullOrWhiteSpace(line))
        {
            _serversLastWords = line;
        }
    }
}
