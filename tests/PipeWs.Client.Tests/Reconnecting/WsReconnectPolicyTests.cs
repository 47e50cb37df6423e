using PipeWs.Client.Reconnecting;

namespace PipeWs.Client.Tests.Reconnecting;

public sealed class WsReconnectPolicyTests
{
    private static readonly WsDisconnect s_disconnect = new(1006, "", WsCloseInitiator.Transport, null);

    [Fact]
    public void A_fixed_interval_is_five_seconds_and_for_ever()
    {
        WsReconnectPolicy policy = WsReconnectPolicy.FixedInterval();

        Assert.All((int[])[1, 2, 1000], attempt => Assert.Equal(TimeSpan.FromSeconds(5), Delay(policy, attempt)));
    }

    [Fact]
    public void Backoff_is_random_below_a_limit_that_doubles_from_one_second_to_thirty()
    {
        WsReconnectPolicy policy = WsReconnectPolicy.ExponentialBackoff(random: new Random(1));
        double[] limits = [1, 2, 4, 8, 16, 30, 30];
        for (int attempt = 1; attempt <= limits.Length; attempt++)
        {
            double limit = limits[attempt - 1];
            double[] delays = [.. Enumerable.Range(0, 2000).Select(_ => Delay(policy, attempt)!.Value.TotalSeconds)];
            Assert.InRange(delays.Min(), 0, limit * 0.02);
            Assert.InRange(delays.Max(), limit * 0.98, limit);
            Assert.InRange(delays.Average(), limit * 0.45, limit * 0.55);
        }

        Assert.NotNull(Delay(policy, int.MaxValue));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(int.MaxValue)]
    public void Backoff_from_nothing_is_nothing_at_any_attempt(int attempt) =>
        Assert.Equal(TimeSpan.Zero, Delay(WsReconnectPolicy.ExponentialBackoff(TimeSpan.Zero), attempt));

    [Theory]
    [InlineData(-1, 1_000_000, true)]
    [InlineData(0, 1, false)]
    [InlineData(3, 3, true)]
    [InlineData(3, 4, false)]
    public void Attempts_are_limited_or_for_ever(int maxAttempts, int attempt, bool again)
    {
        Assert.Equal(again, Delay(WsReconnectPolicy.FixedInterval(maxAttempts: maxAttempts), attempt) is not null);
        Assert.Equal(again, Delay(WsReconnectPolicy.ExponentialBackoff(maxAttempts: maxAttempts), attempt) is not null);
    }

    [Fact]
    public void The_first_retry_is_immediate_where_asked_for()
    {
        WsReconnectPolicy backoff = WsReconnectPolicy.ExponentialBackoff(immediateFirst: true, random: new Random(1));

        Assert.Equal(TimeSpan.Zero, Delay(backoff, 1));
        Assert.InRange(Delay(backoff, 2)!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, Delay(WsReconnectPolicy.FixedInterval(immediateFirst: true), 1));
        Assert.Equal(TimeSpan.FromSeconds(5), Delay(WsReconnectPolicy.FixedInterval(immediateFirst: true), 2));
        Assert.Null(Delay(WsReconnectPolicy.Never, 1));
    }

    [Theory]
    [InlineData("reconnect after 1500 ms", 1500)]
    [InlineData("going down; reconnect after 0 ms.", 0)]
    [InlineData("reconnect after 99999999 ms", 300_000)]
    [InlineData("reconnect after soon ms", null)]
    [InlineData("reconnect after -5 ms", null)]
    [InlineData("reconnect after 5", null)]
    [InlineData("", null)]
    public void A_hint_is_read_from_the_close_reason(string reason, int? milliseconds) =>
        Assert.Equal(milliseconds, ReconnectHint.Find(reason)?.TotalMilliseconds);

    private static TimeSpan? Delay(WsReconnectPolicy policy, int attempt) => policy.GetDelay(new WsReconnectContext(attempt, TimeSpan.Zero, s_disconnect));
}
