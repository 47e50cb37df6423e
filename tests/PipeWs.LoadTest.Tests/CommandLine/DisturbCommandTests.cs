using Microsoft.AspNetCore.Builder;
using PipeWs.LoadTest.Disturb;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Servers;

namespace PipeWs.LoadTest.Tests.CommandLine;

/// <summary>A short run: that it disturbs and measures, not how fast anything is.</summary>
public sealed class DisturbCommandTests
{
    [Fact]
    public async Task Those_that_behave_are_answered_while_others_throw_hang_and_flood()
    {
        await using WebApplication application = LoadServer.Build(new ServerOptions(ServerKind.PipeWs, 0));
        await application.StartAsync(TestContext.Current.CancellationToken);
        var url = new Uri(application.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + "/json");

        DisturbResult result = await Task.Run(
            () => DisturbRun.Run(new DisturbOptions(url, Rounds: 1, Seconds: 2, Connections: 2, Rate: 100), new Silence(), TestContext.Current.CancellationToken));

        Assert.Equal(0, result.Lost);
        Assert.InRange(result.Undisturbed.Count, 1, long.MaxValue);
        Assert.InRange(result.Disturbed.Count, 1, long.MaxValue);

        // More than the six welcomes.
        Assert.InRange(result.DisturbingMessages, 7, long.MaxValue);
    }

    [Fact]
    public void A_result_is_sound_while_the_99th_percentile_stays_under_twice_what_it_was()
    {
        var result = new DisturbResult { DisturbingMessages = 1 };
        Record(result.Undisturbed, 1_000_000);
        Record(result.Disturbed, 1_500_000);
        Assert.InRange(result.Ratio, 1.4, 1.6);
        Assert.True(result.IsSound);
        result.Lost = 1;
        Assert.False(result.IsSound);
        var slow = new DisturbResult { DisturbingMessages = 1 };
        Record(slow.Undisturbed, 1_000_000);
        Record(slow.Disturbed, 2_500_000);
        Assert.False(slow.IsSound);
    }

    private static void Record(LatencyHistogram histogram, long nanoseconds)
    {
        for (int i = 0; i < 100; i++)
        {
            histogram.Record(nanoseconds);
        }
    }

    private sealed class Silence : PipeWs.LoadTest.Load.ILoadProgress
    {
        public void Report(string what)
        {
        }
    }
}
