using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Tokens;

/// <summary>What a token says of times: how long it lasts, how often to ping.</summary>
public sealed class TokenTimesTests
{
    [Fact]
    public async Task A_token_that_has_expired_by_this_clock_and_is_taken_all_the_same_is_not_replaced_all_the_time()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = Serving();
        var tokens = new CountingTokens(i => new WsToken($"token-{i}") { ExpiresAt = clock.GetUtcNow() - TimeSpan.FromMinutes(1) });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.TokenProvider = tokens;
            o.PingInterval = Timeout.InfiniteTimeSpan;
            o.ReconnectPolicy = WsReconnectPolicy.Never;
        });
        await client.StartAsync().Soon();
        await AdvanceAsync(clock, TimeSpan.FromSeconds(9.5));
        Assert.Equal((1, false), (tokens.Asked, client.Connection!.Connection.IsClosing));
        await AdvanceAsync(clock, TimeSpan.FromSeconds(1));

        // By then the connection was stable: no wait.
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
    }

    [Fact]
    public async Task A_token_whose_times_no_timer_takes_is_a_failed_attempt_that_leaves_no_connection()
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
            gone.TrySetResult();
        });
        await using WsClient client = server.CreateClient(o => o.TokenProvider = new CountingTokens(static _ => new WsToken("t") { PingInterval = TimeSpan.FromDays(60) }));

        var error = await Assert.ThrowsAsync<WsDialException>(() => client.StartAsync().Soon());

        Assert.Contains("PingInterval is 60.00:00:00", error.Message, StringComparison.Ordinal);
        await gone.Task.Soon();
    }

    [Fact]
    public async Task A_token_that_does_not_last_is_replaced_as_the_policy_says()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = Serving();
        var tokens = new CountingTokens(i => new WsToken($"token-{i}") { ExpiresAt = clock.GetUtcNow() + TimeSpan.FromSeconds(4) });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.TokenProvider = tokens;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromSeconds(20));
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        await AdvanceAsync(clock, TimeSpan.FromSeconds(2));

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal((2, TimeSpan.FromSeconds(18)), (((WsTryReconnectEvent)events.Current).Attempt, ((WsTryReconnectEvent)events.Current).Delay));
    }

    [Theory]
    [InlineData(18_000, 18_000)]
    [InlineData(0, null)]
    [InlineData(-2, null)]
    public void A_token_s_times_that_are_nothing_count_as_left_out(int milliseconds, int? counts)
    {
        var time = TimeSpan.FromMilliseconds(milliseconds);
        var token = new WsToken("token") { PingInterval = time, PingTimeout = time };

        Assert.Equal(counts, token.PingInterval?.TotalMilliseconds);
        Assert.Equal(counts, token.PingTimeout?.TotalMilliseconds);
        Assert.Equal((Timeout.InfiniteTimeSpan, null), (new WsToken("") { PingInterval = Timeout.InfiniteTimeSpan }.PingInterval, new WsToken("") { PingTimeout = Timeout.InfiniteTimeSpan }.PingTimeout));
    }

    [Fact]
    public async Task A_token_whose_times_are_zero_pings_as_the_options_say_and_its_connection_lives()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = Serving();
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.PingInterval = TimeSpan.FromSeconds(1);
            o.PongTimeout = TimeSpan.FromSeconds(2);
            o.TokenProvider = new CountingTokens(static _ => new WsToken("token") { PingInterval = TimeSpan.Zero, PingTimeout = TimeSpan.Zero });
        });
        IAsyncEnumerator<WsClientEvent> pongs = client.ReadEventsAsync(WsClientEventKinds.PongReceived).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        WsConnection connection = client.Connection!.Connection;
        for (int i = 0; i < 5; i++)
        {
            Task<bool> pong = pongs.MoveNextAsync().AsTask();
            while (connection is { PendingPings: 0, IsClosing: false } && !pong.IsCompleted)
            {
                clock.Advance(WsHeartbeat.Interval);
            }

            Assert.False(connection.IsClosing);
            Assert.True(await pong.Soon());
        }
    }

    private static ScriptedServer Serving() => ScriptedServer.InMemory(async peer =>
    {
        await peer.AcceptAsync();
        await peer.ServeAsync();
    });

    private static async Task AdvanceAsync(ManualTimeProvider clock, TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += WsHeartbeat.Interval)
        {
            clock.Advance(WsHeartbeat.Interval);
            await Task.Yield();
        }
    }
}
