namespace PipeWs.Server.Diagnostics;

/// <summary>What goes through a hub per second, over the last seconds: samples that the heartbeat takes, once a second, and the present. Safe from any thread.</summary>
internal sealed class HubRates
{
    /// <summary>How far back the rates reach.</summary>
    internal static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private static readonly long s_intervalMs = 1000;

    private readonly Lock _lock = new();
    private readonly Queue<(long At, HubTraffic Traffic)> _samples = new();
    private long _last;

    /// <param name="now">Milliseconds since the heartbeat began.</param>
    internal HubRates(long now)
    {
        _last = now;
        _samples.Enqueue((now, default));
    }

    /// <summary>Takes a sample where one is due. By the heartbeat.</summary>
    internal void Sample(long now, HubCounters counters)
    {
        lock (_lock)
        {
            if (now - _last < s_intervalMs)
            {
                return;
            }
        }

        HubTraffic traffic = counters.Traffic();
        lock (_lock)
        {
            _last = now;
            _samples.Enqueue((now, traffic));
            while (now - _samples.Peek().At > Window.TotalMilliseconds)
            {
                _samples.Dequeue();
            }
        }
    }

    /// <summary>The rates from the oldest sample to now.</summary>
    internal WsRates Read(long now, in HubTraffic traffic)
    {
        (long at, HubTraffic before) = Oldest();
        double seconds = (now - at) / 1000.0;
        return seconds <= 0
            ? default
            : new WsRates(
                TimeSpan.FromMilliseconds(now - at),
                (traffic.MessagesReceived - before.MessagesReceived) / seconds,
                (traffic.MessagesSent - before.MessagesSent) / seconds,
                (traffic.BytesReceived - before.BytesReceived) / seconds,
                (traffic.BytesSent - before.BytesSent) / seconds);
    }

    private (long At, HubTraffic Traffic) Oldest()
    {
        lock (_lock)
        {
            return _samples.Peek();
        }
    }
}
