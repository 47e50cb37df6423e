using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Reconnecting;

/// <summary>How long the client waits before it connects again, whatever the policy or the server says.</summary>
public sealed class DelayTests
{
    public static TheoryData<TimeSpan> TooLong => [TimeSpan.FromDays(25), TimeSpan.FromDays(50), TimeSpan.MaxValue];

    [Theory]
    [MemberData(nameof(TooLong))]
    public async Task A_delay_that_no_timer_can_wait_is_the_longest_that_one_can(TimeSpan delay)
    {
        await using ScriptedServer server = DropFirst();
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(delay));
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(TimeSpan.FromDays(24), ((WsTryReconnectEvent)events.Current).Delay);
        await client.StopAsync().Soon();
        Assert.Equal(WsClientState.Stopped, client.State);
    }

    [Fact]
    public async Task A_delay_below_zero_is_none()
    {
        await using ScriptedServer server = DropFirst();
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = new NonsensePolicy(TimeSpan.MinValue));
        await client.StartAsync().Soon();
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
    }

    [Fact]
    public async Task A_server_that_asks_each_connection_for_another_is_served_as_the_policy_says()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = AskForAnother();
        await using WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromSeconds(20));
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        for (int connection = 1; connection <= 3; connection++)
        {
            // It has read what came before the answer.
            (await client.WriteAsync(new WsTopicRequest("tell")).Soon()).Dispose();
            clock.Advance(WsHeartbeat.Interval);

            Assert.True(await events.MoveNextAsync().Soon());
            var again = (WsTryReconnectEvent)events.Current;
            Assert.Equal(connection + 1, again.Attempt);

            // What it was connected is a part of the wait.
            Assert.InRange(again.Delay, TimeSpan.FromSeconds(19), TimeSpan.FromSeconds(19.5));
            await Conditions.UntilAsync(() => client.State == WsClientState.Waiting, "it waits");
            clock.Advance(TimeSpan.FromSeconds(18));
            Assert.Equal(connection, server.Accepted);
            await Conditions.UntilAsync(
                () =>
                {
                    clock.Advance(client.IsConnected || server.Accepted > connection ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
                    return client.IsConnected;
                },
                "it connected again");
        }
    }

    [Fact]
    public async Task A_policy_that_gives_up_does_not_end_a_client_whose_server_asks_for_a_reconnect()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = AskForAnother();
        await using WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.Never;
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        (await client.WriteAsync(new WsTopicRequest("tell")).Soon()).Dispose();
        clock.Advance(WsHeartbeat.Interval);

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.InRange(((WsTryReconnectEvent)events.Current).Delay, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(9.5));
    }

    [Fact]
    public async Task A_server_that_closes_just_as_a_reconnect_is_due_is_given_the_time_it_asks_for()
    {
        var close = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await close.Task;
            await peer.CloseAsync(1012, "reconnect after 2500 ms");
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.StableAfter = TimeSpan.Zero;
            o.ReconnectPolicy = WsReconnectPolicy.Never;
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        // As where the server's close frame is read between the decision to end the connection and its own.
        client.Connection!.PlannedEnd = "the token is replaced";
        close.SetResult();

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(TimeSpan.FromMilliseconds(2500), ((WsTryReconnectEvent)events.Current).Delay);
    }

    [Fact]
    public async Task The_application_s_own_reconnect_waits_for_nothing()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromSeconds(20));
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        client.Reconnect();

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal((1, TimeSpan.Zero), (((WsTryReconnectEvent)events.Current).Attempt, ((WsTryReconnectEvent)events.Current).Delay));
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
    }

    private static ScriptedServer AskForAnother() => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.SendTextAsync("""{"type":"reconnect"}""");
        await peer.ServeTopicsAsync();
    });

    private static ScriptedServer DropFirst() => ScriptedServer.InMemory(async peer =>
    {
        await peer.AcceptAsync();
        if (peer.Number > 1)
        {
            await peer.ServeAsync();
        }
    });

    private sealed class NonsensePolicy(TimeSpan delay) : WsReconnectPolicy
    {
        public override TimeSpan? GetDelay(WsReconnectContext context) => delay;
    }
}
