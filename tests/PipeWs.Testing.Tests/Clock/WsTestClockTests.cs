namespace PipeWs.Testing.Tests.Clock;

public sealed class WsTestClockTests
{
    private readonly WsTestClock _clock = new();

    [Fact]
    public void It_stands_still_until_it_is_moved()
    {
        DateTimeOffset start = _clock.UtcNow;

        _clock.Advance(TimeSpan.FromMinutes(1.5));

        Assert.Equal(start + TimeSpan.FromSeconds(90), _clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(90), _clock.GetElapsedTime(0));
        Assert.Equal(TimeSpan.FromSeconds(90), _clock.Elapsed);
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Advance(TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.AdvanceTo(start));
    }

    [Fact]
    public void Timers_fire_in_the_order_in_which_they_are_due_each_at_its_own_moment()
    {
        var fired = new List<string>();
        using ITimer second = Timer("second", 2, fired);
        using ITimer first = Timer("first", 1, fired);
        using ITimer alsoSecond = Timer("also second", 2, fired);
        using ITimer never = Timer("never", 4, fired);

        _clock.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(["first at 1", "second at 2", "also second at 2"], fired);
        Assert.Equal(TimeSpan.FromSeconds(1), _clock.NextTimerIn);
        Assert.Equal(1, _clock.WaitingTimers);
    }

    [Fact]
    public void A_periodic_timer_fires_as_often_as_its_period_fits_and_among_the_others()
    {
        var fired = new List<string>();
        using ITimer periodic = Timer("tick", 1, fired, period: 2);
        using ITimer once = Timer("once", 4, fired);

        _clock.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(["tick at 1", "tick at 3", "once at 4", "tick at 5"], fired);
    }

    [Fact]
    public void A_timer_that_a_timer_sets_fires_on_the_way()
    {
        var fired = new List<string>();
        ITimer? inner = null;
        using ITimer outer = _clock.CreateTimer(_ => inner = Timer("inner", 1, fired), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

        _clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(["inner at 2"], fired);
        inner!.Dispose();
    }

    [Fact]
    public void A_timer_that_was_changed_or_disposed_of_does_not_fire_as_before()
    {
        var fired = new List<string>();
        ITimer disposed = Timer("disposed", 1, fired);
        using ITimer changed = Timer("changed", 1, fired);
        using ITimer stopped = Timer("stopped", 1, fired);
        disposed.Dispose();

        Assert.True(changed.Change(TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan));
        Assert.True(stopped.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
        Assert.False(disposed.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan));
        _clock.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(["changed at 2"], fired);
    }

    [Fact]
    public async Task What_waits_for_a_delay_goes_on_before_the_clock_is_handed_back()
    {
        SynchronizationContext? before = SynchronizationContext.Current;
        Task<TimeSpan> delayed = DelayAsync();

        _clock.Advance(TimeSpan.FromSeconds(2));

        Assert.True(delayed.IsCompletedSuccessfully);
        Assert.Equal(TimeSpan.FromSeconds(1), await delayed);
        Assert.Same(before, SynchronizationContext.Current);

        async Task<TimeSpan> DelayAsync()
        {
            await Task.Delay(TimeSpan.FromSeconds(1), _clock).ConfigureAwait(false);
            return _clock.Elapsed;
        }
    }

    [Fact]
    public void A_cancellation_comes_by_this_clock()
    {
        using var source = new CancellationTokenSource(TimeSpan.FromSeconds(5), _clock);

        _clock.Advance(TimeSpan.FromSeconds(4.999));
        Assert.False(source.IsCancellationRequested);
        _clock.Advance(TimeSpan.FromSeconds(0.001));

        Assert.True(source.IsCancellationRequested);
    }

    [Fact]
    public async Task A_test_can_wait_until_a_timer_is_set()
    {
        Task set = _clock.WhenTimerIsSetAsync(TimeSpan.FromSeconds(7));
        using ITimer other = Timer("other", 6, []);
        Assert.False(set.IsCompleted);
        using ITimer timer = Timer("this", 7, []);

        await set;
        await _clock.WhenTimerIsSetAsync(TimeSpan.FromSeconds(6));
    }

    private ITimer Timer(string name, int dueSeconds, List<string> fired, int period = 0) => _clock.CreateTimer(
        _ => fired.Add($"{name} at {_clock.Elapsed.TotalSeconds}"),
        null,
        TimeSpan.FromSeconds(dueSeconds),
        period == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(period));
}
