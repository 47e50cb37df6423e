using System.Buffers.Binary;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Pings, and the times that the heartbeat looks after.</summary>
public sealed class KeepAliveTests
{
    public static TheoryData<WsRole> Roles => new(WsRole.Server, WsRole.Client);

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_ping_measures_its_round_trip(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);
        Assert.Equal(TimeSpan.Zero, harness.Connection.RoundTripTime);

        Task<TimeSpan> pinging = harness.Connection.PingAsync().AsTask();
        RawFrame ping = await harness.Peer.ReadFrameAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(37));
        await harness.Peer.SendFrameAsync(RawFrame.Pong, ping.Payload);

        Assert.Equal(RawFrame.Ping, ping.Opcode);
        Assert.Equal(TimeSpan.FromMilliseconds(37), await pinging.Soon());
        Assert.Equal(TimeSpan.FromMilliseconds(37), harness.Connection.RoundTripTime);
    }

    [Fact]
    public async Task A_pong_to_the_latest_of_several_pings_answers_them_all()
    {
        await using var harness = new ConnectionHarness();

        Task<TimeSpan> first = harness.Connection.PingAsync().AsTask();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        Task<TimeSpan> second = harness.Connection.PingAsync().AsTask();
        RawFrame one = await harness.Peer.ReadFrameAsync();
        RawFrame two = await harness.Peer.ReadFrameAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(5));
        await harness.Peer.SendFrameAsync(RawFrame.Pong, "unsolicited"u8.ToArray());
        await harness.Peer.SendFrameAsync(RawFrame.Pong, new byte[8]);
        await harness.Peer.SendFrameAsync(RawFrame.Pong, two.Payload);

        Assert.NotEqual(one.Payload, two.Payload);
        Assert.Equal(TimeSpan.FromMilliseconds(15), await first.Soon());
        Assert.Equal(TimeSpan.FromMilliseconds(5), await second.Soon());
        Assert.Equal(TimeSpan.FromMilliseconds(5), harness.Connection.RoundTripTime);
    }

    [Fact]
    public async Task A_ping_that_is_given_up_is_forgotten()
    {
        await using var harness = new ConnectionHarness();
        using var patience = new CancellationTokenSource();

        Task<TimeSpan> pinging = harness.Connection.PingAsync(patience.Token).AsTask();
        RawFrame ping = await harness.Peer.ReadFrameAsync();
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pinging.Soon());
        harness.Clock.Advance(TimeSpan.FromMilliseconds(10));
        await harness.Peer.SendFrameAsync(RawFrame.Pong, ping.Payload);
        await harness.Peer.SendTextAsync("after");
        await harness.Receiver.NextAsync();

        Assert.Equal(TimeSpan.Zero, harness.Connection.RoundTripTime);
    }

    [Fact]
    public async Task A_ping_ends_with_the_connection()
    {
        await using var harness = new ConnectionHarness();

        Task<TimeSpan> pinging = harness.Connection.PingAsync().AsTask();
        harness.Peer.Finish();

        await Assert.ThrowsAsync<WsClosedException>(() => pinging.Soon());
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_ping_is_sent_every_ping_interval_and_no_pong_is_1006(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        for (int i = 1; i <= 3; i++)
        {
            await harness.AdvanceAsync(TimeSpan.FromSeconds(i == 1 ? 30.5 : 30));
            RawFrame ping = await harness.Peer.ReadFrameAsync();
            Assert.Equal((RawFrame.Ping, (long)i), (ping.Opcode, BinaryPrimitives.ReadInt64BigEndian(ping.Payload)));
            await harness.Peer.SendFrameAsync(RawFrame.Pong, ping.Payload);
            await harness.UntilIdleAsync();
        }

        await harness.AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(RawFrame.Ping, (await harness.Peer.ReadFrameAsync()).Opcode);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(9));
        Assert.False(harness.Connection.IsClosing);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(1.5));

        WsCloseInfo info = await harness.Ended.Soon();
        Assert.Equal((1006, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
        Assert.IsType<TimeoutException>(info.Exception);
        Assert.Equal(1, harness.Aborts);
    }

    [Fact]
    public async Task Anything_received_after_a_ping_shows_that_the_peer_lives()
    {
        await using var harness = new ConnectionHarness();

        for (int i = 0; i < 20; i++)
        {
            await harness.AdvanceAsync(TimeSpan.FromSeconds(8));
            await harness.Peer.SendTextAsync("here");
            await harness.Receiver.NextAsync();
            await harness.UntilIdleAsync();
        }

        Assert.False(harness.Connection.IsClosing);
    }

    [Fact]
    public async Task Without_an_interval_no_ping_is_sent()
    {
        await using var harness = new ConnectionHarness(configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);

        await harness.AdvanceAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(0, harness.Output.Flushes);
        Assert.False(harness.Connection.IsClosing);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_pong_timeout_waits_while_the_handler_runs(bool blocks)
    {
        await using var harness = new ConnectionHarness(run: false);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        harness.Receiver.OnMessage = (_, _) =>
        {
            began.TrySetResult();
            if (blocks)
            {
                finish.Task.Wait();
                return default;
            }

            return new ValueTask(finish.Task);
        };
        harness.Run();
        await harness.Peer.SendTextAsync("x");
        await began.Task.Soon();

        await harness.AdvanceAsync(TimeSpan.FromMinutes(5));
        Assert.False(harness.Connection.IsClosing);
        finish.SetResult();
        await harness.UntilIdleAsync();
        await harness.AdvanceAsync(TimeSpan.FromSeconds(42), () => harness.Connection.IsClosing);

        Assert.Equal(1006, (await harness.Ended.Soon()).Code);
    }

    [Fact]
    public async Task The_frame_timeout_waits_while_the_handler_runs()
    {
        await using var harness = new ConnectionHarness(run: false);
        var began = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        harness.Receiver.OnMessage = (_, _) =>
        {
            began.SetResult();
            return new ValueTask(finish.Task);
        };
        harness.Run();
        byte[] one = harness.Peer.Encode(RawFrame.Text, "one"u8);

        await harness.SendAsync(one[..4]);
        await harness.UntilIdleAsync();
        await harness.SendAsync([.. one[4..], .. harness.Peer.Encode(RawFrame.Text, "two"u8)[..7]]);
        await began.Task.Soon();
        await harness.AdvanceAsync(TimeSpan.FromMinutes(5));

        Assert.False(harness.Connection.IsClosing);
        finish.SetResult();
    }

    [Fact]
    public async Task A_peer_that_never_pongs_makes_nothing_grow()
    {
        await using var harness = new ConnectionHarness(configure: options => options.PingInterval = TimeSpan.FromSeconds(1));

        for (int i = 0; i < 500; i++)
        {
            await harness.AdvanceAsync(TimeSpan.FromSeconds(1));
            await harness.Peer.SendTextAsync("alive");
            await harness.Receiver.NextAsync();
            await harness.UntilIdleAsync();
        }

        Assert.InRange(harness.Connection.PendingPings, 1, 1);
        Assert.False(harness.Connection.IsClosing);
    }

    [Fact]
    public void One_item_that_throws_does_not_stop_the_heartbeat()
    {
        var clock = new ManualTimeProvider();
        using var heartbeat = new WsHeartbeat(clock);
        var bad = new Item { Throws = true };
        var good = new Item();
        heartbeat.Add(bad);
        heartbeat.Add(good);

        clock.Advance(TimeSpan.FromSeconds(5));
        heartbeat.Remove(bad);
        clock.Advance(TimeSpan.FromSeconds(5));
        heartbeat.Remove(good);
        heartbeat.Remove(good);
        clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal((10, 20), (bad.Looks, good.Looks));
    }

    [Fact]
    public void The_heartbeat_looks_at_all_that_come_and_go()
    {
        var clock = new ManualTimeProvider();
        using var heartbeat = new WsHeartbeat(clock);
        Item[] items = Enumerable.Range(0, 1_000).Select(_ => new Item()).ToArray();

        Parallel.ForEach(items, heartbeat.Add);
        clock.Advance(WsHeartbeat.Interval);
        Parallel.For(0, 1_000, i =>
        {
            if (i % 2 == 0)
            {
                heartbeat.Remove(items[i]);
            }
        });
        clock.Advance(WsHeartbeat.Interval);

        Assert.All(Enumerable.Range(0, 1_000), i => Assert.Equal(i % 2 == 0 ? 1 : 2, items[i].Looks));
    }

    private sealed class Item : IWsHeartbeatItem
    {
        public bool Throws { get; init; }

        public int Looks { get; private set; }

        public int HeartbeatIndex { get; set; } = -1;

        public void OnHeartbeat(long now)
        {
            Looks++;
            if (Throws)
            {
                throw new InvalidOperationException("a broken promise");
            }
        }
    }
}
