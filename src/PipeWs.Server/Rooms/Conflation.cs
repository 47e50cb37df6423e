using System.Collections.Concurrent;

namespace PipeWs.Server.Rooms;

/// <summary>
/// The latest message of each key of a room that conflates, held beside the log so that it outlives the log's tail. Updated by the publisher before its
/// message is visible in the log, so that whoever sees the message there finds it, or a later one of its key, here.
/// </summary>
internal sealed class Conflation(int maxKeys)
{
    private readonly ConcurrentDictionary<string, Entry> _latest = new(StringComparer.Ordinal);

    internal int Count => _latest.Count;

    /// <summary>Takes note of a frame, by any publisher; the highest number wins.</summary>
    internal void Update(WsFrame frame)
    {
        string key = frame.Key ?? "";
        while (!TryUpdate(_latest.GetOrAdd(key, static _ => new Entry()), frame))
        {
        }

        if (_latest.Count > maxKeys)
        {
            ForgetOldest();
        }
    }

    /// <summary>Writes the latest messages with numbers in a range, in the order of the log.</summary>
    internal void WriteLatest(ref WsFrameWriter writer, long from, long to, string connectionId)
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
        foreach (WsFrame frame in frames)
        {
            if (frame.Except?.Contains(connectionId) != true)
            {
                writer.Write(frame);
            }

            frame.Release();
        }
    }

    /// <summary>Lets go of everything. Nobody publishes any more.</summary>
    internal void Clear()
    {
        foreach (KeyValuePair<string, Entry> pair in _latest)
        {
            Forget(pair.Key, pair.Value);
        }
    }

    /// <returns><see langword="false"/> where the entry was forgotten meanwhile, and another is to be found.</returns>
    private static bool TryUpdate(Entry entry, WsFrame frame)
    {
        WsFrame? old = null;
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
        }

        old?.Release();
        return true;
    }

    private void ForgetOldest()
    {
        string? oldest = null;
        Entry? entry = null;
        long lowest = long.MaxValue;
        foreach (KeyValuePair<string, Entry> pair in _latest)
        {
            long number = pair.Value.Frame?.SequenceNumber ?? long.MaxValue;
            if (number < lowest)
            {
                (oldest, entry, lowest) = (pair.Key, pair.Value, number);
            }
        }

        if (oldest is not null)
        {
            Forget(oldest, entry!);
        }
    }

    private void Forget(string key, Entry entry)
    {
        if (!_latest.TryRemove(new KeyValuePair<string, Entry>(key, entry)))
        {
            return;
        }

        WsFrame? frame;
        lock (entry)
        {
            entry.IsForgotten = true;
            frame = entry.Frame;
            entry.Frame = null;
        }

        frame?.Release();
    }

    private sealed class Entry
    {
        internal WsFrame? Frame;
        internal bool IsForgotten;
    }
}
