using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Recording;

public class ReplayFeedTests
{
    private readonly ManualTimeProvider _time = new();

    private static MarketRecording Four { get; } = Recordings.Of(
        Recordings.Trade(0, "BTCUSDT", 1, "100.0", "1.0"),
        Recordings.Trade(0.5, "BTCUSDT", 2, "101.0", "1.0"),
        Recordings.Trade(0.5, "ETHUSDT", 3, "10.0", "1.0"),
        Recordings.Trade(2, "BTCUSDT", 4, "102.0", "1.0"));

    [Fact]
    public void Nothing_is_sent_before_its_time()
    {
        var (feed, log) = Start(Four);

        _time.Advance(TimeSpan.FromSeconds(0.499));
        Assert.Single(log.Entries);
        _time.Advance(TimeSpan.FromSeconds(0.001));
        Assert.Equal(["trade BTC-USDT 1 100.0", "trade BTC-USDT 2 101.0", "trade ETH-USDT 3 10.0"], log.Entries.Select(entry => entry.What));
        _time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal("trade BTC-USDT 4 102.0", log.Entries[^1].What);
        Assert.Equal(4, feed.Position.Messages);
        Assert.Equal(TimeSpan.FromSeconds(2), feed.Position.Elapsed);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(0.5)]
    [InlineData(3)]
    public void Speed_divides_the_recorded_times(double speed)
    {
        var (_, log) = Start(Four, speed);

        _time.Advance(TimeSpan.FromSeconds(2.5 / speed));

        Assert.Equal(4, log.Entries.Count);
        Assert.All(log.Entries, entry =>
        {
            double due = entry.Moment.Elapsed.TotalMilliseconds / speed;
            Assert.InRange(entry.At.TotalMilliseconds, due, due + 1);
        });
    }

    [Fact]
    public void Rounds_follow_each_other_for_ever_and_never_drift()
    {
        var (feed, log) = Start(Four);
        var period = TimeSpan.FromSeconds(2) + ReplayFeed.RoundPause;

        _time.Advance(period * 1_000);

        Assert.Equal(4_001, log.Entries.Count);
        Assert.Equal(Enumerable.Range(0, 1_001).Select(round => (long)round), log.Rounds);
        Assert.Equal(1_000, feed.Position.Round);
        Assert.Equal(1_000, log.Entries[^1].Moment.Round);
        Assert.Equal(period * 1_000, log.Entries[^1].At);
        Assert.True(log.Entries.Zip(log.Entries.Skip(1)).All(pair => pair.First.Moment.Elapsed <= pair.Second.Moment.Elapsed), "The market's time never goes back.");
    }

    [Fact]
    public void The_shipped_recording_is_replayed_as_it_happened()
    {
        var (_, log) = Start(Recordings.Shipped);

        _time.Advance(TimeSpan.FromSeconds(30));

        var expected = Recordings.ShippedLines.TakeWhile(line => line.Received - Recordings.ShippedLines[0].Received <= 30_000_000_000).ToArray();
        Assert.Equal(expected.Length, log.Entries.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Received, log.Entries[i].Moment.ReceivedUnixNanoseconds);
            double due = (expected[i].Received - expected[0].Received) / 1e6;
            Assert.InRange(log.Entries[i].At.TotalMilliseconds, due - 0.001, due + 1);
        }
    }

    [Fact]
    public void All_that_is_due_goes_out_at_one_tick_of_the_timer()
    {
        var recording = Recordings.Of([.. Enumerable.Range(0, 10_000).Select(i => Recordings.Trade(i * 1e-6, "BTCUSDT", i + 1, "1.0", "1.0"))]);
        var (_, log) = Start(recording);

        _time.Advance(TimeSpan.FromMilliseconds(10));

        Assert.Equal(10_000, log.Entries.Count);
        Assert.InRange(log.Entries.Select(entry => entry.At).Distinct().Count(), 1, 12);
    }

    [Fact]
    public void Nothing_follows_a_stop()
    {
        var (feed, log) = Start(Four);

        feed.Stop();
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Empty(log.Entries);
        Assert.Equal(0, _time.WaitingTimers);
    }

    [Fact]
    public void Starting_twice_changes_nothing()
    {
        var (feed, log) = Start(Four);

        _time.Advance(TimeSpan.FromSeconds(0.5));
        feed.Start();
        _time.Advance(TimeSpan.Zero);

        Assert.Equal(3, log.Entries.Count);
        Assert.Equal(1, _time.WaitingTimers);
    }

    [Fact]
    public void A_message_that_fails_is_logged_and_the_next_one_comes()
    {
        var logger = new CountingLogger();
        var log = new SinkLog(_time) { FailsOn = "trade BTC-USDT 2 101.0" };
        using var feed = new ReplayFeed(Four, log, _time, 1, logger);
        feed.Start();

        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(["trade BTC-USDT 1 100.0", "trade ETH-USDT 3 10.0", "trade BTC-USDT 4 102.0"], log.Entries.Select(entry => entry.What));
        Assert.Equal(1, logger.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_speed_that_is_none_is_refused(double speed) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReplayFeed(Four, new SinkLog(_time), _time, speed, NullLogger<ReplayFeed>.Instance));

    private (ReplayFeed Feed, SinkLog Log) Start(MarketRecording recording, double speed = 1)
    {
        var log = new SinkLog(_time);
        var feed = new ReplayFeed(recording, log, _time, speed, NullLogger<ReplayFeed>.Instance);
        feed.Start();
        return (feed, log);
    }

    private sealed class CountingLogger : ILogger<ReplayFeed>
    {
        public int Count { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Assert.Equal(1, eventId.Id);
            Assert.IsType<InvalidOperationException>(exception);
            Count++;
        }
    }
}
