using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace PipeWs.Client.Receiving;

/// <summary>
/// The received messages that wait for the reader: bounded in number and bytes. One receive loop adds; any thread reads. The writer's part and the readers' have a lock each, and what
/// the writer has gathered changes hands as a whole, so that the two meet once a batch and not once a message.
/// </summary>
internal sealed partial class ReadBuffer
{
    private readonly int _maxCount;
    private readonly long _maxBytes;
    private readonly Lock _readLock = new();
    private readonly Lock _writeLock = new();
    private readonly ReadSignal _signal = new();

    // Of the writer, with its lock.
    private ReceivedMessage?[] _incoming = new ReceivedMessage?[16];
    private int _incomingCount;
    private long _incomingBytes;
    private int _budgetCount;
    private long _budgetBytes;
    private bool _completed;
    private Exception? _error;
    private TaskCompletionSource<bool>? _otherReaders;
    private bool _readerWaits;

    // Of the readers, with theirs; the counts are read by the writer without it.
    private ReceivedMessage?[] _outgoing = new ReceivedMessage?[16];
    private int _outgoingNext;
    private int _outgoingCount;
    private long _outgoingBytes;

    private TaskCompletionSource? _room;
    private long _dropped;

    public ReadBuffer(int maxCount, long maxBytes)
    {
        _maxCount = _budgetCount = maxCount;
        _maxBytes = _budgetBytes = maxBytes;
    }

    /// <summary>Whether it is worth waking a writer that waits: for every single message would cost a change of threads each.</summary>
    private bool IsHalfEmpty =>
        Volatile.Read(ref _outgoingCount) + Volatile.Read(ref _incomingCount) <= _maxCount / 2 && Volatile.Read(ref _outgoingBytes) + Volatile.Read(ref _incomingBytes) <= _maxBytes / 2;

    public int Count
    {
        get
        {
            lock (_readLock)
            {
                lock (_writeLock)
                {
                    return _incomingCount + _outgoingCount;
                }
            }
        }
    }

    public long Bytes
    {
        get
        {
            lock (_readLock)
            {
                lock (_writeLock)
                {
                    return _incomingBytes + _outgoingBytes;
                }
            }
        }
    }

    /// <summary>How many messages were dropped.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Adds a copy of a message where there is room; after the end there always is, and it is dropped.</summary>
    public bool TryAdd(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        bool readerWaits;
        TaskCompletionSource<bool>? otherReaders;
        lock (_writeLock)
        {
            if (_completed)
            {
                return true;
            }

            long bytes = payload.Length;
            if ((_budgetCount < 1 || _budgetBytes < bytes) && !TryFindRoomUnsynchronized(bytes))
            {
                return false;
            }

            _budgetCount--;
            _budgetBytes -= bytes;
            if (_incomingCount == _incoming.Length)
            {
                Array.Resize(ref _incoming, 2 * _incoming.Length);
            }

            _incoming[_incomingCount++] = ReceivedMessage.Copy(type, payload);
            _incomingBytes += bytes;
            readerWaits = _readerWaits;
            otherReaders = _otherReaders;
            _readerWaits = false;
            _otherReaders = null;
        }

        if (readerWaits)
        {
            _signal.Set(true, null);
        }

        otherReaders?.TrySetResult(true);
        return true;
    }

    /// <summary>Adds a copy of a message in the place of the oldest ones.</summary>
    public void AddOverOldest(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        while (!TryAdd(type, payload))
        {
            if (TryTake(out ReceivedMessage? oldest))
            {
                oldest.Release(oldest.Version);
                CountDropped();
            }
        }
    }

    /// <summary>Waits until there is room and adds a copy.</summary>
    public async ValueTask AddWhenRoomAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
    {
        while (true)
        {
            var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _room, room);

            // A reader may have made room before it could see that it is waited for.
            if (TryAdd(type, payload))
            {
                return;
            }

            await room.Task.WaitAsync(cancellationToken);
        }
    }

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    public bool TryRead(out WsClientMessage message)
    {
        if (TryTake(out ReceivedMessage? taken))
        {
            message = new WsClientMessage(taken);
            return true;
        }

        message = default;
        return false;
    }

    /// <summary>No more come. What is in the buffer is still read; then readers see the error, or the end.</summary>
    public void Complete(Exception? error)
    {
        bool readerWaits;
        TaskCompletionSource<bool>? otherReaders;
        lock (_writeLock)
        {
            if (_completed)
            {
                return;
            }

            _completed = true;
            _error = error;
            readerWaits = _readerWaits;
            otherReaders = _otherReaders;
            _readerWaits = false;
            _otherReaders = null;
        }

        if (readerWaits)
        {
            _signal.Set(false, error);
        }

        if (error is null)
        {
            otherReaders?.TrySetResult(false);
        }
        else
        {
            otherReaders?.TrySetException(error);
        }

        Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    /// <summary>Looks how much the readers have taken meanwhile. They only make room, so what was found once is there.</summary>
    private bool TryFindRoomUnsynchronized(long bytes)
    {
        int count = _incomingCount + Volatile.Read(ref _outgoingCount);
        long filled = _incomingBytes + Volatile.Read(ref _outgoingBytes);
        _budgetCount = _maxCount - count;
        _budgetBytes = _maxBytes - filled;
        return _budgetCount > 0 && (_budgetBytes >= bytes || count == 0);
    }

    private bool TryTake([NotNullWhen(true)] out ReceivedMessage? message)
    {
        lock (_readLock)
        {
            if (_outgoingCount == 0 && !TryTakeBatchUnsynchronized())
            {
                message = null;
                return false;
            }

            message = _outgoing[_outgoingNext]!;
            _outgoing[_outgoingNext++] = null;
            Volatile.Write(ref _outgoingBytes, _outgoingBytes - message.Length);
            Volatile.Write(ref _outgoingCount, _outgoingCount - 1);
        }

        // A full fence: a writer that begins to wait either is seen here, or sees the room that was made.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _room) is not null && IsHalfEmpty)
        {
            Interlocked.Exchange(ref _room, null)?.TrySetResult();
        }

        return true;
    }

    private bool TryTakeBatchUnsynchronized()
    {
        lock (_writeLock)
        {
            if (_incomingCount == 0)
            {
                return false;
            }

            (_incoming, _outgoing) = (_outgoing, _incoming);
            _outgoingNext = 0;
            Volatile.Write(ref _outgoingBytes, _incomingBytes);
            Volatile.Write(ref _outgoingCount, _incomingCount);
            _incomingCount = 0;
            _incomingBytes = 0;
            return true;
        }
    }
}
