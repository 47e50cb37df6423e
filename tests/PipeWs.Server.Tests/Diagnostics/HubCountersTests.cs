using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Diagnostics;

public sealed class HubCountersTests
{
    [Fact]
    public async Task Sums_never_go_back_and_lose_nothing_while_connections_come_and_go()
    {
        const int Rounds = 40;
        const int Peers = 5;
        using var hub = new TestHub();
        HubCounters counters = hub.Hub.Counters;
        using var stop = new CancellationTokenSource();
        Task reader = Task.Run(() =>
        {
            HubTraffic before = default;
            while (!stop.IsCancellationRequested)
            {
                HubTraffic now = counters.Traffic();
                Assert.True(now.MessagesReceived >= before.MessagesReceived, $"{now} after {before}");
                Assert.True(now.BytesReceived >= before.BytesReceived, $"{now} after {before}");
                Assert.True(now.MessagesSent >= before.MessagesSent, $"{now} after {before}");
                Assert.True(now.BytesSent >= before.BytesSent, $"{now} after {before}");
                before = now;
            }
        });
        await Task.WhenAll(Enumerable.Range(0, Peers).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                await using var peer = new HubPeer(hub.Hub);
                await peer.SendAsync("""{"id":"1","type":"ping"}""");
                await peer.UntilAsync(static texts => texts.Count == 2, "welcome and pong");
            }
        })));
        await stop.CancelAsync();
        await reader.Soon();

        HubTraffic traffic = counters.Traffic();
        const int All = Rounds * Peers;
        Assert.Equal((0, All, 2 * All), (traffic.Connections, traffic.MessagesReceived, traffic.MessagesSent));
        Assert.Equal(All * (2L + 4 + """{"id":"1","type":"ping"}""".Length), traffic.BytesReceived);
        Assert.Equal((All, 0), (counters.OpenedCount, counters.OpenCount));
        Assert.Equal(All, counters.Closes.Values.Sum());
    }

    [Theory]
    [InlineData(1000, "1000")]
    [InlineData(1005, "1005")]
    [InlineData(1006, "1006")]
    [InlineData(1012, "1012")]
    [InlineData(CloseCode.TooSlow, "3008")]
    [InlineData(3009, "3xxx")]
    [InlineData(3999, "3xxx")]
    [InlineData(4000, "4xxx")]
    [InlineData(4999, "4xxx")]
    public void A_close_code_of_the_applications_is_counted_with_its_range(ushort code, string expected) => Assert.Equal(expected, HubCounters.CodeClass(code));

    [Fact]
    public void Counts_of_rare_things_are_kept_by_their_names()
    {
        var counters = new HubCounters(1);
        counters.Refused("MaxConnections");
        counters.Refused("MaxConnections");
        counters.Refused("MaxConnectionsPerAddress");
        counters.HandlerFailed();
        counters.HookFailed();
        counters.RateLimited();
        counters.Gap(3);
        counters.Gap(4);
        counters.SlowConsumer(WsSlowConsumerPolicy.Conflate);
        Assert.Equal(2, counters.Refusals["MaxConnections"]);
        Assert.Equal(1, counters.Refusals["MaxConnectionsPerAddress"]);
        Assert.Equal((1, 1, 1), (counters.HandlerFailures, counters.HookFailures, counters.RateLimitedCount));
        Assert.Equal((2, 7), (counters.Gaps, counters.SkippedMessages));
        Assert.Equal((1, 0, 1), (counters.SlowConsumers(WsSlowConsumerPolicy.Conflate), counters.SlowConsumers(WsSlowConsumerPolicy.Skip), counters.SlowConsumers()));
    }
}
