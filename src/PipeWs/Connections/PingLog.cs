namespace PipeWs;

/// <summary>The pings of a connection that wait for their pongs. Safe from any thread: its own lock, which nobody else takes.</summary>
internal sealed class PingLog(TimeProvider time)
{
    private List<PendingPing>? _pending;
    private long _sent;
    private long _roundTripTicks;

    /// <summary>The last measured round trip; zero before the first.</summary>
    internal TimeSpan RoundTripTime => TimeSpan.FromTicks(Volatile.Read(ref _roundTripTicks));

    /// <summary>How many were sent.</summary>
    internal long Sent => Volatile.Read(ref _sent);

    /// <summary>How many wait.</summary>
    internal int Pending
    {
        get
        {
            lock (this)
            {
                return _pending?.Count ?? 0;
            }
        }
    }

    /// <summary>Takes note of one that is about to be sent.</summary>
    /// <param name="answered">Who waits for its pong; null for the keep-alive, which nobody waits for.</param>
    /// <returns>What its pong must say.</returns>
    internal long Add(TaskCompletionSource<TimeSpan>? answered)
    {
        lock (this)
        {
            long id = ++_sent;
            if (answered is null)
            {
                // A keep-alive ping replaces the one before: a peer that never answers must not make the list grow.
                _pending?.RemoveAll(static ping => ping.Answered is null);
            }

            (_pending ??= []).Add(new PendingPing(id, time.GetTimestamp(), answered));
            return id;
        }
    }

    /// <summary>A pong came.</summary>
    /// <returns><see langword="false"/> where it answers none of these.</returns>
    internal bool TryAnswer(long id, out TimeSpan roundTrip)
    {
        roundTrip = default;
        lock (this)
        {
            int index = (_pending?.Count ?? 0) - 1;
            while (index >= 0 && _pending![index].Id != id)
            {
                index--;
            }

            if (index < 0)
            {
                return false;
            }

            // A pong may answer only the latest of several pings; it then answers those before it too.
            roundTrip = time.GetElapsedTime(_pending![index].SentAt);
            Volatile.Write(ref _roundTripTicks, roundTrip.Ticks);
            for (int i = 0; i <= index; i++)
            {
                _pending[i].Answered?.TrySetResult(time.GetElapsedTime(_pending[i].SentAt));
            }

            _pending.RemoveRange(0, index + 1);
            if (_pending.Count == 0)
            {
                _pending = null;
            }

            return true;
        }
    }

    /// <summary>Nobody waits for it any more.</summary>
    internal void Forget(TaskCompletionSource<TimeSpan> answered)
    {
        lock (this)
        {
            for (int i = 0; i < (_pending?.Count ?? 0); i++)
            {
                if (_pending![i].Answered == answered)
                {
                    _pending.RemoveAt(i);
                    return;
                }
            }
        }
    }

    private readonly record struct PendingPing(long Id, long SentAt, TaskCompletionSource<TimeSpan>? Answered);
}
