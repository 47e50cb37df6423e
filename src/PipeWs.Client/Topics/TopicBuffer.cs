using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>
/// The messages that wait for one reader: bounded in number and bytes. The receive loop adds and never waits; one reader at a time takes. A wait allocates nothing.
/// Gaps for what was dropped stand where that stood, and do not count.
/// </summary>
internal sealed partial class TopicBuffer(int maxCount, long maxBytes, bool conflates = false)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TopicFrame, TopicFrame>? _latest = conflates ? new(ConflationComparer.Instance) : null;
    private TopicFrame? _first;
    private TopicFrame? _last;
    private int _count;
    private long _bytes;
    private long _dropped;
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

                    DropOldest(frame.Length);
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

    /// <summary>Makes a message give way to one that comes.</summary>
    public void DropOldest(int length)
    {
        while (!HasRoom(length))
        {
            TopicFrame? dropped;
            lock (_lock)
            {
                dropped = _first;
                while (dropped is { IsOverflow: true })
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
                AddToGap(before, dropped.Member, dropped.Epoch, dropped.Gap, dropped.Envelope.HasSequenceNumber ? dropped.Envelope.SequenceNumber : 0);
            }

            dropped.Release(dropped.Version);
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

    private void Append(TopicFrame frame)
    {
        frame.Previous = _last;
        frame.Next = null;
        _ = _last is null ? _first = frame : _last.Next = frame;
        _last = frame;
        if (!frame.IsOverflow)
        {
            _count++;
            _bytes += frame.Length;
        }
    }

    private void Unlink(TopicFrame frame)
    {
        _ = frame.Previous is null ? _first = frame.Next : frame.Previous.Next = frame.Next;
        _ = frame.Next is null ? _last = frame.Previous : frame.Next.Previous = frame.Previous;
        frame.Next = null;
        frame.Previous = null;
        if (!frame.IsOverflow)
        {
            _count--;
            _bytes -= frame.Length;
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
