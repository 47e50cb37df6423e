using PipeWs.Server.Hubs;
using PipeWs.Server.Limits;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Limits;

/// <summary>IdleTimeout: who says nothing is let go.</summary>
public sealed class IdleTests
{
    [Fact]
    public async Task A_peer_that_sends_no_message_in_time_is_closed_with_1000()
    {
        var clock = new ManualTimeProvider();
        using var test = new TestHub(Limit, time: clock);
        await using var silent = new HubPeer(test.Hub);
        await using var talking = new HubPeer(test.Hub);
        await silent.UntilAsync(texts => texts.Count == 1, "the welcome");
        for (int i = 1; i <= 3; i++)
        {
            await talking.SendAsync("""{"type":"ping"}""");
            await talking.UntilAsync(texts => texts.Count == i + 1, "the pong");
            clock.Advance(TimeSpan.FromSeconds(25));
            Assert.True(silent.CloseCode == 0 || i == 3);
        }

        await Conditions.UntilAsync(() => test.Hub.ConnectionCount == 1, "the silent one is gone");
        Assert.Equal(1000, silent.CloseCode);
        Assert.Equal(0, talking.CloseCode);
        Assert.Equal(1, test.Hub.Counters.Refusals.GetValueOrDefault("IdleTimeout"));
    }

    [Fact]
    public async Task A_peer_is_not_idle_while_the_bytes_of_its_message_come()
    {
        var clock = new ManualTimeProvider();
        using var test = new TestHub(
            static options =>
            {
                Limit(options);
                options.FrameTimeout = Timeout.InfiniteTimeSpan;
            },
            time: clock);
        var pipe = DuplexPipePair.Create();
        Task served = test.Hub.RunAsync(new AcceptedConnection(_ => { }) { Transport = pipe.Connection, Path = "/ws", TransportClosed = CancellationToken.None, CloseRequested = CancellationToken.None });
        byte[] message = PipeWs.Shared.RawFrame.Encode(PipeWs.Shared.RawFrame.Binary, new byte[100_000], maskingKey: 7);
        var connection = (HubConnection)Assert.Single(test.Hub.Connections);
        for (int sent = 0; sent < 60_000; sent += 10_000)
        {
            await pipe.Peer.Output.WriteAsync(message.AsMemory(sent, 10_000));
            await Conditions.UntilAsync(() => connection.Ws.BytesReceived >= sent + 10_000, "it is read");
            clock.Advance(TimeSpan.FromSeconds(25));
            Assert.False(connection.Ws.IsClosing);
        }

        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.False(connection.Ws.IsClosing);
        await pipe.Peer.Output.CompleteAsync();
        await served.Soon();
    }

    [Fact]
    public async Task A_peer_is_not_idle_while_its_message_is_handled()
    {
        var clock = new ManualTimeProvider();
        var running = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        using var test = new TestHub(
            Limit,
            registration => registration.Actions.Add(new Server.Routing.RawRoute("work", async context =>
            {
                running.SetResult();
                await finish.Task;
                await context.ReplyAsync("done");
            })),
            clock);
        await using var peer = new HubPeer(test.Hub);
        await peer.SendAsync("""{"action":"work"}""");
        await running.Task.Soon();
        clock.Advance(TimeSpan.FromMinutes(5));
        finish.SetResult();
        await peer.UntilAsync(texts => texts.Contains("""{"type":"done"}"""), "the answer");
        Assert.Equal(0, peer.CloseCode);
        clock.Advance(TimeSpan.FromMinutes(1.1));
        await Conditions.UntilAsync(() => peer.CloseCode == 1000, "it is closed for being idle");
    }

    private static void Limit(PipeWsOptions options)
    {
        options.IdleTimeout = TimeSpan.FromMinutes(1);

        // These peers do not answer pings.
        options.PingInterval = Timeout.InfiniteTimeSpan;
    }
}
