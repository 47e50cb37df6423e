using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.Tests.Servers;

/// <summary>The program as a process, as checks from outside start it.</summary>
public sealed class ServeProcessTests
{
    [Theory]
    [InlineData("aspnet")]
    [InlineData("signalr")]
    public async Task Serve_says_when_it_is_ready_and_ends_with_0_at_SIGTERM_though_connections_are_open(string server)
    {
        await using var process = ChildProcess.Start(["serve", "--server", server, "--port", "0"], core: null, _ => { });
        string? line = await process.Output.ReadLineAsync(TestContext.Current.CancellationToken);

        Assert.NotNull(line);
        Assert.Matches("^ready http://127\\.0\\.0\\.1:[0-9]+$", line);
        var url = new Uri(line["ready http".Length..].Insert(0, "ws") + "/bcast");
        using Socket socket = ClientHandshake.Connect(url, out _);
        Assert.Equal(0, await process.StopAsync());
        Assert.Equal("", await process.Output.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_server_that_ends_under_load_ends_the_run_with_a_result()
    {
        await using var process = ChildProcess.Start(["serve", "--server", "aspnet", "--port", "0"], core: null, _ => { });
        string? line = await process.Output.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        Task<int>? stopping = null;
        var progress = new Recorder { OnReport = what => stopping ??= what.StartsWith("measuring", StringComparison.Ordinal) ? process.StopAsync() : null };

        LoadResult result = await LoadRun.RunAsync(
            new LoadOptions
            {
                Url = new Uri(line["ready http".Length..].Insert(0, "ws") + "/echo"),
                Mode = LoadMode.Echo,
                Connections = 3,
                WarmUp = TimeSpan.Zero,
                Duration = TimeSpan.FromHours(1),
                ProcessId = process.Id,
            },
            progress,
            TestContext.Current.CancellationToken);

        Assert.False(result.IsSound);
        Assert.Equal(3, result.ClosedByServer);
        Assert.Equal(0, await stopping!);
    }

    [Fact]
    public async Task A_server_that_compacts_its_heap_goes_on()
    {
        await using var process = ChildProcess.Start(["serve", "--server", "pipews", "--port", "0"], core: null, _ => { });
        string? line = await process.Output.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);

        LoadResult result = await LoadRun.RunAsync(
            new LoadOptions
            {
                Url = new Uri(line["ready http".Length..].Insert(0, "ws") + "/echo"),
                Mode = LoadMode.Idle,
                Connections = 20,
                Duration = TimeSpan.FromSeconds(0.5),
                ProcessId = process.Id,
                Compacts = true,
            },
            new Recorder(),
            TestContext.Current.CancellationToken);

        Assert.True(result.IsSound, result.FirstError);
        Assert.NotNull(result.BytesPerConnection);
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task A_port_that_is_taken_is_an_error_in_words()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var errors = new List<string>();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var process = ChildProcess.Start(["serve", "--server", "aspnet", "--port", $"{port}"], core: null, errors.Add);

        Assert.Equal(2, await process.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.Contains(errors, error => error.Contains($"{port}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Compare_measures_every_server_in_its_own_process_and_leaves_none_behind()
    {
        var progress = new Recorder();
        Scenario echo = Scenario.Choose(["echo-64x32"])[0];
        var comparison = new Comparison(new ComparisonOptions(Contender.Choose(["aspnet", "signalr"], []), [echo], 2, 3, 0.3, 0), progress);

        ComparisonResult result = await comparison.RunAsync(TestContext.Current.CancellationToken);

        Assert.True(result.IsSound, string.Join('\n', result.GetConclusions()));
        Assert.All(["aspnet", "signalr"], server =>
        {
            // In flight were 64 x 32 in each of three turns of two rounds, however little time the machine had for more.
            Assert.InRange(result.GetSum(echo, server, run => run.Got), 6 * 64 * 32, long.MaxValue);
            Assert.NotNull(result.GetMedian(echo, server, run => run.ServerCpuSeconds));
        });
        Assert.All(comparison.StartedProcesses, id => Assert.Throws<InvalidOperationException>(() => ProcessStatus.Read(id)));
        Assert.Equal(Enumerable.Repeat((string[])["aspnet", "signalr"], 6).SelectMany(static servers => servers), progress.Titles.Select(title => title[(title.LastIndexOf(' ') + 1)..]));
    }

    [Fact]
    public async Task Compare_measures_a_program_of_somebody_elses_and_every_way_to_run_ours()
    {
        int port = FreePort();
        string program = Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet";
        Contender external = ExternalServer.Parse($"other={program} {typeof(Program).Assembly.Location} serve --server floor --port {port}@{port}");
        Scenario[] scenarios = [Scenario.Choose(["echo-64x32"])[0], Scenario.Choose(["bcast-100-window-64"])[0]];
        var comparison = new Comparison(new ComparisonOptions(Contender.Choose(["floor", "pipews-loops", "pipews-inline", "pipews-loops-mapped", "aspnet-loops"], [external]), scenarios, 1, 2, 0.3, 0), new Recorder());

        ComparisonResult result = await comparison.RunAsync(TestContext.Current.CancellationToken);

        Assert.True(result.IsSound, string.Join('\n', result.GetConclusions()));
        string table = MarkdownReport.Create(result, "anywhere");
        Assert.Contains("| | floor | pipews-loops | pipews-inline | pipews-loops-mapped | aspnet-loops | other |\n|---|---|---|---|---|---|---|\n", table, StringComparison.Ordinal);
        Assert.Matches(@"\| echo 64x32, k messages/CPU-s \| [\d,.]+ \| [\d,.]+ \(\d+\.\d\d\) \|", table);
        System.Xml.Linq.XDocument chart = System.Xml.Linq.XDocument.Parse(SvgReport.Create(result));
        Assert.Equal(2 * 6, chart.Descendants(System.Xml.Linq.XName.Get("rect", "http://www.w3.org/2000/svg")).Count());
        Assert.All(comparison.StartedProcesses, id => Assert.Throws<InvalidOperationException>(() => ProcessStatus.Read(id)));
    }

    [Fact]
    public async Task Compare_says_why_a_program_does_not_serve()
    {
        Contender[] servers = [ExternalServer.Parse($"absent=no-such-program-here@{FreePort()}")];
        var comparison = new Comparison(new ComparisonOptions(servers, [Scenario.Choose(["echo-64x32"])[0]], 1, 1, 0.3, 0), new Recorder());

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => comparison.RunAsync(TestContext.Current.CancellationToken));

        Assert.Contains("The server absent does not listen", error.Message, StringComparison.Ordinal);
        Assert.Contains("exit code 127", error.Message, StringComparison.Ordinal);
        Assert.Contains("no-such-program-here", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_says_why_a_load_could_not_be_made()
    {
        int port = FreePort();
        string program = Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet";
        Contender[] servers = [ExternalServer.Parse($"other={program} {typeof(Program).Assembly.Location} serve --server aspnet --port {port}@{port}@/nowhere")];
        var comparison = new Comparison(new ComparisonOptions(servers, [Scenario.Choose(["echo-64x32"])[0]], 1, 1, 0.3, 0), new Recorder());

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => comparison.RunAsync(TestContext.Current.CancellationToken));

        Assert.Contains("echo 64x32 against other ended with exit code", error.Message, StringComparison.Ordinal);
        Assert.Contains("404", error.Message, StringComparison.Ordinal);
        Assert.All(comparison.StartedProcesses, id => Assert.Throws<InvalidOperationException>(() => ProcessStatus.Read(id)));
    }

    [Fact]
    public async Task Compare_ends_its_server_when_it_is_interrupted()
    {
        using var interruption = new CancellationTokenSource();
        var progress = new Recorder { OnReport = what => { if (what.Contains("warm-up", StringComparison.Ordinal)) { interruption.Cancel(); } } };
        var comparison = new Comparison(new ComparisonOptions(Contender.Choose(["aspnet"], []), [Scenario.Choose(["echo"])[0]], 1, 1, 60, 60), progress);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => comparison.RunAsync(interruption.Token));

        Assert.NotEmpty(comparison.StartedProcesses);
        Assert.All(comparison.StartedProcesses, id => Assert.Throws<InvalidOperationException>(() => ProcessStatus.Read(id)));
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private sealed class Recorder : ILoadProgress
    {
        private readonly Lock _gate = new();

        public List<string> Titles { get; } = [];

        public Action<string> OnReport { get; init; } = _ => { };

        public void Report(string what)
        {
            lock (_gate)
            {
                if (!what.Contains(": ", StringComparison.Ordinal))
                {
                    Titles.Add(what);
                }
            }

            OnReport(what);
        }
    }
}
