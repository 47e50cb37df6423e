using System.Diagnostics;

namespace PipeWs.Server.Rooms;

/// <summary>
/// The messages that a walk has for a room's members, in one piece. The first member of the walk takes each from the log; those after it, which mostly wait for the same ones, copy
/// the piece, or send it from where it lies. Belongs to the shard, and is of use only to the thread that has the shard's turn.
/// </summary>
internal sealed class RoomRun
{
    /// <summary>As many bytes as it holds.</summary>
    internal const int MaxBytes = 32 * 1024;

    private const int MinBytes = 1024;

    /// <summary>Longer ones are not kept, in bytes: they leave from where they lie.</summary>
    internal const int MaxFrameBytes = 4 * 1024;

    /// <summary>As many messages as it holds.</summary>
    internal const int MaxMessages = 512;

    [ThreadStatic]
    private static RoomRun? t_current;

    private static readonly WsRunBuffer s_none = new(0);

    private readonly int[] _ends = new int[MaxMessages];

    private WsRunBuffer _buffer = s_none;
    private RoomLog? _log;
    private long _from;
    private int _count;

    /// <summary>The run of the walk that this thread is at; null outside of walks.</summary>
    internal static RoomRun? Current
    {
        get => t_current;
        set => t_current = value;
    }

    /// <summary>Begins a walk.</summary>
    /// <param name="log">The room's.</param>
    /// <param name="members">How many it comes to; for one alone nothing is kept.</param>
    internal void Begin(RoomLog log, int members)
    {
        Debug.Assert(_count == 0 && !_buffer.IsLent, "The walk before was not ended.");
        _log = members > 1 ? log : null;
    }

    /// <summary>Ends the walk: what was kept is forgotten.</summary>
    internal void End()
    {
        _log = null;
        _count = 0;
        if (_buffer.IsLent)
        {
            // A connection's transport may still send from it: it goes with that.
            _buffer = s_none;
        }
    }

    /// <summary>Adds a message where it follows those that are kept, or is the first.</summary>
    internal void Add(RoomLog log, long number, WsFrame frame)
    {
        if (!ReferenceEquals(log, _log) || _count == MaxMessages)
        {
            return;
        }

        if (_count == 0)
        {
            _from = number;
        }
        else if (number != _from + _count)
        {
            return;
        }

        int start = _count == 0 ? 0 : _ends[_count - 1];
        ReadOnlySpan<byte> bytes = frame.Bytes;
        if (bytes.Length > Math.Min(MaxFrameBytes, MaxBytes - start))
        {
            return;
        }

        if (_buffer.Bytes.Length - start < bytes.Length)
        {
            Grow(start, start + bytes.Length);
        }

        bytes.CopyTo(_buffer.Bytes.AsSpan(start));
        _ends[_count++] = start + bytes.Length;
    }

    /// <summary>Writes what is kept from a number on.</summary>
    /// <returns>The number after the last that was written; the same number where none was.</returns>
    internal long Write(RoomLog log, long number, ref WsFrameWriter writer)
    {
        long index = number - _from;
        if (index < 0 || index >= _count || !ReferenceEquals(log, _log))
        {
            return number;
        }

        int start = index == 0 ? 0 : _ends[index - 1];
        int messages = _count - (int)index;
        return writer.TryWriteEncoded(new WsFrameRun(_buffer, start, _ends[_count - 1] - start), messages) ? number + messages : number;
    }

    private void Grow(int used, int needed)
    {
        var larger = new WsRunBuffer(Math.Min(MaxBytes, Math.Max(MinBytes, 2 * needed)));
        _buffer.Bytes.AsSpan(0, used).CopyTo(larger.Bytes);
        _buffer = larger;
    }
}
