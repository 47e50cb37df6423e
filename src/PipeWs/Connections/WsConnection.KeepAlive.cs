using System.Buffers.Binary;
using System.Diagnostics;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Pings, pongs and everything that is due at a time.
public sealed partial class WsConnection : IWsHeartbeatItem
{
    private readonly Lock _pingLock = new();
    private List<PendingPing>? _pings;
    private long _pingId;
    private long _lastReceived = -1;
    private long _lastPing;
    private long _awaitingPongSince;
    private long _roundTripTicks;
    private long _sendingSince;
    private long _sendingMark;
    private long _flushingMark;
    private long _lastTaken;
    private long? _endingSince;
    private bool _abortSeen;

    /// <summary>The last measured round trip of a ping; zero before the first.</summary>
    public TimeSpan RoundTripTime => TimeSpan.FromTicks(Volatile.Read(ref _roundTripTicks));

    /// <summary>How many pings wait for their pong.</summary>
    internal int PendingPings
    {
        get
        {
            lock (_pingLock)
            {
                return _pings?.Count ?? 0;
            }
        }
    }

    int IWsHeartbeatItem.HeartbeatIndex { get; set; } = -1;

    /// <summary>Sends a ping and measures the time until its pong. Not to be awaited by the receiver of a message: the pong is read after it.</summary>
    /// <exception cref="WsClosedException">The connection ended first.</exception>
    public async ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        if (IsClosing)
        {
            throw new WsClosedException();
        }

        var answered = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        SendPing(answered);
        using CancellationTokenRegistration ended = ConnectionClosed.UnsafeRegister(
            static state => ((TaskCompletionSource<TimeSpan>)state!).TrySetException(new WsClosedException("The connection ended before the pong came.")), answered);
        try
        {
            return await answered.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            ForgetPing(answered);
        }
    }

    void IWsHeartbeatItem.OnHeartbeat(long now)
    {
        if (IsClosed)
        {
            return;
        }

        if (_receivedSinceTick || _lastReceived < 0)
        {
            _receivedSinceTick = false;
            _lastPing = _lastReceived < 0 ? now : _lastPing;
            _lastReceived = now;
        }

        if (IsClosing)
        {
            CheckClosing(now);
            return;
        }

        // While the application handles a message nothing is read, and the peer's silence is not its fault.
        if (_inReceiver)
        {
            _lastReceived = now;
        }

        // A ping may wait behind a large message, or its pong for reading to go on: a peer that takes what it is sent is alive.
        NoteTaken(now);
        if (_insideFrame && IsOver(now, _lastReceived, _options.FrameTimeout))
        {
            _stopReading = true;
            Fail(s_stalled);
            _input.CancelPendingRead();
            return;
        }

        CheckSending(now);
        CheckPing(now);
    }

    private void CheckClosing(long now)
    {
        if (IsAborted)
        {
            // The transport is gone since the last look, and yet a receiver does not return: maybe it waits for this very end.
            if (_abortSeen && _inReceiver)
            {
                SetClosed();
            }

            _abortSeen = true;
            return;
        }

        CloseRequest? request = Volatile.Read(ref _closeRequest);
        if (request is { PatientSince: { } since })
        {
            NoteTaken(now);
            if (IsOver(now, Math.Max(since, _lastTaken), _options.CloseTimeout))
            {
                Abort(null);
                return;
            }
        }

        // Where only the output ended, the input has as long to follow as a closing handshake.
        _endingSince ??= now;
        if (request is not null ? now >= request.Deadline : IsOver(now, _endingSince.Value, _options.CloseTimeout))
        {
            Abort(null);
        }
    }

    private void NoteTaken(long now)
    {
        long flushing = Volatile.Read(ref _flushingSince);
        if (flushing != _flushingMark)
        {
            _flushingMark = flushing;
            _lastTaken = now;
        }
    }

    private static bool IsOver(long now, long since, TimeSpan limit) =>
        limit != Timeout.InfiniteTimeSpan && now - since >= (long)limit.TotalMilliseconds;

    /// <summary>A peer that takes nothing while messages of its own wait is too slow for this service.</summary>
    private void CheckSending(long now)
    {
        long flushing = Volatile.Read(ref _flushingSince);
        if (flushing == 0 || Volatile.Read(ref _backlogNodes) == 0)
        {
            _sendingSince = 0;
            return;
        }

        // A flush that began anew since the last look means that the peer took the one before.
        if (_sendingSince == 0 || _sendingMark != flushing)
        {
            _sendingMark = flushing;
            _sendingSince = now;
        }

        if (IsOver(now, _sendingSince, _options.SendTimeout))
        {
            CloseSlow("nothing was read for too long");
        }
    }

    private void CheckPing(long now)
    {
        if (_awaitingPongSince != 0)
        {
            if (IsOver(now, Math.Max(_awaitingPongSince, Math.Max(_lastReceived, _lastTaken)), _options.PongTimeout))
            {
                Abort(new TimeoutException("No pong came in time."));
            }
            else if (_lastReceived > _awaitingPongSince)
            {
                _awaitingPongSince = 0;
            }
        }
        else if (IsOver(now, _lastPing, _options.PingInterval))
        {
            _lastPing = now;
            _awaitingPongSince = Math.Max(1, now);
            SendPing(null);
        }
    }

    private void SendPing(TaskCompletionSource<TimeSpan>? answered)
    {
        Span<byte> payload = stackalloc byte[sizeof(long)];
        lock (_pingLock)
        {
            long id = ++_pingId;
            if (answered is null)
            {
                // A keep-alive ping replaces the one before: a peer that never answers must not make the list grow.
                _pings?.RemoveAll(static ping => ping.Answered is null);
            }

            (_pings ??= []).Add(new PendingPing(id, _heartbeat.TimeProvider.GetTimestamp(), answered));
            BinaryPrimitives.WriteInt64BigEndian(payload, id);
        }

        SendControl(Opcode.Ping, payload);
    }

    private void OnPong(ReadOnlySpan<byte> payload, WsReceiver receiver)
    {
        if (payload.Length != sizeof(long))
        {
            // "A Pong frame MAY be sent unsolicited. ... A response to an unsolicited Pong frame is not expected" (RFC 6455, section 5.5.3).
            return;
        }

        long id = BinaryPrimitives.ReadInt64BigEndian(payload);
        TimeSpan roundTrip;
        lock (_pingLock)
        {
            int index = IndexOfPing(id);
            if (index < 0)
            {
                return;
            }

            // A pong may answer only the latest of several pings; it then answers those before it too.
            roundTrip = _heartbeat.TimeProvider.GetElapsedTime(_pings![index].SentAt);
            Volatile.Write(ref _roundTripTicks, roundTrip.Ticks);
            for (int i = 0; i <= index; i++)
            {
                _pings[i].Answered?.TrySetResult(_heartbeat.TimeProvider.GetElapsedTime(_pings[i].SentAt));
            }

            _pings.RemoveRange(0, index + 1);
            if (_pings.Count == 0)
            {
                _pings = null;
            }
        }

        receiver.OnRoundTrip(roundTrip);
    }

    private void ForgetPing(TaskCompletionSource<TimeSpan> answered)
    {
        lock (_pingLock)
        {
            for (int i = 0; i < (_pings?.Count ?? 0); i++)
            {
                if (_pings![i].Answered == answered)
                {
                    _pings.RemoveAt(i);
                    return;
                }
            }
        }
    }

    private int IndexOfPing(long id)
    {
        for (int i = 0; i < (_pings?.Count ?? 0); i++)
        {
            if (_pings![i].Id == id)
            {
                return i;
            }
        }

        return -1;
    }

    private readonly record struct PendingPing(long Id, long SentAt, TaskCompletionSource<TimeSpan>? Answered);
}
