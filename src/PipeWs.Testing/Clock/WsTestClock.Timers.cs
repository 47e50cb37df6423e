namespace PipeWs.Testing;

// The timers, and waiting until one is set.
public sealed partial class WsTestClock
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly List<(TimeSpan Length, TaskCompletionSource Set)> _awaited = [];

    /// <summary>
    /// Waits, in real time, until a timer of this length is waiting to fire: the code under test has come to the point from which its timeout counts. Only then does a test
    /// move the clock.
    /// </summary>
    /// <param name="length">The time that the timer was set for.</param>
    /// <exception cref="TimeoutException">None was set within 30 s of real time.</exception>
    public async Task WhenTimerIsSetAsync(TimeSpan length)
    {
        var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_timers.Exists(timer => timer.DueAt is not null && timer.Length == length))
            {
                return;
            }

            _awaited.Add((length, set));
        }

        try
        {
            await set.Task.WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            lock (_gate)
            {
                string waiting = string.Join(", ", _timers.Where(static timer => timer.DueAt is not null).Select(static timer => timer.Length));
                throw new TimeoutException($"No timer of {length} was set within {s_patience} of real time. Waiting are timers of: {(waiting.Length == 0 ? "none" : waiting)}.");
            }
        }
    }

    private void OnSet(TimeSpan length)
    {
        for (int i = _awaited.Count - 1; i >= 0; i--)
        {
            if (_awaited[i].Length == length)
            {
                _awaited[i].Set.TrySetResult();
                _awaited.RemoveAt(i);
            }
        }
    }

    private sealed class TestTimer(WsTestClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan? DueAt { get; set; }

        public TimeSpan? Period { get; private set; }

        public TimeSpan Length { get; private set; }

        public long Order { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                if (!clock._timers.Contains(this))
                {
                    return false;
                }

                Period = period == Timeout.InfiniteTimeSpan || period == TimeSpan.Zero ? null : period;
                Order = ++clock._scheduled;
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    DueAt = null;
                    return true;
                }

                DueAt = clock._elapsed + dueTime;
                Length = dueTime;
                clock.OnSet(dueTime);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock._gate)
            {
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
