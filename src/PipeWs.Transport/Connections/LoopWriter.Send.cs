using System.Buffers;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// From the writer to the kernel. By the one who flushes, as long as the kernel takes everything; once it has not, by the loop alone until the rest has left.
internal sealed partial class LoopWriter
{
    // Under the connection's gate.
    private ArraySegment<byte> _rest;
    private Queue<ArraySegment<byte>>? _more;
    private volatile bool _hasRest;

    /// <summary>Whether bytes wait for the kernel to take those before them.</summary>
    public bool HasRest => _hasRest;

    /// <summary>
    /// Whether what is flushed now has to wait for what was flushed before. Looked at in this order: what is left of a batch becomes the rest before it stops being deferred, and asked the other way round
    /// it could be neither.
    /// </summary>
    private bool HasMoreBefore => IsDeferred || _hasRest;

    /// <summary>The socket has room, or is broken. On the loop.</summary>
    public void OnWritable(LoopThread thread)
    {
        bool isDone;
        lock (_connection.Gate)
        {
            SendRest();
            isDone = !_hasRest;
        }

        if (isDone)
        {
            OnRestSent(thread);
        }
    }

    /// <summary>Drops what has not left, and ends a flush that waits for it: the connection was aborted.</summary>
    public void OnAborted()
    {
        lock (_connection.Gate)
        {
            _isEnded = true;
            DropRest();
        }

        OnRestSent(null);
    }

    private void OnRestSent(LoopThread? thread)
    {
        _connection.UpdateInterest();
        if (TryTakeWaiter())
        {
            CompleteTaken(thread);
        }

        // A full fence, as Complete has one between sealing and its look at the rest.
        Interlocked.MemoryBarrier();
        if (_isSealed && !HasMoreBefore)
        {
            _connection.OnOutputSent();
        }
    }

    /// <summary>Sends what was gathered, as much as the kernel takes now.</summary>
    /// <returns><see langword="false"/> where some is left. Nothing is left where the connection takes no more at all.</returns>
    private bool TrySend()
    {
        if (_start == _end)
        {
            return true;
        }

        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, _end - _start);
        bool isAll = TrySend(ref bytes);
        _start = _end - bytes.Length;
        if (isAll)
        {
            _start = _end = 0;
        }

        return isAll;
    }

    private bool TrySend(ref ReadOnlySpan<byte> bytes)
    {
        if (!_isEnded && _connection.TryUseSocket())
        {
            try
            {
                SendWhatFits(ref bytes);
            }
            finally
            {
                _connection.EndUseOfSocket();
            }
        }
        else
        {
            _isEnded = true;
        }

        if (_isEnded)
        {
            bytes = default;
        }

        return bytes.IsEmpty;
    }

    /// <summary>Leaves what was gathered to the loop, behind what it has already.</summary>
    private void LeaveToLoop()
    {
        if (_start == _end)
        {
            ReturnBuffer();
            return;
        }

        lock (_connection.Gate)
        {
            if (_isEnded)
            {
                ReturnBuffer();
                return;
            }

            ArraySegment<byte> bytes = TakeGathered();
            if (_hasRest || Interlocked.CompareExchange(ref _deferral, DeferredAndFollowed, Deferred) != NothingDeferred)
            {
                (_more ??= new Queue<ArraySegment<byte>>()).Enqueue(bytes);
            }
            else
            {
                _rest = bytes;
                _hasRest = true;
            }
        }

        _connection.UpdateInterest();
    }

    /// <summary>A peer that reads slowly holds what waits for it, and not a whole buffer.</summary>
    private ArraySegment<byte> TakeGathered()
    {
        int length = _end - _start;
        if (length <= _buffer!.Length / 4)
        {
            MoveTo(ArrayPool<byte>.Shared.Rent(length));
        }

        var bytes = new ArraySegment<byte>(_buffer, _start, length);
        _buffer = null;
        _start = _end = 0;
        return bytes;
    }

    private void SendRest()
    {
        while (_hasRest)
        {
            ReadOnlySpan<byte> bytes = _rest;
            SendWhatFits(ref bytes);
            if (_isEnded)
            {
                DropRest();
            }
            else if (!bytes.IsEmpty)
            {
                _rest = _rest[^bytes.Length..];
                return;
            }
            else
            {
                ReturnRest();
            }
        }
    }

    private void DropRest()
    {
        while (_hasRest)
        {
            ReturnRest();
        }
    }

    private void ReturnRest()
    {
        ArrayPool<byte>.Shared.Return(_rest.Array!);
        _rest = default;
        if (_more is { Count: > 0 })
        {
            _rest = _more.Dequeue();
        }
        else
        {
            _more = null;
            _hasRest = false;
        }
    }

    private void SendWhatFits(ref ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int sent = Libc.Send(_connection.File, bytes);
            if (sent >= 0)
            {
                bytes = bytes[sent..];
            }
            else if (sent == -Errno.TryAgain)
            {
                return;
            }
            else if (sent != -Errno.Interrupted)
            {
                _connection.SendError = -sent;
                _isEnded = true;
                return;
            }
        }
    }
}
