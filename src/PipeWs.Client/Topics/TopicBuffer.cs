using System.Threading.Tasks.Sources;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>
/// The messages that wait for one reader: bounded in number and bytes. The receive loop adds and never waits; one reader at a time takes. A wait allocates nothing.
/// Gaps for what was dropped stand where that stood, and do not count.
/// </summary>
internal sealed class TopicBuffer(int maxCount, long maxBytes, bool conflates = false) : IValueTaskSource<bool>
{
    public const string Overflow = "overflow";

    private readonly Lock _lock = new();
    private readonly Dictionary<TopicFrame, TopicFrame>? _latest = conflates ? new(ConflationComparer.Instance) : null;
    private ManualResetValueTaskSourceCore<bool> _waiter = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private TopicFrame? _first;
    private TopicFrame? _last;
    private int _count;
    private long _bytes;
    private long _dropped;
    private bool _waiting;
    private bool _completed;
    private Exception? _error;

    public int Count => Volatile.Read(ref _count);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>How many messages were dropped, or gave way to a later one.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Whether at least half of it is free.</summary>
    public bool IsHalfFree => Count <= maxCount / 2 && Bytes <= maxBytes / 2;

    /// <summary>Whether a message has room. Only the receive loop takes room, so that it keeps what it found.</summary>
    public bool HasRoom(int length) => Count < maxCount && (Count == 0 || Bytes + length <= maxBytes);

    /// <summary>Adds a message or gap behind all others.</summary>
    public void Add(TopicFrame frame)
    {
        bool signals;
        TopicFrame? replaced = null;
        lock (_lock)
        {
            if (_completed)
            {
                replaced = frame;
                signals = false;
            }
            else
            {
                if (_latest is not null && frame.Gap is null)
                {
                    if (_latest.Remove(frame, out replaced))
                    {
                        Unlink(replaced);
                        _dropped++;
                    }

                    DropOldest(frame.Raw.Length);
                    _latest.Add(frame, frame);
                }

                Append(frame);
                signals = TryEndWait();
            }
        }

        replaced?.Release(replaced.Version);
        if (signals)
        {
            _waiter.SetResult(true);
        }
    }

    /// <summary>Adds a gap that a join has found. Where nothing has come since the topic's last it grows, so that a server that comes and goes does not fill the memory.</summary>
    public void AddGap(WsTopicGap gap, TopicMember member)
    {
        lock (_lock)
        {
            for (TopicFrame? last = _last; last is { Gap: { } known }; last = last.Previous)
            {
                if (last.Member == member && known.Reason != Overflow)
                {
                    bool isOneEpoch = known.Epoch == gap.Epoch;
                    last.SetGap(new WsTopicGap(gap.Topic, isOneEpoch && known.From > 0 ? known.From : gap.From, gap.To, gap.Reason)
                    {
                        Epoch = gap.Epoch,
                        PreviousEpoch = known.PreviousEpoch ?? gap.PreviousEpoch,
                    });
                    return;
                }
            }
        }

        // Only the receive loop adds.
        Add(TopicFrame.ForGap(gap, member));
    }

    /// <summary>Makes a message give way to one that comes.</summary>
    public void DropOldest(int length)
    {
        while (!HasRoom(length))
        {
            TopicFrame? dropped;
            lock (_lock)
            {
                dropped = _first;
                while (dropped is { Gap.Reason: Overflow })
                {
                    dropped = dropped.Next;
                }

                if (dropped is null)
                {
                    return;
                }

                TopicFrame? before = dropped.Previous;
                Forget(dropped);
                Unlink(dropped);
                _dropped += dropped.Gap is null ? 1 : 0;
                AddToGap(before, dropped.Member, dropped.Member is null ? null : dropped.Topic, dropped.Gap, dropped.Envelope.HasSequenceNumber ? dropped.Envelope.SequenceNumber : 0);
            }

            dropped.Release(dropped.Version);
        }
    }

    /// <summary>Says that a message was not added.</summary>
    public void CountNotAdded(TopicMember member, long sequenceNumber)
    {
        lock (_lock)
        {
            _dropped++;
            if (!_completed)
            {
                AddToGap(_last, member, member.Topic.Name, null, sequenceNumber);
            }
        }
    }

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TopicFrame? frame)
    {
        lock (_lock)
        {
            frame = _first;
            if (frame is null)
            {
                return false;
            }

            Forget(frame);
            Unlink(frame);
            return true;
        }
    }

    /// <summary>Waits for a message; false at the end.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken)
    {
        short token;
        lock (_lock)
        {
            if (_first is not null)
            {
                return new ValueTask<bool>(true);
            }

            if (_completed)
            {
                return _error is null ? new ValueTask<bool>(false) : ValueTask.FromException<bool>(_error);
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<bool>(cancellationToken);
            }

            if (_waiting)
            {
                throw new InvalidOperationException("One reader waits at a time.");
            }

            _waiter.Reset();
            _waiting = true;
            token = _waiter.Version;
        }

        // A cancellation that comes at once ends the wait that has just begun; one that comes late finds none.
        _cancellation = cancellationToken.UnsafeRegister(static (state, cancelled) => ((TopicBuffer)state!).Cancel(cancelled), this);
        return new ValueTask<bool>(this, token);
    }

    /// <summary>No more come. What is there is still taken; then the reader sees the error, or the end.</summary>
    public void Complete(Exception? error, bool clears = false)
    {
        bool signals;
        TopicFrame? cleared = null;
        lock (_lock)
        {
            if (clears)
            {
                cleared = _first;
                _first = _last = null;
                _count = 0;
                _bytes = 0;
                _latest?.Clear();
            }

            if (!_completed)
            {
                _completed = true;
                _error = error;
            }

            signals = _first is null && TryEndWait();
            error = _error;
        }

        while (cleared is not null)
        {
            TopicFrame? next = cleared.Next;
            cleared.Release(cleared.Version);
            cleared = next;
        }

        if (signals)
        {
            if (error is null)
            {
                _waiter.SetResult(false);
            }
            else
            {
                _waiter.SetException(error);
            }
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        // Waits for a cancellation that is running, so that none can meet the next wait.
        _cancellation.Dispose();
        _cancellation = default;
        return _waiter.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancelled)
    {
        lock (_lock)
        {
            if (!TryEndWait())
            {
                return;
            }
        }

        _waiter.SetException(new OperationCanceledException(cancelled));
    }

    private bool TryEndWait()
    {
        bool waiting = _waiting;
        _waiting = false;
        return waiting;
    }

    /// <summary>One gap a topic stands in each place where messages were dropped one after the other: it grows.</summary>
    private void AddToGap(TopicFrame? before, TopicMember? member, string? topic, WsTopicGap? lost, long sequenceNumber)
    {
        // Messages of no subscription are of many topics.
        long from = member is null ? 0 : lost?.From ?? sequenceNumber;
        long to = member is null ? 0 : lost?.To ?? sequenceNumber;
        long count = lost?.Count ?? 1;
        for (TopicFrame? gap = before; gap is { Gap: { Reason: Overflow } known }; gap = gap.Previous)
        {
            if (gap.Member == member)
            {
                gap.Gap = known with { From = known.From == 0 ? from : known.From, To = Math.Max(known.To, to), Count = known.Count + count };
                return;
            }
        }

        TopicFrame frame = TopicFrame.ForGap(new WsTopicGap(topic ?? "", from, to, Overflow) { Count = count, Epoch = member?.Epoch, PreviousEpoch = lost?.PreviousEpoch }, member);
        frame.Previous = before;
        frame.Next = before is null ? _first : before.Next;
        _ = before is null ? _first = frame : before.Next = frame;
        _ = frame.Next is null ? _last = frame : frame.Next.Previous = frame;
    }

    private void Append(TopicFrame frame)
    {
        frame.Previous = _last;
        frame.Next = null;
        _ = _last is null ? _first = frame : _last.Next = frame;
        _last = frame;
        if (frame.Gap is not { Reason: Overflow })
        {
            _count++;
            _bytes += frame.Raw.Length;
        }
    }

    private void Unlink(TopicFrame frame)
    {
        _ = frame.Previous is null ? _first = frame.Next : frame.Previous.Next = frame.Next;
        _ = frame.Next is null ? _last = frame.Previous : frame.Next.Previous = frame.Previous;
        frame.Next = null;
        frame.Previous = null;
        if (frame.Gap is not { Reason: Overflow })
        {
            _count--;
            _bytes -= frame.Raw.Length;
        }
    }

    private void Forget(TopicFrame frame)
    {
        if (_latest is not null && frame.Gap is null)
        {
            _latest.Remove(frame);
        }
    }

    /// <summary>Two messages are alike where topic and subject are.</summary>
    private sealed class ConflationComparer : IEqualityComparer<TopicFrame>
    {
        public static ConflationComparer Instance { get; } = new();

        public bool Equals(TopicFrame? x, TopicFrame? y) => x!.Member == y!.Member && SubjectOf(x).SequenceEqual(SubjectOf(y));

        public int GetHashCode(TopicFrame obj)
        {
            var hash = default(HashCode);
            hash.Add(obj.Member);
            hash.AddBytes(SubjectOf(obj));
            return hash.ToHashCode();
        }

        private static ReadOnlySpan<byte> SubjectOf(TopicFrame frame) => frame.Envelope.Subject is { IsEmpty: false } subject ? subject.Of(frame.Raw.Span) : default;
    }
}
