using System.Collections.Concurrent;
using System.Net;
using System.Threading.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Filters;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Filters;

public sealed class RateLimitTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_message_over_the_limit_is_answered_with_429_and_the_limits_name(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: static builder => builder.UseRateLimit(static limit => Once(limit, 2)));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        await peer.AskAsync("""{"id":"2","action":"echo","data":1}""", """{"id":"2","type":"echo","data":1}""");
        await peer.AskAsync("""{"id":"3","action":"echo","data":1}""", """{"id":"3","type":"error","code":429,"data":"too many messages: over the rate limit \"messages\""}""");
        await peer.AskAsync("""{"id":"4","action":"nothing"}""", """{"id":"4","type":"error","code":429,"data":"too many messages: over the rate limit \"messages\""}""");
        Assert.Equal(2, server.Hub.Counters.RateLimitedCount);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Fact]
    public async Task Over_the_limit_the_connection_may_be_closed_with_1008()
    {
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder.MapAction("act", static _ => default, static route => route.RequireRateLimit(static limit =>
        {
            Once(limit, 1);
            limit.Exceeded = WsRateLimitExceeded.Close;
        })));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"ack"}""");
        await peer.AskAsync("""{"id":"2","action":"act"}""", """{"id":"2","type":"error","code":429,"data":"too many messages: over the rate limit \"act\""}""");
        Assert.Equal("too many messages: over the rate limit \"act\"", (await peer.ReadCloseAsync(1008)).Text[2..]);
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xF0]);
        await server.AssertUndisturbedAsync();
    }

    [Fact]
    public async Task A_named_limit_is_shared_by_the_routes_that_name_it_and_by_no_other()
    {
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder
            .AddRateLimit("trades", static limit => Once(limit, 2))
            .MapAction("buy", static _ => default, static route => route.RequireRateLimit("trades"))
            .MapAction("sell", static _ => default, static route => route.RequireRateLimit("trades"))
            .MapAction("look", static _ => default));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"buy"}""", """{"id":"1","type":"ack"}""");
        await peer.AskAsync("""{"id":"2","action":"sell"}""", """{"id":"2","type":"ack"}""");
        await peer.AskAsync("""{"id":"3","action":"buy"}""", """{"id":"3","type":"error","code":429,"data":"too many messages: over the rate limit \"trades\""}""");
        await peer.AskAsync("""{"id":"4","action":"look"}""", """{"id":"4","type":"ack"}""");
        await using RawPeer other = await server.OpenAsync();
        await other.AskAsync("""{"id":"5","action":"buy"}""", """{"id":"5","type":"ack"}""");
    }

    [Fact]
    public async Task A_message_that_waits_is_handled_when_the_limiter_has_a_permit_and_what_follows_it_waits_behind_it()
    {
        var limiter = new HeldLimiter();
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder.UseRateLimit(limit =>
        {
            limit.Partition = WsRateLimitPartition.All;
            limit.Exceeded = WsRateLimitExceeded.Wait;
            limit.LimiterFactory = key =>
            {
                Assert.Equal("", key);
                return limiter;
            };
        }));
        await using RawPeer peer = await server.OpenAsync();
        await using RawPeer other = await server.OpenAsync();

        await peer.SendTextAsync("""{"id":"1","type":"ping"}""");
        await peer.SendTextAsync("""{"id":"2","type":"ping"}""");
        await Conditions.UntilAsync(() => limiter.Waiting.Count == 1, "one message waits");
        limiter.Grant(true);
        Assert.Equal("""{"id":"1","type":"pong"}""", await peer.ReadTextAsync());

        await Conditions.UntilAsync(() => limiter.Waiting.Count == 1, "the next one waits");
        limiter.Grant(false);
        Assert.Equal("""{"id":"2","type":"error","code":429,"data":"too many messages: over the rate limit \"messages\""}""", await peer.ReadTextAsync());

        await other.SendTextAsync("""{"id":"3","type":"ping"}""");
        await Conditions.UntilAsync(() => limiter.Waiting.Count == 1, "it waits");
        other.Reset();
        await server.AssertConnectionsAsync(1);
        Assert.Equal(1, limiter.Returned);
        Assert.Empty(server.Server.Log.All);
    }

    [Fact]
    public async Task A_permit_is_given_back_when_its_message_has_been_handled()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder.MapAction(
            "act",
            context =>
            {
                if (context.RequestId != "1")
                {
                    return default;
                }

                began.SetResult();
                return new ValueTask(release.Task);
            },
            static route => route.RequireRateLimit(static limit =>
            {
                limit.Name = "one at a time";
                limit.Partition = WsRateLimitPartition.All;
                limit.LimiterFactory = static _ => new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = 1 });
            })));
        await using RawPeer peer = await server.OpenAsync();
        await using RawPeer other = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","action":"act"}""");
        await began.Task.Soon();
        await other.AskAsync("""{"id":"2","action":"act"}""", """{"id":"2","type":"error","code":429,"data":"too many messages: over the rate limit \"one at a time\""}""");
        release.SetResult();
        Assert.Equal("""{"id":"1","type":"ack"}""", await peer.ReadTextAsync());
        await other.AskAsync("""{"id":"3","action":"act"}""", """{"id":"3","type":"ack"}""");
    }

    [Fact]
    public void Partitions_are_by_connection_user_address_or_one_for_all()
    {
        IWsConnection ann = Connection("1", "ann", "10.0.0.1");
        IWsConnection annElsewhere = Connection("2", "ann", "10.0.0.2");
        IWsConnection bob = Connection("3", "bob", "10.0.0.1");
        IWsConnection nobody = Connection("ann", null, null);

        Assert.Equal([true, true, true, true], Acquire(WsRateLimitPartition.Connection, ann, annElsewhere, bob, nobody));
        Assert.Equal([true, false], Acquire(WsRateLimitPartition.Connection, ann, ann));
        Assert.Equal([true, false, true, true], Acquire(WsRateLimitPartition.User, ann, annElsewhere, bob, nobody));
        Assert.Equal([true, true, false, true, false], Acquire(WsRateLimitPartition.Address, ann, annElsewhere, bob, nobody, nobody));
        Assert.Equal([true, false, false, false], Acquire(WsRateLimitPartition.All, ann, annElsewhere, bob, nobody));
    }

    [Fact]
    public void A_network_of_IPv6_and_an_address_in_either_notation_are_one_partition()
    {
        IWsConnection[] connections = [.. new[] { "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1" }.Select(static (address, i) => Connection($"{i}", null, address))];

        Assert.Equal([true, false, true, true, false], Acquire(WsRateLimitPartition.Address, connections));
    }

    [Theory]
    [InlineData(WsRateLimitPartition.Connection)]
    [InlineData(WsRateLimitPartition.User)]
    public void An_ended_connection_leaves_no_limiter_behind_however_slowly_it_fills(WsRateLimitPartition partition)
    {
        var clock = new ManualTimeProvider();
        var options = new WsRateLimitOptions { Name = "test", Partition = partition };
        Once(options, 1);
        using var partitions = new RateLimitPartitions(options, clock);
        var closed = new TaskCompletionSource<WsCloseInfo>();
        Assert.True(partitions.TryAcquire(Connection("1", null, null, closed.Task)).IsAcquired);
        Assert.True(partitions.TryAcquire(Connection("2", null, null)).IsAcquired);

        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, partitions.Count);
        closed.SetResult(new WsCloseInfo(1000, "", WsCloseInitiator.Remote, WasClean: true));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, partitions.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_says_who_a_connection_is_and_what_comes_before_it_counts_too_and_is_answered_where_text_is_raw(bool isRaw)
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            false,
            static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
            hasBystander: false,
            speaksJson: !isRaw,
            build: builder =>
            {
                builder.UseStaticTokens(new Dictionary<string, string> { ["good"] = "ann" }).UseRateLimit(static limit => Once(limit, 4));
                _ = isRaw ? builder.OnText(static _ => default) : builder;
            });
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","type":"auth","token":"bad"}""", """{"id":"1","type":"error","code":401,"data":"The token is not known."}""");
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
        await peer.SendTextAsync("""{"id":"3","type":"echo"}""");
        Assert.Contains("\"code\":401", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync("""{"id":"4","type":"auth","token":"worse"}""", """{"id":"4","type":"error","code":401,"data":"The token is not known."}""");
        foreach (string message in (string[])["""{"id":"5","type":"auth","token":"good"}""", """{"id":"5","type":"ping"}""", """{"id":"5","type":"echo"}"""])
        {
            await peer.SendTextAsync(message);
            Assert.StartsWith("""{"id":"5","type":"error","code":429,"data":"too many messages""", await peer.ReadTextAsync(), StringComparison.Ordinal);
        }

        Assert.Empty(server.Hub.UserConnections("ann"));
        Assert.Equal(3, server.Hub.Counters.RateLimitedCount);
    }

    [Fact]
    public async Task Binary_messages_before_the_first_auth_count_too()
    {
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
            hasBystander: false,
            build: static builder => builder.UseStaticTokens(new Dictionary<string, string> { ["good"] = "ann" }).UseRateLimit(static limit => Once(limit, 2)));
        await using RawPeer peer = await server.OpenAsync();
        foreach (int code in (int[])[401, 401, 429])
        {
            await peer.SendFrameAsync(Opcode.Binary, [1]);
            Assert.Contains($"\"code\":{code},", await peer.ReadTextAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(1, server.Hub.Counters.RateLimitedCount);
    }

    [Fact]
    public void Idle_limiters_are_let_go_by_one_timer_and_made_anew()
    {
        var clock = new ManualTimeProvider();
        List<HeldLimiter> made = [];
        var options = new WsRateLimitOptions
        {
            Name = "test",
            LimiterFactory = _ =>
            {
                made.Add(new HeldLimiter { Permits = 1 });
                return made[^1];
            },
        };
        using var partitions = new RateLimitPartitions(options, clock);
        IWsConnection[] connections = [.. Enumerable.Range(0, 100).Select(static i => Connection($"{i}", null, null))];
        Assert.All(connections, connection => Assert.True(partitions.TryAcquire(connection).IsAcquired));
        Assert.Equal((100, 1), (partitions.Count, clock.WaitingTimers));

        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(100, partitions.Count);
        made[7].Idle = TimeSpan.FromSeconds(10);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal((99, true, false), (partitions.Count, made[7].IsDisposed, made[8].IsDisposed));

        Assert.True(partitions.TryAcquire(connections[7]).IsAcquired);
        Assert.Equal((100, 101), (partitions.Count, made.Count));

        // One that is let go in the moment in which it is asked.
        made[3].Dispose();
        Assert.True(partitions.TryAcquire(connections[3]).IsAcquired);
        Assert.Equal((100, 102), (partitions.Count, made.Count));

        partitions.Dispose();
        Assert.Equal((0, 0), (partitions.Count, clock.WaitingTimers));
        Assert.All(made, limiter => Assert.True(limiter.IsDisposed));
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused_where_they_stand()
    {
        IPipeWsBuilder builder = new ServiceCollection().AddPipeWs();

        ArgumentException e = Assert.Throws<ArgumentException>(() => builder.UseRateLimit(static limit => limit.TokenLimit = 0));
        Assert.Contains("\"messages\" has TokenLimit 0; it must be at least 1", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => builder.UseRateLimit(static limit => limit.TokensPerPeriod = 0));
        Assert.Throws<ArgumentException>(() => builder.UseRateLimit(static limit => limit.QueueLimit = -1));
        Assert.Throws<ArgumentException>(() => builder.UseRateLimit(static limit => limit.ReplenishmentPeriod = TimeSpan.Zero));
        Assert.Throws<ArgumentException>(() => builder.AddRateLimit("trades", static limit => limit.Name = ""));
        Assert.Throws<ArgumentException>(() => builder.MapAction("act", static _ => default, static route => route.RequireRateLimit(static limit => limit.TokenLimit = 0)));
    }

    [Fact]
    public void A_limit_that_was_not_defined_is_found_when_the_hub_starts()
    {
        var services = new ServiceCollection();
        services.AddPipeWs().MapAction("act", static _ => default, static route => route.RequireRateLimit("trades"));
        using ServiceProvider provider = services.BuildServiceProvider();
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => provider.GetRequiredService<IWsHub>());
        Assert.Contains("\"trades\"", e.Message, StringComparison.Ordinal);
    }

    /// <summary>So many messages, and the next one in an hour.</summary>
    private static void Once(WsRateLimitOptions limit, int messages)
    {
        limit.TokenLimit = messages;
        limit.TokensPerPeriod = 1;
        limit.ReplenishmentPeriod = TimeSpan.FromHours(1);
    }

    private static bool[] Acquire(WsRateLimitPartition partition, params IWsConnection[] connections)
    {
        var options = new WsRateLimitOptions { Name = "test", Partition = partition };
        Once(options, 1);
        using var partitions = new RateLimitPartitions(options, new ManualTimeProvider());
        return [.. connections.Select(connection => partitions.TryAcquire(connection).IsAcquired)];
    }

    private static IWsConnection Connection(string id, string? user, string? address, Task<WsCloseInfo>? closed = null)
    {
        IWsConnection connection = Substitute.For<IWsConnection>();
        connection.Id.Returns(id);
        connection.UserId.Returns(user);
        connection.Closed.Returns(closed ?? new TaskCompletionSource<WsCloseInfo>().Task);
        connection.RemoteEndPoint.Returns(address is null ? null : new IPEndPoint(IPAddress.Parse(address), 1234));
        return connection;
    }

    /// <summary>A limiter that grants what a test tells it to.</summary>
    private sealed class HeldLimiter : RateLimiter
    {
        private int _returned;

        public ConcurrentQueue<TaskCompletionSource<RateLimitLease>> Waiting { get; } = new();

        public int Permits { get; set; }

        public TimeSpan? Idle { get; set; }

        public bool IsDisposed { get; private set; }

        public int Returned => Volatile.Read(ref _returned);

        public override TimeSpan? IdleDuration => Idle;

        public void Grant(bool isAcquired)
        {
            Assert.True(Waiting.TryDequeue(out TaskCompletionSource<RateLimitLease>? waiting));
            waiting.SetResult(new Lease(isAcquired, this));
        }

        public override RateLimiterStatistics? GetStatistics() => null;

        protected override RateLimitLease AttemptAcquireCore(int permitCount)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return new Lease(Permits-- > 0, this);
        }

        protected override ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken cancellationToken)
        {
            var waiting = new TaskCompletionSource<RateLimitLease>(TaskCreationOptions.RunContinuationsAsynchronously);
            cancellationToken.Register(() => waiting.TrySetCanceled(cancellationToken));
            Waiting.Enqueue(waiting);
            return new ValueTask<RateLimitLease>(waiting.Task);
        }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }

        private sealed class Lease(bool isAcquired, HeldLimiter limiter) : RateLimitLease
        {
            public override bool IsAcquired => isAcquired;

            public override IEnumerable<string> MetadataNames => [];

            public override bool TryGetMetadata(string metadataName, out object? metadata)
            {
                metadata = null;
                return false;
            }

            protected override void Dispose(bool disposing)
            {
                if (isAcquired)
                {
                    Interlocked.Increment(ref limiter._returned);
                }

                base.Dispose(disposing);
            }
        }
    }
}
