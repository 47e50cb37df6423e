using System.Numerics;

namespace PipeWs.Server.Rooms;

/// <summary>
/// The newest messages of a room, in a ring that any number of publishers append to and any number of readers read, without a lock.
/// </summary>
/// <remarks>
/// A publisher reserves a sequence number, encodes, and places its frame in the number's slot; the slot's stamp, written last, publishes it. Readers take
/// frames in order and stop at the first slot not stamped yet. A reader holds a frame before it believes it: frames are pooled, and
/// one that left the log may live on in another. The ring's segments come into being as they are reached, so that a quiet room stays small.
/// </remarks>
internal sealed class RoomLog
{
    private const int SegmentSlots = 64;
    private const int SegmentShift = 6;

    private readonly Slot[]?[] _segments;
    private readonly int _mask;
    private readonly long _maxBytes;
    private long _head;
    private long _sealedHead;
    private long _tail = 1;
    private long _bytes;
    private int _trimming;

    internal RoomLog(int messages, long maxBytes)
    {
        int capacity = (int)Math.Max(SegmentSlots, BitOperations.RoundUpToPowerOf2((uint)messages));
        Capacity = capacity;
        _mask = capacity - 1;
        _segments = new Slot[capacity >> SegmentShift][];
        _maxBytes = maxBytes;
    }

    internal enum ReadResult : byte
    {
        Found,
        NotYet,
        Gone,
    }

    /// <summary>How many messages the ring holds.</summary>
    internal int Capacity { get; }

    /// <summary>The newest sequence number given out; 0 before the first.</summary>
    internal long Head
    {
        get
        {
            long head = Volatile.Read(ref _head);
            return head >= 0 ? head : Volatile.Read(ref _sealedHead);
        }
    }

    /// <summary>The oldest sequence number that is still held, if it is published; one more than the head where nothing is.</summary>
    internal long Tail => Volatile.Read(ref _tail);

    /// <summary>The bytes held.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Gives out the next sequence number; 0 where the log is sealed. Whoever takes one must <see cref="Place"/> a frame, without fail: readers wait for it.</summary>
    internal long Reserve() => Math.Max(0, Interlocked.Increment(ref _head));

    /// <summary>Gives out no more numbers, unless one was given out after <paramref name="head"/>. By one thread at a time.</summary>
    internal bool TrySeal(long head)
    {
        // From here no increment leads back to a number that counts.
        Volatile.Write(ref _sealedHead, head);
        return Interlocked.CompareExchange(ref _head, long.MinValue, head) == head;
    }

    /// <summary>Publishes a frame under its sequence number, and takes over the caller's hold on it.</summary>
    internal void Place(WsFrame frame)
    {
        long number = frame.SequenceNumber;
        int length = frame.Length;
        ref Slot slot = ref SlotOf(number);

        // A publisher that was held up a whole ring ago must place its frame first: a slot's numbers only grow.
        long before = number > Capacity ? number - Capacity : 0;
        if (Volatile.Read(ref slot.Stamp) != before)
        {
            WaitForStamp(ref slot, before);
        }

        RaiseTail(number - Capacity + 1);
        WsFrame? old = Interlocked.Exchange(ref slot.Frame, frame);
        Volatile.Write(ref slot.Stamp, number);
        if (old is not null)
        {
            length -= old.Length;
            old.Release();
        }

        if (Interlocked.Add(ref _bytes, length) > _maxBytes)
        {
            TrimBytes();
        }
    }

    /// <summary>Takes the frame with this number; the caller releases it.</summary>
    internal ReadResult TryRead(long number, out WsFrame? frame)
    {
        frame = null;
        if (number > Head)
        {
            return ReadResult.NotYet;
        }

        if (number < Volatile.Read(ref _tail))
        {
            return ReadResult.Gone;
        }

        ref Slot slot = ref SlotOf(number);
        long stamp = Volatile.Read(ref slot.Stamp);
        if (stamp != number)
        {
            return stamp < number ? ReadResult.NotYet : ReadResult.Gone;
        }

        WsFrame? found = Volatile.Read(ref slot.Frame);
        if (found is null || !found.TryRetain())
        {
            return ReadResult.Gone;
        }

        if (!ReferenceEquals(Volatile.Read(ref slot.Frame), found) || found.SequenceNumber != number)
        {
            found.Release();
            return ReadResult.Gone;
        }

        frame = found;
        return ReadResult.Found;
    }

    /// <summary>The last number of those, from <paramref name="from"/> on, that are all published or gone; <paramref name="from"/> - 1 where none is.</summary>
    internal long PublishedUpTo(long from)
    {
        long head = Head;
        long number = Math.Max(from, Tail);
        while (number <= head && Volatile.Read(ref SlotOf(number).Stamp) >= number)
        {
            number++;
        }

        return number - 1;
    }

    /// <summary>Lets go of everything before <paramref name="tail"/>, as far as it is published. One thread at a time does; another's call does nothing.</summary>
    internal void TrimTo(long tail)
    {
        if (Interlocked.Exchange(ref _trimming, 1) != 0)
        {
            return;
        }

        long number = Tail;
        tail = Math.Min(tail, Head + 1);
        while (number < tail && TryTrim(number))
        {
            number++;
        }

        Volatile.Write(ref _trimming, 0);
    }

    /// <summary>When the message was appended, as the room counts time; null where it is not held.</summary>
    internal long? TimestampOf(long number)
    {
        if (TryRead(number, out WsFrame? frame) != ReadResult.Found)
        {
            return null;
        }

        long timestamp = frame!.Timestamp;
        frame.Release();
        return timestamp;
    }

    /// <summary>Lets go of everything. Nobody publishes any more.</summary>
    internal void Clear()
    {
        SpinWait spin = default;
        while (Tail <= Head)
        {
            TrimTo(Head + 1);
            if (Tail <= Head)
            {
                spin.SpinOnce();
            }
        }
    }

    private static void WaitForStamp(ref Slot slot, long stamp)
    {
        SpinWait spin = default;
        while (Volatile.Read(ref slot.Stamp) != stamp)
        {
            spin.SpinOnce();
        }
    }

    private bool TryTrim(long number)
    {
        ref Slot slot = ref SlotOf(number);
        long stamp = Volatile.Read(ref slot.Stamp);
        if (stamp < number)
        {
            return false;
        }

        RaiseTail(number + 1);
        WsFrame? found = Volatile.Read(ref slot.Frame);
        if (stamp != number || found is null || !found.TryRetain())
        {
            return true;
        }

        // Held, the frame cannot come back under another number while it is taken out.
        if (found.SequenceNumber == number && ReferenceEquals(Interlocked.CompareExchange(ref slot.Frame, null, found), found))
        {
            Interlocked.Add(ref _bytes, -found.Length);
            found.Release();
        }

        found.Release();
        return true;
    }

    private void TrimBytes()
    {
        while (Bytes > _maxBytes && Tail < Head)
        {
            long tail = Tail;
            TrimTo(tail + 1);
            if (Tail == tail)
            {
                return;
            }
        }
    }

    private void RaiseTail(long tail)
    {
        long seen = Volatile.Read(ref _tail);
        while (seen < tail)
        {
            long before = Interlocked.CompareExchange(ref _tail, tail, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    private ref Slot SlotOf(long number)
    {
        int index = (int)number & _mask;
        Slot[] segment = Volatile.Read(ref _segments[index >> SegmentShift]) ?? AddSegment(index >> SegmentShift);
        return ref segment[index & (SegmentSlots - 1)];
    }

    private Slot[] AddSegment(int index)
    {
        var segment = new Slot[SegmentSlots];
        return Interlocked.CompareExchange(ref _segments[index], segment, null) ?? segment;
    }

    private struct Slot
    {
        internal WsFrame? Frame;
        internal long Stamp;
    }
}
