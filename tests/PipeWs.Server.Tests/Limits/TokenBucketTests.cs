using System.Threading.RateLimiting;
using PipeWs.Server.Limits;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Limits;

public sealed class TokenBucketTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void It_fills_evenly_by_the_clock_it_is_given_and_up_to_its_limit()
    {
        using TokenBucket bucket = Create(limit: 3, perSecond: 2);
        Assert.True(Take(bucket, 3));
        Assert.False(Take(bucket));
        Assert.Null(bucket.IdleDuration);

        _clock.Advance(TimeSpan.FromSeconds(0.49));
        Assert.False(Take(bucket));
        using (RateLimitLease refused = bucket.AttemptAcquire())
        {
            Assert.True(refused.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait));
            Assert.InRange(wait, TimeSpan.FromMilliseconds(9), TimeSpan.FromMilliseconds(11));
        }

        _clock.Advance(TimeSpan.FromSeconds(0.01));
        Assert.True(Take(bucket));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.True(bucket.TryReplenish());
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((3, TimeSpan.FromSeconds(5)), (bucket.GetStatistics()!.CurrentAvailablePermits, bucket.IdleDuration));
        Assert.Throws<ArgumentOutOfRangeException>(() => bucket.AttemptAcquire(4));
    }

    [Fact]
    public async Task Whoever_waits_is_served_in_order_and_before_those_who_come_later()
    {
        using TokenBucket bucket = Create(limit: 2, perSecond: 1, queue: 3);
        Assert.True(Take(bucket, 2));
        Task<RateLimitLease> two = bucket.AcquireAsync(2).AsTask();
        Task<RateLimitLease> one = bucket.AcquireAsync(1).AsTask();
        Assert.False((await bucket.AcquireAsync(1)).IsAcquired);

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Take(bucket));
        Assert.Equal((false, false), (two.IsCompleted, one.IsCompleted));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(bucket.TryReplenish());
        Assert.True((await two.Soon()).IsAcquired);
        Assert.False(one.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(bucket.TryReplenish());
        Assert.True((await one.Soon()).IsAcquired);
        Assert.Equal(0, bucket.GetStatistics()!.CurrentQueuedCount);
    }

    [Fact]
    public async Task A_wait_that_is_cancelled_gives_its_place_up_and_the_buckets_end_ends_all_waits()
    {
        TokenBucket bucket = Create(limit: 1, perSecond: 1, queue: 2);
        Assert.True(Take(bucket));
        using var cancelled = new CancellationTokenSource();
        Task<RateLimitLease> gone = bucket.AcquireAsync(1, cancelled.Token).AsTask();
        Task<RateLimitLease> left = bucket.AcquireAsync(1, TestContext.Current.CancellationToken).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone.Soon());
        Assert.Equal(1, bucket.GetStatistics()!.CurrentQueuedCount);

        bucket.Dispose();
        Assert.False((await left.Soon()).IsAcquired);
        Assert.Throws<ObjectDisposedException>(() => bucket.AttemptAcquire());
        Assert.False(bucket.TryReplenish());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_rates_of_a_hub_go_by_the_applications_clock(bool isFilter)
    {
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false,
            clock: _clock,
            configure: options =>
            {
                options.PingInterval = Timeout.InfiniteTimeSpan;
                options.InboundMessagesPerSecond = isFilter ? 0 : 1;
            },
            build: builder => _ = !isFilter ? builder : builder.UseRateLimit(static limit => (limit.TokenLimit, limit.TokensPerPeriod) = (1, 1)));
        await using RawPeer peer = await server.OpenAsync();
        for (int i = 0; i < 3; i++)
        {
            await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
            await peer.SendTextAsync("""{"id":"2","type":"ping"}""");
            Assert.Contains("\"code\":429", await peer.ReadTextAsync(), StringComparison.Ordinal);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
    }

    private static bool Take(TokenBucket bucket, int permits = 1)
    {
        using RateLimitLease first = bucket.AttemptAcquire(permits);
        if (first.IsAcquired)
        {
            return true;
        }

        Assert.True(bucket.TryReplenish());
        using RateLimitLease second = bucket.AttemptAcquire(permits);
        return second.IsAcquired;
    }

    private TokenBucket Create(int limit, double perSecond, int queue = 0) => new(limit, perSecond, TimeSpan.FromSeconds(1), queue, _clock);
}
