namespace PipeWs.Client;

/// <summary>Says how long to wait before the next attempt to connect, and when to give up. Used by one client or many, from any thread.</summary>
public abstract class WsReconnectPolicy
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(24);

    /// <summary>Never connects again.</summary>
    public static WsReconnectPolicy Never { get; } = new FixedIntervalPolicy(TimeSpan.Zero, 0, immediateFirst: false);

    /// <summary>The time to wait before an attempt.</summary>
    /// <param name="context">What is known.</param>
    /// <returns>The delay; null to give up. Less than zero counts as zero, and more than 24 days, which is beyond what timers can, as 24 days.</returns>
    public abstract TimeSpan? GetDelay(WsReconnectContext context);

    /// <summary>The time to wait, as a timer can wait it.</summary>
    internal TimeSpan? GetUsableDelay(WsReconnectContext context) =>
        GetDelay(context) is { } delay ? TimeSpan.FromTicks(Math.Clamp(delay.Ticks, 0, s_longest.Ticks)) : null;

    /// <summary>The same time before every attempt.</summary>
    /// <param name="interval">The time. Null for 5 s.</param>
    /// <param name="maxAttempts">After how many failed attempts in a row to give up; -1 for never.</param>
    /// <param name="immediateFirst">Whether the first attempt waits for nothing.</param>
    public static WsReconnectPolicy FixedInterval(TimeSpan? interval = null, int maxAttempts = -1, bool immediateFirst = false)
    {
        TimeSpan every = interval ?? TimeSpan.FromSeconds(5);
        ArgumentOutOfRangeException.ThrowIfLessThan(every, TimeSpan.Zero, nameof(interval));
        ArgumentOutOfRangeException.ThrowIfLessThan(maxAttempts, -1);
        return new FixedIntervalPolicy(every, maxAttempts, immediateFirst);
    }

    /// <summary>
    /// A random time between nothing and a limit that grows with each failed attempt, so that the clients of a server that comes back do not all come at once ("full jitter").
    /// </summary>
    /// <param name="initial">The limit before the first attempt. Null for 1 s.</param>
    /// <param name="max">The greatest limit. Null for 30 s.</param>
    /// <param name="multiplier">How the limit grows. Default 2.</param>
    /// <param name="maxAttempts">After how many failed attempts in a row to give up; -1 for never.</param>
    /// <param name="immediateFirst">Whether the first attempt waits for nothing.</param>
    /// <param name="random">Where the jitter comes from; null for the shared generator.</param>
    public static WsReconnectPolicy ExponentialBackoff(
        TimeSpan? initial = null, TimeSpan? max = null, double multiplier = 2, int maxAttempts = -1, bool immediateFirst = false, Random? random = null)
    {
        TimeSpan first = initial ?? TimeSpan.FromSeconds(1);
        TimeSpan last = max ?? TimeSpan.FromSeconds(30);
        ArgumentOutOfRangeException.ThrowIfLessThan(first, TimeSpan.Zero, nameof(initial));
        ArgumentOutOfRangeException.ThrowIfLessThan(last, first, nameof(max));
        ArgumentOutOfRangeException.ThrowIfLessThan(multiplier, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxAttempts, -1);
        return new ExponentialBackoffPolicy(first, last, multiplier, maxAttempts, immediateFirst, random ?? Random.Shared);
    }

    private sealed class FixedIntervalPolicy(TimeSpan interval, int maxAttempts, bool immediateFirst) : WsReconnectPolicy
    {
        public override TimeSpan? GetDelay(WsReconnectContext context)
        {
            if (maxAttempts >= 0 && context.Attempt > maxAttempts)
            {
                return null;
            }

            return immediateFirst && context.Attempt == 1 ? TimeSpan.Zero : interval;
        }
    }

    private sealed class ExponentialBackoffPolicy(TimeSpan initial, TimeSpan max, double multiplier, int maxAttempts, bool immediateFirst, Random random) : WsReconnectPolicy
    {
        public override TimeSpan? GetDelay(WsReconnectContext context)
        {
            if (maxAttempts >= 0 && context.Attempt > maxAttempts)
            {
                return null;
            }

            int step = context.Attempt - 1;
            if (immediateFirst && step-- == 0)
            {
                return TimeSpan.Zero;
            }

            // After a thousand attempts the power is infinite, and nothing times it would be no number.
            double limit = initial == TimeSpan.Zero ? 0 : Math.Min(max.TotalMilliseconds, initial.TotalMilliseconds * Math.Pow(multiplier, step));

            // A seeded generator is not safe from several threads; the shared one does not mind.
            lock (random)
            {
#pragma warning disable CA5394 // Jitter spreads load; it guards nothing.
                return TimeSpan.FromMilliseconds(random.NextDouble() * limit);
#pragma warning restore CA5394
            }
        }
    }
}

/// <summary>What a reconnect policy is asked about.</summary>
/// <param name="Attempt">Which attempt in a row this would be, from 1. A connection that lasted <see cref="WsClientOptions.StableAfter"/> starts the count anew.</param>
/// <param name="Elapsed">The time since there was a connection, or since the start.</param>
/// <param name="Disconnect">How the last connection ended or the last attempt failed.</param>
public readonly record struct WsReconnectContext(int Attempt, TimeSpan Elapsed, WsDisconnect Disconnect);
