using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs;

/// <summary>The flush of a connection that the transport did not take at once, and how long its peer has taken nothing. Written by the turn's holder; the notes are the heartbeat's.</summary>
internal sealed class WaitingFlush(Action onFlushed)
{
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _awaiter;

    /// <summary>When the flush that is under way began, as the heartbeat counts; 0 where there is none.</summary>
    private long _since;

    // Of the heartbeat.
    private long _takenMark;
    private long _waitingMark;
    private long _waitingSince;

    /// <summary>Whether one is under way.</summary>
    internal bool IsUnderWay => Volatile.Read(ref _since) != 0;

    /// <summary>When the heartbeat last saw that something had been taken.</summary>
    internal long LastTaken { get; private set; }

    /// <summary>Waits for a flush.</summary>
    internal void Begin(long now, in ValueTask<FlushResult> flush)
    {
        Volatile.Write(ref _since, Math.Max(1, now));
        _awaiter = flush.ConfigureAwait(false).GetAwaiter();
        _awaiter.UnsafeOnCompleted(onFlushed);
    }

    /// <summary>It is over.</summary>
    internal FlushResult End()
    {
        Volatile.Write(ref _since, 0);
        ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter awaiter = _awaiter;
        _awaiter = default;
        return awaiter.GetResult();
    }

    /// <summary>A flush that began or ended since the last look means that the peer took something.</summary>
    internal void NoteTaken(long now)
    {
        long since = Volatile.Read(ref _since);
        if (since != _takenMark)
        {
            _takenMark = since;
            LastTaken = now;
        }
    }

    /// <summary>Since when nothing has been taken while messages wait; null where none do.</summary>
    internal long? FindWaitingSince(long now, bool isWaitedFor)
    {
        long since = Volatile.Read(ref _since);
        if (since == 0 || !isWaitedFor)
        {
            _waitingSince = 0;
            return null;
        }

        // A flush that began anew since the last look means that the peer took the one before.
        if (_waitingSince == 0 || _waitingMark != since)
        {
            _waitingMark = since;
            _waitingSince = now;
        }

        return _waitingSince;
    }
}
