using Microsoft.AspNetCore.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// From the kernel to the reader. By the loop for a read that waits; by the reader itself where it comes late and the bytes are there already.
internal sealed partial class LoopReader
{
    /// <summary>How many reads use buffers of their own after a reader went elsewhere with the loop's.</summary>
    private const int OwnReadsAfterKeeping = 16;

    private const int MinOwnBytes = 4 * 1024;
    private const int MaxOwnBytes = 64 * 1024;

    /// <summary>Below this much room a new segment is begun.</summary>
    private const int MinFreeBytes = 1024;

    private int _ownBytes = MinOwnBytes;
    private int _ownReads;

    /// <summary>The socket has bytes, or its end. On the loop.</summary>
    /// <returns>Whether a read was waiting for it.</returns>
    public bool OnReadable(LoopThread thread)
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state == Waiting)
            {
                if (TryTakeWaiter())
                {
                    ReceiveForWaiter(thread);
                    return true;
                }
            }
            else if (state != Armed)
            {
                return false;
            }
            else if (Interlocked.CompareExchange(ref _state, Disarmed, Armed) == Armed)
            {
                // The reader is busy: the kernel keeps the bytes, and the loop is not told again and again.
                _connection.UpdateInterest();
                return false;
            }
        }
    }

    private void ReceiveForWaiter(LoopThread thread)
    {
        if (!TryReceive(thread))
        {
            // Told in vain. It goes on waiting, and whoever wanted it to end meanwhile did not find it.
            if (Interlocked.CompareExchange(ref _state, Waiting, Taken) != Taken || (HasToEndNow && TryTakeWaiter()))
            {
                CompleteTaken(thread);
            }

            return;
        }

        CompleteTaken(thread);
        if (ReferenceEquals(thread.SharedBy, this))
        {
            // The reader has not returned the bytes: it is at work on another thread, or will be.
            thread.GiveSharedAway();
            if (!thread.IsLost)
            {
                _ownReads = OwnReadsAfterKeeping;
            }
        }
    }

    /// <summary>There were bytes that nobody waited for. Receives them, or begins to wait.</summary>
    /// <returns><see langword="false"/> where there is something to give now.</returns>
    private bool TryWaitDisarmed()
    {
        // One that belongs on the loop is called there, though the bytes could be had here.
        if ((!_connection.StaysOnLoop || _connection.Loop.IsOnLoop) && _connection.TryUseSocket())
        {
            bool received = TryReceive(null);
            _connection.EndUseOfSocket();
            if (received)
            {
                return false;
            }
        }

        if (Interlocked.CompareExchange(ref _state, Waiting, Disarmed) != Disarmed)
        {
            return false;
        }

        _connection.UpdateInterest();
        return true;
    }

    /// <summary>Receives, whatever comes of it.</summary>
    /// <returns><see langword="false"/> where there was nothing to receive.</returns>
    private bool TryReceive(LoopThread? thread)
    {
        int received = thread is not null && _connection.StaysOnLoop && MayUseShared() ? ReceiveShared(thread) : ReceiveOwn();
        if (received > 0)
        {
            _isAllExamined = false;
            return true;
        }

        if (received == -Errno.TryAgain || received == -Errno.Interrupted)
        {
            return false;
        }

        // The kernel tells a reset once: where a send was told, a receive sees nothing but the end.
        int error = received < 0 ? -received : _connection.SendError;
        _error = error == 0 ? null : _connection.DescribeReceiveError(error);
        _isEnded = true;
        _connection.OnInputEnded();
        return true;
    }

    private bool MayUseShared()
    {
        if (_ownReads > 0)
        {
            _ownReads--;
            return false;
        }

        return _head is null || (ReferenceEquals(_head, _tail) && _head.End - _headIndex <= Segment.HeadroomBytes);
    }

    private int ReceiveShared(LoopThread thread)
    {
        Segment shared = thread.Shared;
        int received = Libc.Receive(_connection.File, shared.Array.AsSpan(Segment.HeadroomBytes));
        if (received <= 0)
        {
            return received;
        }

        int start = Segment.HeadroomBytes;
        if (_head is { } kept)
        {
            ReadOnlySpan<byte> rest = kept.Array.AsSpan(_headIndex, kept.End - _headIndex);
            start -= rest.Length;
            rest.CopyTo(shared.Array.AsSpan(start));
            kept.Return();
        }

        shared.End = Segment.HeadroomBytes + received;
        _head = _tail = shared;
        _headIndex = start;
        thread.SharedBy = this;
        return received;
    }

    private int ReceiveOwn()
    {
        Segment? into = _tail is { } tail && tail.Free.Length >= MinFreeBytes ? tail : Segment.Rent(_ownBytes);
        int room = into.Free.Length;
        int received = Libc.Receive(_connection.File, into.Free);
        if (received <= 0)
        {
            if (!ReferenceEquals(into, _tail))
            {
                into.Return();
            }

            return received;
        }

        into.End += received;
        if (_tail is null)
        {
            _head = into;
            _headIndex = 0;
        }
        else if (!ReferenceEquals(into, _tail))
        {
            _tail.Append(into);
        }

        _tail = into;

        // A sender of much is read in larger pieces.
        _ownBytes = received == room ? Math.Min(MaxOwnBytes, 4 * _ownBytes) : received < MinOwnBytes / 2 ? MinOwnBytes : _ownBytes;
        return received;
    }
}
