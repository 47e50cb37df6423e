using System.Diagnostics.CodeAnalysis;
using System.Threading.RateLimiting;

namespace PipeWs.Server.Limits;

/// <summary>
/// A token bucket that fills by the application's clock, where the base library's knows only its own. It is filled when somebody says so, by the time that has passed, and needs no timer.
/// Whoever waits is served in order. Safe from any thread; what is within the limit allocates nothing.
/// </summary>
internal sealed class TokenBucket : ReplenishingRateLimiter
{
    private static readonly Lease s_acquired = new(null);

    // The shortest that a timer can count.
    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(1);

    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly TimeProvider _time;
    private readonly int _limit;
    private readonly int _queueLimit;
    private readonly double _tokensPerSecond;
    private double _tokens;
    private long _filledAt;
    private long? _fullSince;
    private int _queued;
    private long _successes;
    private long _failures;
    private bool _isDisposed;

    /// <param name="limit">How much it holds.</param>
    /// <param name="tokensPerPeriod">How much a period adds, spread evenly over it.</param>
    /// <param name="period">The period.</param>
    /// <param name="queueLimit">How many permits may be waited for at once.</param>
    /// <param name="time">The clock.</param>
    public TokenBucket(int limit, double tokensPerPeriod, TimeSpan period, int queueLimit, TimeProvider time)
    {
        _limit = limit;
        _tokens = limit;
        _tokensPerSecond = tokensPerPeriod / period.TotalSeconds;
        _queueLimit = queueLimit;
        _time = time;
        _filledAt = time.GetTimestamp();
        _fullSince = _filledAt;
        ReplenishmentPeriod = period;
    }

    /// <summary>The most that can be taken at once.</summary>
    public int Limit => _limit;

    public override bool IsAutoReplenishing => false;

    public override TimeSpan ReplenishmentPeriod { get; }

    public override TimeSpan? IdleDuration
    {
        get
        {
            lock (_lock)
            {
                return _fullSince is { } since ? _time.GetElapsedTime(since) : null;
            }
        }
    }

    public override bool TryReplenish()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return false;
            }

            long now = _time.GetTimestamp();
            _tokens = Math.Min(_limit, _tokens + (_time.GetElapsedTime(_filledAt, now).TotalSeconds * _tokensPerSecond));
            _filledAt = now;
            while (_waiting.First is { } first && _tokens >= first.Value.Permits)
            {
                Remove(first);
                _tokens -= first.Value.Permits;
                _successes++;
                first.Value.TrySetResult(s_acquired);
            }

            _fullSince = _tokens >= _limit ? _fullSince ?? now : null;
            return true;
        }
    }

    public override RateLimiterStatistics? GetStatistics()
    {
        lock (_lock)
        {
            return new RateLimiterStatistics
            {
                CurrentAvailablePermits = (long)_tokens,
                CurrentQueuedCount = _queued,
                TotalSuccessfulLeases = _successes,
                TotalFailedLeases = _failures,
            };
        }
    }

    protected override RateLimitLease AttemptAcquireCore(int permitCount)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(permitCount, _limit);
        lock (_lock)
        {
            return TryTake(permitCount) ? s_acquired : Fail(permitCount);
        }
    }

    protected override ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(permitCount, _limit);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<RateLimitLease>(cancellationToken);
        }

        Waiter waiter;
        lock (_lock)
        {
            if (TryTake(permitCount))
            {
                return new ValueTask<RateLimitLease>(s_acquired);
            }

            if (_queueLimit - _queued < permitCount)
            {
                return new ValueTask<RateLimitLease>(Fail(permitCount));
            }

            waiter = new Waiter(permitCount);
            waiter.Node = _waiting.AddLast(waiter);
            _queued += permitCount;
        }

        return new ValueTask<RateLimitLease>(WaitAsync(waiter, cancellationToken));
    }

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isDisposed = true;
            while (_waiting.First is { } first)
            {
                Remove(first);
                first.Value.TrySetResult(Fail(first.Value.Permits));
            }
        }

        base.Dispose(disposing);
    }

    private async Task<RateLimitLease> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(
            static (state, cancelled) =>
            {
                (TokenBucket bucket, Waiter gone) = ((TokenBucket, Waiter))state!;
                bucket.Cancel(gone, cancelled);
            },
            (this, waiter)))
        {
            return await waiter.Task;
        }
    }

    private void Cancel(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (waiter.Node is { List: not null } node)
            {
                Remove(node);
                waiter.TrySetCanceled(cancellationToken);
            }
        }
    }

    private void Remove(LinkedListNode<Waiter> node)
    {
        _waiting.Remove(node);
        _queued -= node.Value.Permits;
    }

    // Whoever waits was there first.
    private bool TryTake(int permits)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_waiting.Count > 0 || _tokens < permits)
        {
            return false;
        }

        _tokens -= permits;
        _fullSince = null;
        _successes++;
        return true;
    }

    private Lease Fail(int permits)
    {
        _failures++;
        TimeSpan wait = TimeSpan.FromSeconds(Math.Max(0, permits + _queued - _tokens) / _tokensPerSecond);
        return new Lease(wait > s_shortestWait ? wait : s_shortestWait);
    }

    private sealed class Waiter(int permits) : TaskCompletionSource<RateLimitLease>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public int Permits => permits;

        public LinkedListNode<Waiter>? Node { get; set; }
    }

    /// <summary>A permit, or how long until there may be one.</summary>
    private sealed class Lease(TimeSpan? retryAfter) : RateLimitLease
    {
        private static readonly string[] s_names = [MetadataName.RetryAfter.Name];

        public override bool IsAcquired => retryAfter is null;

        public override IEnumerable<string> MetadataNames => IsAcquired ? [] : s_names;

        public override bool TryGetMetadata(string metadataName, [NotNullWhen(true)] out object? metadata)
        {
            metadata = metadataName == MetadataName.RetryAfter.Name ? retryAfter : null;
            return metadata is not null;
        }
    }
}
