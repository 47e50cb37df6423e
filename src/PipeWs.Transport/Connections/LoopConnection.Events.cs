using Microsoft.AspNetCore.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// What the kernel watches for a connection, and what it says.
internal sealed partial class LoopConnection
{
    private ulong _data;

    // Under the gate.
    private uint _watched;
    private bool _isRegistered;
    private bool _isWatched;
    private bool _isPeerEndSeen;
    private bool _isBroken;

    /// <inheritdoc/>
    public void OnEvents(uint flags, LoopThread thread)
    {
        bool isBroken = (flags & (EventPoll.Error | EventPoll.HangUp)) != 0;
        if ((flags & EventPoll.Out) != 0 || isBroken)
        {
            if (_writer.HasRest)
            {
                _writer.OnWritable(thread);
                if (thread.IsLost)
                {
                    return;
                }
            }
            else
            {
                UpdateInterest();
            }
        }

        if ((flags & ~EventPoll.Out) == 0)
        {
            return;
        }

        bool wasAwaited = _reader.OnReadable(thread);
        if (thread.IsLost || (flags & ~(EventPoll.In | EventPoll.Out)) == 0)
        {
            return;
        }

        bool isNews;
        lock (Gate)
        {
            isNews = !wasAwaited && (!_isPeerEndSeen || (isBroken && !_isBroken));
            _isPeerEndSeen |= !wasAwaited;
            _isBroken |= isBroken;
        }

        UpdateInterest();
        if (isNews)
        {
            // Whoever works on what came before learns that the peer has gone; the bytes up to there can still be read.
            FireClosed();
        }
    }

    /// <inheritdoc/>
    public void OnLoopEnding() => Abort(CreateStopped());

    /// <summary>Tells the kernel what to watch for, from what the two directions wait for now. From any thread, after every change of that.</summary>
    public void UpdateInterest()
    {
        int result = 0;
        lock (Gate)
        {
            if (!_isRegistered)
            {
                return;
            }

            uint flags = _reader.IsArmed ? EventPoll.In : 0;
            flags |= _isPeerEndSeen || _reader.IsEnded ? 0 : EventPoll.PeerEnded;
            flags |= _writer.HasRest ? EventPoll.Out : 0;
            if (_isBroken && (flags & (EventPoll.In | EventPoll.Out)) == 0)
            {
                // It would be reported for ever: what is broken is, whatever is watched for.
                if (_isWatched)
                {
                    _isWatched = false;
                    _ = Loop.Unwatch(File);
                }
            }
            else if (!_isWatched || flags != _watched)
            {
                _watched = flags;
                result = Loop.Watch(File, flags, _data, _isWatched);
                _isWatched |= result >= 0;
            }
        }

        if (result < 0)
        {
            OnNotWatched(-result);
        }
    }

    /// <summary>Nothing would ever be heard of this connection again.</summary>
    private void OnNotWatched(int error)
    {
        if (!Loop.HasEnded)
        {
            // The system is out of what it needs to watch one more.
            TransportLog.ConnectionNotWatched(_setting.Logger, ConnectionId, Errno.Describe(error));
            Abort(new ConnectionAbortedException($"The connection cannot be watched: {Errno.Describe(error)}."));
        }
        else if (Volatile.Read(ref _isDisposed) == 0 || _writer.HasRest)
        {
            Abort(CreateStopped());
        }
    }

    private static ConnectionAbortedException CreateStopped() => new("The transport has stopped.");

    /// <summary>The receiving direction has ended.</summary>
    public void OnInputEnded()
    {
        UpdateInterest();
        FireClosed();
    }

    private void Register()
    {
        ulong data = Loop.Add(this);
        lock (Gate)
        {
            _data = data;
            _isRegistered = true;
        }

        UpdateInterest();
    }

    private void OnAborted()
    {
        _reader.OnAborted();
        _writer.OnAborted();
        FireClosed();
    }
}
