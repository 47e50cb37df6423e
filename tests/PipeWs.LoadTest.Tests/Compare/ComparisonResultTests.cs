using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Tests.Compare;

public sealed class ComparisonResultTests
{
    private static readonly Scenario Echo = Assert.Single(Scenario.Choose(["echo-64x32"]));
    private static readonly Scenario Idle = Assert.Single(Scenario.Choose(["idle"]));

    [Theory]
    [InlineData(new double[0], null)]
    [InlineData(new[] { 3.0 }, 3.0)]
    [InlineData(new[] { 9.0, 1.0, 2.0 }, 2.0)]
    [InlineData(new[] { 4.0, 1.0, 2.0, 9.0 }, 3.0)]
    public void The_median_is_the_middle(double[] values, double? expected) => Assert.Equal(expected, ComparisonResult.Median(values));

    [Fact]
    public void Ratios_are_told_by_scenario_of_each_server_to_aspnet_and_of_pipews_to_all()
    {
        var result = Create(new()
        {
            [(Echo, "pipews")] = [Run(100, 1), Run(510, 1), Run(600, 1)],
            [(Echo, "aspnet")] = [Run(100, 1), Run(90, 1), Run(110, 1)],
            [(Echo, "signalr")] = [Run(50, 1), Run(50, 1), Run(50, 1)],
            [(Idle, "pipews")] = [Rest(500)],
            [(Idle, "aspnet")] = [Rest(1000)],
            [(Idle, "signalr")] = [Rest(2000)],
        });

        Assert.Equal(
            [
                "echo 64x32: pipews = 5.45 x aspnet (messages per CPU-second)",
                "echo 64x32: pipews = 10.2 x signalr (messages per CPU-second)",
                "echo 64x32: signalr = 0.5 x aspnet (messages per CPU-second)",
                "idle 5000: pipews = 0.5 x aspnet (memory per connection)",
                "idle 5000: pipews = 0.25 x signalr (memory per connection)",
                "idle 5000: signalr = 2.0 x aspnet (memory per connection)",
                "nothing lost: all of 1,660 messages arrived, once and unchanged",
            ],
            result.GetConclusions());
        Assert.True(result.IsSound);
    }

    [Fact]
    public void A_loss_in_any_round_is_told()
    {
        var result = Create(new()
        {
            [(Echo, "aspnet")] = [Run(100, 1), Run(100, 1) with { Got = 97, FirstError = "Gone." }],
        });

        Assert.False(result.IsSound);
        Assert.Equal(["echo 64x32: aspnet lost 3 of 200 messages, 0 were wrong, 0 connections were closed. Gone."], result.GetConclusions());
    }

    [Fact]
    public void A_result_survives_JSON()
    {
        LoadResult result = Run(100, 2) with { LatencyMicroseconds = new LatencySummary(1, 2, 3, 4), Window = 64 };

        Assert.Equal(result, LoadResult.FromJson(result.ToJson()));
        Assert.Contains("\"messagesPerCpuSecond\":50", result.ToJson(), StringComparison.Ordinal);
    }

    private static ComparisonResult Create(Dictionary<(Scenario, string), List<LoadResult>> results) =>
        new(new ComparisonOptions(Contender.Choose(["pipews", "aspnet", "signalr"], []), [Echo, Idle], 1, 3, 1, 1), results);

    private static LoadResult Run(long messages, double cpuSeconds) => new()
    {
        Url = "ws://localhost/",
        Mode = LoadMode.Echo,
        Protocol = LoadProtocol.Raw,
        Connections = 1,
        Messages = messages,
        Expected = messages,
        Got = messages,
        ServerCpuSeconds = cpuSeconds,
    };

    private static LoadResult Rest(long bytes) => new()
    {
        Url = "ws://localhost/",
        Mode = LoadMode.Idle,
        Protocol = LoadProtocol.Raw,
        Connections = 10,
        BaselineBytes = 1_000_000,
        ResidentBytes = 1_000_000 + (bytes * 10),
    };
}
