using PipeWs.Transport.Connections;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Loops;

/// <summary>
/// What is flushed on a loop's thread and leaves at the end of the loop's iteration: a room's walk, and the answers to what came together. By io_uring in one system call, where there is one.
/// Belongs to the thread and not to the loop: where the loop is taken from it, what it had put off is sent by whoever takes it.
/// </summary>
internal sealed class SendBatch : IDisposable
{
    /// <summary>What one connection may leave to it, in bytes: more is worth a system call of its own.</summary>
    public const int MaxBytes = 16 * 1024;

    private const int MaxSends = 256;

    /// <summary>Fewer are sent one by one.</summary>
    private const int MinSends = 2;

    private const int RoomBytes = 256 * 1024;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(RoomBytes, pinned: true);
    private readonly SendRing? _ring;
    private readonly Entry[] _entries = new Entry[MaxSends];
    private int _count;
    private int _used;
    private volatile bool _isInUse;
    private volatile bool _isClosed;
    private int _isClosing;

    /// <param name="usesRing">Whether it sends by io_uring, where it gets one.</param>
    public SendBatch(bool usesRing) => _ring = usesRing ? SendRing.TryCreate(MaxSends, _bytes, out _) : null;

    /// <summary>Takes a copy of what a writer flushes. By the batch's thread.</summary>
    /// <param name="writer">Whose it is; it has nothing here yet.</param>
    /// <param name="socket">Its socket, which is kept open until the writer is told.</param>
    /// <param name="bytes">The bytes, at most <see cref="MaxBytes"/>.</param>
    /// <returns><see langword="false"/> where the loop is another thread's.</returns>
    public bool TryAdd(LoopWriter writer, int socket, ReadOnlySpan<byte> bytes)
    {
        if (!TryEnter())
        {
            return false;
        }

        try
        {
            if (_count == MaxSends || RoomBytes - _used < bytes.Length)
            {
                SendAll();
            }

            _entries[_count] = new Entry(writer, socket, Place(bytes), bytes.Length);
            _count++;
            return true;
        }
        finally
        {
            // Whatever happens: whoever takes the loop waits for this.
            _isInUse = false;
        }
    }

    /// <summary>Sends all there is. By the batch's thread.</summary>
    public void Send()
    {
        if (!TryEnter())
        {
            return;
        }

        try
        {
            if (_count > 0)
            {
                SendAll();
            }
        }
        finally
        {
            _isInUse = false;
        }
    }

    /// <summary>Sends all there is and takes no more: the loop has been taken from the thread. By any thread.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0)
        {
            // The thread that lost the loop comes to its own end while whoever took it is still at it.
            return;
        }

        _isClosed = true;
        Interlocked.MemoryBarrierProcessWide();
        SpinWait spin = default;
        while (_isInUse)
        {
            spin.SpinOnce();
        }

        SendByHand(0);
        TellWriters();
    }

    /// <summary>Frees the ring. By the batch's thread, at its end.</summary>
    public void Dispose()
    {
        Close();
        _ring?.Dispose();
    }

    /// <summary>Begins a change by the batch's thread. It costs that thread no fence: <see cref="Close"/>, which is rare, has one for both.</summary>
    private bool TryEnter()
    {
        _isInUse = true;
        if (!_isClosed)
        {
            return true;
        }

        _isInUse = false;
        return false;
    }

    /// <summary>Copies the bytes, unless they are the same as those before them: a room's members mostly get the same.</summary>
    private int Place(ReadOnlySpan<byte> bytes)
    {
        if (_count > 0)
        {
            ref Entry last = ref _entries[_count - 1];
            if (bytes.SequenceEqual(_bytes.AsSpan(last.Offset, last.Length)))
            {
                return last.Offset;
            }
        }

        int offset = _used;
        bytes.CopyTo(_bytes.AsSpan(offset));
        _used += bytes.Length;
        return offset;
    }

    private void SendAll()
    {
        if (_ring is not { } ring || _count < MinSends)
        {
            SendByHand(0);
            TellWriters();
            return;
        }

        for (int i = 0; i < _count; i++)
        {
            ref Entry entry = ref _entries[i];
            ring.Add(entry.Socket, entry.Offset, entry.Length, (ulong)i);
        }

        int left = ring.Send();
        while (ring.TryTakeFailure(out ulong index, out int result))
        {
            _entries[index].Result = result;
        }

        SendByHand(_count - left);
        TellWriters();
    }

    private void SendByHand(int first)
    {
        for (int i = first; i < _count; i++)
        {
            ref Entry entry = ref _entries[i];
            entry.Result = Libc.Send(entry.Socket, _bytes.AsSpan(entry.Offset, entry.Length));
        }
    }

    private void TellWriters()
    {
        for (int i = 0; i < _count; i++)
        {
            ref Entry entry = ref _entries[i];
            LoopWriter writer = entry.Writer;
            entry.Writer = null!;
            writer.OnDeferredSent(entry.Result, _bytes.AsSpan(entry.Offset, entry.Length));
        }

        _count = 0;
        _used = 0;
    }

    private struct Entry(LoopWriter writer, int socket, int offset, int length)
    {
        public LoopWriter Writer = writer;
        public readonly int Socket = socket;
        public readonly int Offset = offset;
        public readonly int Length = length;

        /// <summary>How many bytes were sent, or the negative error. Only who did not send all is heard of.</summary>
        public int Result = length;
    }
}
