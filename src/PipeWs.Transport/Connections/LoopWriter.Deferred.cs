using System.Buffers;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// Flushes on the loop's own thread: they leave together at the end of its iteration, all that one connection has as one send, and many connections' in one system call where the kernel can.
internal sealed partial class LoopWriter
{
    private const int NothingDeferred = 0;
    private const int Deferred = 1;

    /// <summary>What was flushed later, by another thread, waits behind it.</summary>
    private const int DeferredAndFollowed = 2;

    private int _deferral;

    private bool IsDeferred => Volatile.Read(ref _deferral) != NothingDeferred;

    /// <summary>Leaves bytes to the end of the iteration: what was gathered, or what comes where nothing was. They are copied.</summary>
    /// <returns><see langword="false"/> where this is not the loop's thread, or it is too much.</returns>
    private bool TryDefer(ReadOnlySpan<byte> bytes)
    {
        if (LoopThread.Current is not { } thread || !ReferenceEquals(thread.Loop, _connection.Loop))
        {
            return false;
        }

        if (bytes.IsEmpty)
        {
            // Nothing to add to what leaves anyway.
            return IsDeferred;
        }

        if (IsDeferred)
        {
            // One send of each in a batch: were the first cut short, the second would leave before its rest.
            SendDeferred();
        }

        // Still there: the loop is being taken from this thread, and whoever takes it is about to send it.
        if (HasMoreBefore || _isEnded || bytes.Length > SendBatch.MaxBytes || !_connection.TryUseSocket())
        {
            return false;
        }

        Volatile.Write(ref _deferral, Deferred);
        if (!thread.Sends.TryAdd(this, _connection.File, bytes))
        {
            Volatile.Write(ref _deferral, NothingDeferred);
            _connection.EndUseOfSocket();
            return false;
        }

        ReturnBuffer();
        return true;
    }

    /// <summary>Sends what was left to the end of the iteration, where this is the loop's thread: the connection's end is not to overtake it.</summary>
    public void SendDeferred()
    {
        if (IsDeferred && LoopThread.Current is { } thread && ReferenceEquals(thread.Loop, _connection.Loop))
        {
            thread.Sends.Send();
        }
    }

    /// <summary>What was left to the batch was sent, or not.</summary>
    /// <param name="result">How many bytes were, or the negative error.</param>
    /// <param name="bytes">The bytes.</param>
    public void OnDeferredSent(int result, ReadOnlySpan<byte> bytes)
    {
        if (result != bytes.Length || Interlocked.CompareExchange(ref _deferral, NothingDeferred, Deferred) != Deferred)
        {
            GoOnAfterDeferred(result, bytes);
        }
        else if (_isSealed || Volatile.Read(ref _isWaiting) != 0)
        {
            OnRestSent(null);
        }

        _connection.EndUseOfSocket();
    }

    /// <summary>Not all of it was sent, or more has come behind it.</summary>
    private void GoOnAfterDeferred(int result, ReadOnlySpan<byte> bytes)
    {
        bool isDone;
        lock (_connection.Gate)
        {
            if (result < 0 && result is not (-Errno.TryAgain or -Errno.Interrupted))
            {
                _connection.SendError = -result;
                _isEnded = true;
            }

            ReadOnlySpan<byte> rest = _isEnded ? default : bytes[Math.Max(0, result)..];
            if (!rest.IsEmpty)
            {
                byte[] copy = ArrayPool<byte>.Shared.Rent(rest.Length);
                rest.CopyTo(copy);
                _rest = new ArraySegment<byte>(copy, 0, rest.Length);
                _hasRest = true;
            }
            else if (_more is { Count: > 0 })
            {
                _rest = _more.Dequeue();
                _hasRest = true;
                if (_isEnded)
                {
                    DropRest();
                }
                else
                {
                    SendRest();
                }
            }

            Interlocked.Exchange(ref _deferral, NothingDeferred);
            isDone = !_hasRest;
        }

        if (isDone)
        {
            OnRestSent(null);
        }
        else
        {
            _connection.UpdateInterest();
        }
    }
}
