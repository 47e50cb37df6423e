using System.Collections.Concurrent;

namespace PipeWs.Server.Rooms;

/// <summary>
/// The latest message of each key of a room that conflates, held beside the log so that it outlives the log's tail. Updated by the publisher before its
/// message is visible in the log, so that whoever sees the message there finds it, or a later one of its key, here.
/// </summary>
internal sealed class Conflation(int maxKeys)
{
    private readonly ConcurrentDictionary<string, Entry> _latest = new(StringComparer.Ordinal);
    private int _count;
    private int _forgetting;

    internal int Count => Volatile.Read(ref _count);

    /// <summary>Takes note of a frame, by any publisher; the highest number wins.</summary>
    internal void Update(WsFrame frame)
    {
        string key = frame.Key ?? "";
        WsFrame? old;
        while (!TryUpdate(GetOrAdd(key), frame, out old))
        {
            // It was forgotten a moment ago.
        }

        old?.Release();
        if (Count > maxKeys && Interlocked.Exchange(ref _forgetting, 1) == 0)
        {
            ForgetOldest();
            Volatile.Write(ref _forgetting, 0);
        }
    }

    /// <summary>Writes the latest messages with numbers in a range, in the order of the log, until the writer is full.</summary>
    /// <returns>The number to go on from; one more than <paramref name="to"/> where all are written.</returns>
    internal long WriteLatest(ref WsFrameWriter writer, long from, long to, string connectionId)
    {
        var frames = new List<WsFrame>();
        foreach (KeyValuePair<string, Entry> pair in _latest)
        {
            lock (pair.Value)
            {
                if (pair.Value.Frame is { } frame && frame.SequenceNumber >= from && frame.SequenceNumber <= to)
                {
                    frame.Retain();
                    frames.Add(frame);
                }
            }
        }

        frames.Sort(static (a, b) => a.SequenceNumber.CompareTo(b.SequenceNumber));
        long next = to + 1;
        foreach (WsFrame frame in frames)
        {
            if (writer.IsFull)
            {
                next = Math.Min(next, frame.SequenceNumber);
            }
            else if (frame.Except?.Contains(connectionId) != true)
            {
                writer.Write(frame);
            }

            frame.Release();
        }

        return next;
    }

    /// <summary>Lets go of everything. Nobody publishes any more.</summary>
    internal void Clear()
    {
        foreach (KeyValuePair<string, Entry> pair in _latest)
        {
            Forget(pair.Key, pair.Value, long.MaxValue);
        }
    }

    private static bool TryUpdate(Entry entry, WsFrame frame, out WsFrame? old)
    {
        old = null;
        lock (entry)
        {
            if (entry.IsForgotten)
            {
                return false;
            }

            if (entry.Frame is null || entry.Frame.SequenceNumber < frame.SequenceNumber)
            {
                frame.Retain();
                old = entry.Frame;
                entry.Frame = frame;
            }

            return true;
        }
    }

    private Entry GetOrAdd(string key)
    {
        while (true)
        {
            if (_latest.TryGetValue(key, out Entry? entry))
            {
                return entry;
            }

            entry = new Entry();
            if (_latest.TryAdd(key, entry))
            {
                Interlocked.Increment(ref _count);
                return entry;
            }
        }
    }

    /// <summary>Makes room, and a sixteenth more, so that not every new key looks at all the others.</summary>
    private void ForgetOldest()
    {
        var all = new List<(long Number, string Key, Entry Entry)>(Count);
        foreach (KeyValuePair<string, Entry> pair in _latest)
        {
            lock (pair.Value)
            {
                // One that has no message yet is about to get the newest.
                all.Add((pair.Value.Frame?.SequenceNumber ?? long.MaxValue, pair.Key, pair.Value));
            }
        }

        all.Sort(static (a, b) => a.Number.CompareTo(b.Number));
        int forgotten = all.Count - maxKeys + (maxKeys / 16);
        for (int i = 0; i < forgotten && all[i].Number < long.MaxValue; i++)
        {
            Forget(all[i].Key, all[i].Entry, all[i].Number);
        }
    }

    /// <summary>Forgets a key, unless it has got a newer message than this meanwhile.</summary>
    private void Forget(string key, Entry entry, long number)
    {
        WsFrame? frame;
        lock (entry)
        {
            if (entry.IsForgotten || entry.Frame?.SequenceNumber > number)
            {
                return;
            }

            entry.IsForgotten = true;
            frame = entry.Frame;
            entry.Frame = null;
            _latest.TryRemove(new KeyValuePair<string, Entry>(key, entry));
            Interlocked.Decrement(ref _count);
        }

        frame?.Release();
    }

    private sealed class Entry
    {
        internal WsFrame? Frame;
        internal bool IsForgotten;
    }
}
