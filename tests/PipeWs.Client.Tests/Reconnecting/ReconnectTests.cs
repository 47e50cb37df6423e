using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Protocol.Framing;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Reconnecting;

public sealed class ReconnectTests
{
    [Theory]
    [InlineData(1000, false)]
    [InlineData(1001, true)]
    [InlineData(1002, false)]
    [InlineData(1003, false)]
    [InlineData(1005, true)]
    [InlineData(1006, true)]
    [InlineData(1007, false)]
    [InlineData(1008, false)]
    [InlineData(1009, false)]
    [InlineData(1010, false)]
    [InlineData(1011, true)]
    [InlineData(1012, true)]
    [InlineData(1013, true)]
    [InlineData(3000, true)]
    [InlineData(3001, false)]
    [InlineData(3005, true)]
    [InlineData(3008, true)]
    [InlineData(3013, true)]
    [InlineData(4999, true)]
    public async Task The_server_s_close_code_says_whether_to_connect_again(int code, bool again)
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            switch (peer.Number > 1 ? 0 : code)
            {
                case 0:
                    await peer.ServeAsync();
                    break;
                case CloseCode.AbnormalClosure:
                    peer.Drop();
                    break;
                case CloseCode.NoStatusReceived:
                    await peer.Frames.SendFrameAsync(RawFrame.Close, default);
                    await peer.ServeAsync();
                    break;
                default:
                    await peer.CloseAsync(code, "because");
                    break;
            }
        });
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero));
        IAsyncEnumerable<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected | WsClientEventKinds.ClientFail | WsClientEventKinds.ClientShutdown);
        await client.StartAsync().Soon();

        if (again)
        {
            await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
            await client.StopAsync().Soon();
        }
        else
        {
            await Conditions.UntilAsync(() => client.State == WsClientState.Failed, "it gave up");
            var error = await Assert.ThrowsAsync<WsClientFailedException>(() => client.WaitForConnectionAsync().Soon());
            Assert.Equal(code, error.Disconnect!.Code);
            await Assert.ThrowsAsync<WsClientFailedException>(() => client.WaitToReadAsync().Soon());
            Assert.Equal(WsSendFailure.Stopped, (await Assert.ThrowsAsync<WsSendException>(() => client.SendTextAsync("x").AsTask())).Failure);
            Assert.Equal(1, server.Accepted);
        }

        List<WsClientEvent> seen = await events.ToListAsync(TestContext.Current.CancellationToken);
        var disconnected = Assert.IsType<WsDisconnectedEvent>(seen[0]);
        Assert.Equal(code, disconnected.Disconnect.Code);
        Assert.Equal(again, disconnected.WillReconnect);
        Assert.Equal(again ? typeof(WsClientShutdownEvent) : typeof(WsClientFailEvent), seen[^1].GetType());
    }

    [Fact]
    public async Task A_rule_of_the_application_goes_before_the_code_and_one_that_throws_does_not_count()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.CloseAsync(peer.Number switch { 1 => 1000, 2 => 1011, _ => 4000 });
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
            o.ShouldReconnect = disconnect => disconnect.Code switch { 1000 => true, 1011 => throw new InvalidOperationException("A rule that fails."), _ => false };
        });
        await client.StartAsync().Soon();

        await Conditions.UntilAsync(() => client.State == WsClientState.Failed, "it gave up");
        Assert.Equal(3, server.Accepted);
    }

    [Fact]
    public async Task Who_gives_up_says_so_with_the_end_of_the_connection_and_the_rule_is_asked_once()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.CloseAsync(1012);
        });
        int asked = 0;
        await using WsClient client = server.CreateClient(o =>
        {
            o.ReconnectPolicy = WsReconnectPolicy.Never;
            o.ShouldReconnect = _ => Interlocked.Increment(ref asked) > 0;
        });
        var ends = new ConcurrentQueue<WsClientEvent>();
        client.OnEvent(WsClientEventKinds.Disconnected, ends.Enqueue);
        await client.StartAsync().Soon();

        await Conditions.UntilAsync(() => client.State == WsClientState.Failed && !ends.IsEmpty, "it gave up");
        Assert.False(Assert.IsType<WsDisconnectedEvent>(Assert.Single(ends)).WillReconnect);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task The_first_dial_throws_and_the_client_may_be_started_again()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            if (peer.Number == 1)
            {
                await peer.ReadRequestAsync();
                await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull");
                return;
            }

            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();

        var error = await Assert.ThrowsAsync<WsHandshakeException>(() => client.StartAsync().Soon());
        Assert.Equal((503, "full"), (error.StatusCode, error.BodyExcerpt));
        Assert.Equal(WsClientState.Created, client.State);
        await client.StartAsync().Soon();
        Assert.True(client.IsConnected);
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.StartAsync().Soon());
    }

    [Fact]
    public async Task The_first_dial_is_tried_again_when_asked_and_given_up_when_the_attempts_are_used_up()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(_ => Task.CompletedTask);
        await using WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero, maxAttempts: 4);
        });
        List<WsClientEvent> events = [];
        using IDisposable subscription = client.OnEvent(WsClientEventKinds.TryReconnect, events.Add);

        await Assert.ThrowsAsync<WsClientFailedException>(() => client.StartAsync().Soon());
        Assert.Equal(5, server.Accepted);
        Assert.Equal(WsClientState.Failed, client.State);
    }

    [Fact]
    public async Task A_start_that_is_given_up_can_be_made_again()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.ReadRequestAsync();
            if (peer.Number == 1)
            {
                await peer.ServeAsync();
                return;
            }

            await peer.WriteAsync(peer.Answer());
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();
        using var cancellation = new CancellationTokenSource();
        Task starting = client.StartAsync(cancellation.Token);
        await Conditions.UntilAsync(() => server.Accepted == 1, "it dials");
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting.Soon());
        Assert.Equal(WsClientState.Created, client.State);
        await client.StartAsync().Soon();
    }

    [Fact]
    public async Task The_server_s_hint_says_when_to_come_back()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            if (peer.Number == 1)
            {
                await peer.CloseAsync(1012, "draining: reconnect after 2500 ms");
                return;
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMinutes(1));
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.TryReconnect).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(TimeSpan.FromMilliseconds(2500), ((WsTryReconnectEvent)events.Current).Delay);
        await Conditions.UntilAsync(() => client.State == WsClientState.Waiting, "it waits");
        clock.Advance(TimeSpan.FromMilliseconds(2499));
        Assert.Equal(1, server.Accepted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await client.WaitForConnectionAsync().Soon();
    }

    [Fact]
    public async Task Attempts_count_on_until_a_connection_was_stable()
    {
        var clock = new ManualTimeProvider();
        var drop = new SemaphoreSlim(0);
        await using ScriptedServer server = ServeUntil(drop);
        var policy = new RecordingPolicy(WsReconnectPolicy.FixedInterval(TimeSpan.Zero));
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReconnectPolicy = policy;
        });
        await client.StartAsync().Soon();
        for (int i = 1; i <= 3; i++)
        {
            drop.Release();
            int number = i + 1;
            await Conditions.UntilAsync(() => client.Connection?.Number == number, "it connected again");
        }

        clock.Advance(TimeSpan.FromSeconds(10));
        drop.Release();
        await Conditions.UntilAsync(() => client.Connection?.Number == 5, "it connected again");

        Assert.Equal([2, 3, 4, 1], policy.Attempts);
    }

    [Fact]
    public async Task What_a_connection_lasts_counts_from_when_it_is_ready()
    {
        var clock = new ManualTimeProvider();
        var drop = new SemaphoreSlim(0);
        await using ScriptedServer server = ServeUntil(drop);
        var policy = new RecordingPolicy(WsReconnectPolicy.FixedInterval(TimeSpan.Zero));
        using var slow = new LogHook("Connected", () => clock.Advance(TimeSpan.FromSeconds(10)));
        await using var client = new WsClient(
            server.Options(o =>
            {
                o.TimeProvider = clock;
                o.ReconnectPolicy = policy;
            }),
            slow);
        await client.StartAsync().Soon();
        drop.Release();
        await Conditions.UntilAsync(() => client.Connection?.Number == 2, "it connected again");

        // Whoever heard of it saw ten seconds pass, however late the client's own task goes on.
        Assert.Equal([1], policy.Attempts);
    }

    [Fact]
    public async Task Reconnect_closes_properly_and_connects_at_once()
    {
        var closes = new List<RawFrame?>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            RawFrame? close = await peer.ServeAsync();
            lock (closes)
            {
                closes.Add(close);
            }
        });
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = WsReconnectPolicy.Never);
        await client.StartAsync().Soon();
        client.Reconnect("a change of mind");

        await Conditions.UntilAsync(() => client.Connection?.Number == 2 && closes.Count == 1, "it connected again");
        Assert.Equal((1000, "a change of mind"), (closes[0]!.CloseCode, closes[0]!.CloseReason));
    }

    [Fact]
    public async Task A_thousand_clients_of_a_server_that_comes_back_spread_over_the_window()
    {
        var clock = new ManualTimeProvider();
        var goDown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int firstRound = 0;
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            if (Interlocked.Increment(ref firstRound) <= 1000)
            {
                await goDown.Task;
                peer.Drop();
                return;
            }

            await peer.ServeAsync();
        });
        var policy = new RecordingPolicy(WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(30), random: new Random(99)));
        WsClient[] clients = [.. Enumerable.Range(0, 1000).Select(_ => server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReconnectPolicy = policy;
            o.PingInterval = Timeout.InfiniteTimeSpan;
        }))];
        await Task.WhenAll(clients.Select(client => client.StartAsync())).Soon();
        // Long enough that the attempts are counted from the first.
        clock.Advance(TimeSpan.FromSeconds(10));
        goDown.SetResult();
        await Conditions.UntilAsync(() => clients.All(client => client.State == WsClientState.Waiting), "all wait");

        await Conditions.UntilAsync(() => clock.WaitingTimers >= 2000, "all have set their timers, beside that of the heartbeat");
        var perSecond = new int[16];
        int accepted = server.Accepted;
        for (int second = 1; second <= perSecond.Length; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));

            // Timers count whole milliseconds.
            int due = policy.Delays.Count(delay => Math.Floor(delay.TotalMilliseconds) <= second * 1000);
            await Conditions.UntilAsync(() => clients.Count(client => client.IsConnected) == due, "those whose time came have connected");

            // Counted from one look to the next, so that none falls between two.
            int before = accepted;
            accepted = server.Accepted;
            perSecond[second - 1] = accepted - before;
        }

        Assert.Equal(1000, perSecond.Sum());
        Assert.All(perSecond, count => Assert.InRange(count, 25, 110));
        await Task.WhenAll(clients.Select(client => client.StopAsync())).Soon();
    }

    /// <summary>A server that drops a connection each time it is told to.</summary>
    private static ScriptedServer ServeUntil(SemaphoreSlim drop) => ScriptedServer.InMemory(async peer =>
    {
        await peer.AcceptAsync();
        await Task.WhenAny(drop.WaitAsync(peer.Stopped), peer.ServeAsync());
    });

    private sealed class RecordingPolicy(WsReconnectPolicy inner) : WsReconnectPolicy
    {
        private readonly Lock _lock = new();

        public List<int> Attempts { get; } = [];

        public List<TimeSpan> Delays { get; } = [];

        public override TimeSpan? GetDelay(WsReconnectContext context)
        {
            TimeSpan? delay = inner.GetDelay(context);
            lock (_lock)
            {
                Attempts.Add(context.Attempt);
                Delays.Add(delay!.Value);
            }

            return delay;
        }
    }
}
