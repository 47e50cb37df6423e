using System.Collections.Concurrent;
using System.Net;
using System.Threading.RateLimiting;
using PipeWs.Server.Hubs;
using PipeWs.Server.Limits;

namespace PipeWs.Server.Filters;

/// <summary>
/// The limiters of one limit, one a partition, made when its first message comes and let go when it has been idle. One timer for all of them, whatever their number;
/// a limiter is found without a lock.
/// </summary>
internal sealed class RateLimitPartitions : IDisposable
{
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_waiting = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<object, RateLimiter> _limiters = new();
    private readonly WsRateLimitOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _ticking;

    public RateLimitPartitions(WsRateLimitOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        TimeSpan period = options.Exceeded == WsRateLimitExceeded.Wait ? s_waiting : s_idle;
        _timer = time.CreateTimer(static state => ((RateLimitPartitions)state!).OnTick(), this, period, period);
    }

    /// <summary>How many limiters there are.</summary>
    public int Count => _limiters.Count;

    /// <summary>Takes a permit, if there is one now.</summary>
    public RateLimitLease TryAcquire(IWsConnection connection)
    {
        object key = KeyOf(connection);
        while (true)
        {
            RateLimiter limiter = Get(key);
            try
            {
                RateLimitLease lease = limiter.AttemptAcquire();
                if (lease.IsAcquired || limiter is not ReplenishingRateLimiter { IsAutoReplenishing: false } replenishing || !replenishing.TryReplenish())
                {
                    return lease;
                }

                lease.Dispose();
                return limiter.AttemptAcquire();
            }
            catch (ObjectDisposedException)
            {
                // Let go in this moment: the next one is as good as new.
                _limiters.TryRemove(KeyValuePair.Create(key, limiter));
            }
        }
    }

    /// <summary>Waits for a permit.</summary>
    /// <returns>One that was not acquired where too many wait.</returns>
    public async ValueTask<RateLimitLease> AcquireAsync(IWsConnection connection, CancellationToken cancellationToken)
    {
        object key = KeyOf(connection);
        while (true)
        {
            RateLimiter limiter = Get(key);
            try
            {
                return await limiter.AcquireAsync(1, cancellationToken);
            }
            catch (ObjectDisposedException)
            {
                _limiters.TryRemove(KeyValuePair.Create(key, limiter));
            }
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        foreach (KeyValuePair<object, RateLimiter> entry in _limiters)
        {
            if (_limiters.TryRemove(entry))
            {
                entry.Value.Dispose();
            }
        }
    }

    // No user's name is ever the same as a connection without one.
    private object KeyOf(IWsConnection connection) => _options.Partition switch
    {
        WsRateLimitPartition.Connection => connection,
        WsRateLimitPartition.User => connection.UserId ?? (object)connection,
        WsRateLimitPartition.Address => AddressOf(connection) ?? (object)connection,
        _ => "",
    };

    private static IPAddress? AddressOf(IWsConnection connection) =>
        connection is HubConnection own ? own.CountedAddress
        : connection.RemoteEndPoint is IPEndPoint remote ? AddressKey.Of(remote.Address, AddressKey.DefaultPrefixLengthIPv6)
        : null;

    private RateLimiter Get(object key)
    {
        while (true)
        {
            if (_limiters.TryGetValue(key, out RateLimiter? limiter))
            {
                return limiter;
            }

            limiter = _options.Create(key is IWsConnection connection ? connection.Id : key.ToString()!, _time);
            if (_limiters.TryAdd(key, limiter))
            {
                return limiter;
            }

            limiter.Dispose();
        }
    }

    private void OnTick()
    {
        if (Interlocked.Exchange(ref _ticking, 1) != 0)
        {
            return;
        }

        try
        {
            foreach (KeyValuePair<object, RateLimiter> entry in _limiters)
            {
                if (entry.Value is ReplenishingRateLimiter { IsAutoReplenishing: false } replenishing)
                {
                    replenishing.TryReplenish();
                }

                // A bucket that fills slowly outlives its connection by far: whoever comes and goes must not leave one behind each time.
                if ((entry.Value.IdleDuration >= s_idle || entry.Key is IWsConnection { Closed.IsCompleted: true }) && _limiters.TryRemove(entry))
                {
                    entry.Value.Dispose();
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The hub ends, or the application disposed of a limiter of its own; the next tick goes on.
        }
        finally
        {
            Volatile.Write(ref _ticking, 0);
        }
    }
}
