namespace PipeWs.Testing;

/// <summary>
/// A clock that moves only when a test moves it. Timers fire on the thread that advances it, in the order in which they are due, each at its own moment:
/// a callback that looks at the clock sees the time for which it was set, and a periodic timer fires as often as its period fits. Safe from any thread.
/// </summary>
/// <remarks>
/// Register it as the application's <see cref="TimeProvider"/>, and it drives everything of PipeWs that has a time: heartbeats, ping and pong, handshake, frame, send and close
/// timeouts, the age of a room's history. What fires may hand work to other threads; <see cref="WsTestServer.AdvanceAsync"/> waits for it.
/// </remarks>
public sealed partial class WsTestClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<TestTimer> _timers = [];
    private readonly DateTimeOffset _start;
    private TimeSpan _elapsed;
    private long _scheduled;

    /// <summary>Creates a clock that shows 2030-01-02 03:04:05 UTC.</summary>
    public WsTestClock()
        : this(new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero))
    {
    }

    /// <summary>Creates a clock that shows this time.</summary>
    public WsTestClock(DateTimeOffset start) => _start = start;

    /// <summary>What it shows.</summary>
    public DateTimeOffset UtcNow => _start + Elapsed;

    /// <summary>How far it was moved.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (_gate)
            {
                return _elapsed;
            }
        }
    }

    /// <summary>How many timers are waiting to fire.</summary>
    public int WaitingTimers
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count(static timer => timer.DueAt is not null);
            }
        }
    }

    /// <summary>The time until the next timer fires; null where none is waiting.</summary>
    public TimeSpan? NextTimerIn
    {
        get
        {
            lock (_gate)
            {
                return FindNext(TimeSpan.MaxValue)?.DueAt - _elapsed;
            }
        }
    }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>UTC, wherever the test runs.</summary>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => UtcNow;

    /// <inheritdoc/>
    public override long GetTimestamp() => Elapsed.Ticks;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new TestTimer(this, callback, state);
        lock (_gate)
        {
            _timers.Add(timer);
        }

        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the clock, and fires what falls due on the way.</summary>
    /// <param name="by">How far; zero fires what is due already.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        TimeSpan target;
        lock (_gate)
        {
            target = _elapsed + by;
        }

        // As on a real timer's thread: what waits for a timer goes on at once, on this thread, and not on a test framework's own scheduler.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            while (TakeDue(target) is { } timer)
            {
                timer.Fire();
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Moves the clock to a time, and fires what falls due on the way.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time has passed.</exception>
    public void AdvanceTo(DateTimeOffset time) => Advance(time - UtcNow);

    private TestTimer? TakeDue(TimeSpan target)
    {
        lock (_gate)
        {
            TestTimer? next = FindNext(target);
            if (next is null)
            {
                _elapsed = target > _elapsed ? target : _elapsed;
                return null;
            }

            _elapsed = next.DueAt > _elapsed ? next.DueAt.Value : _elapsed;
            next.DueAt = next.Period is { } period ? _elapsed + period : null;
            next.Order = ++_scheduled;
            return next;
        }
    }

    private TestTimer? FindNext(TimeSpan latest)
    {
        TestTimer? next = null;
        foreach (TestTimer timer in _timers)
        {
            if (timer.DueAt <= latest && (next is null || timer.DueAt < next.DueAt || (timer.DueAt == next.DueAt && timer.Order < next.Order)))
            {
                next = timer;
            }
        }

        return next;
    }
}
