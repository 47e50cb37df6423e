using System.Buffers.Binary;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Pings, pongs and everything that is due at a time.
public sealed partial class WsConnection : IWsHeartbeatItem
{
    private PingLog? _pings;
    private long _lastReceived = -1;
    private long _lastPing;
    private long _awaitingPongSince;
    private bool _abortSeen;

    /// <summary>The last measured round trip of a ping; zero before the first.</summary>
    public TimeSpan RoundTripTime => _pings?.RoundTripTime ?? TimeSpan.Zero;

    /// <summary>How many pings wait for their pong.</summary>
    internal int PendingPings => _pings?.Pending ?? 0;

    /// <summary>Made with the first ping.</summary>
    private PingLog Pings => Volatile.Read(ref _pings) ?? Interlocked.CompareExchange(ref _pings, new PingLog(_heartbeat.TimeProvider), null) ?? _pings;

    private bool IsFlushing => _flush is { IsUnderWay: true };

    /// <summary>When the transport last took something that it had not at once.</summary>
    private long LastTaken => _flush?.LastTaken ?? 0;

    /// <summary>When a message that is still coming or going last got on, as the heartbeat counts; 0 where there is none.</summary>
    internal long LastProgress => Math.Max(IsInMessage ? _lastReceived : 0, IsFlushing ? LastTaken : 0);

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
            Pings.Forget(answered);
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

        if (_transport is { IsCloseRequested: true })
        {
            _receiver?.OnCloseRequested();
            return;
        }

        // While the application handles a message nothing is read, and the peer's silence is not its fault.
        if (_inReceiver)
        {
            _lastReceived = now;
        }

        // A ping may wait behind a large message, or its pong for reading to go on: a peer that takes what it is sent is alive.
        _flush?.NoteTaken(now);
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
        if (request is { PatientSince: { } patientSince })
        {
            _flush?.NoteTaken(now);
            if (IsOver(now, Math.Max(patientSince, LastTaken), _options.CloseTimeout))
            {
                Abort(null);
                return;
            }
        }

        // Where only the output ended, the input has as long to follow as a closing handshake.
        long endingSince = End.Since ??= now;
        if (request is not null ? now >= request.Deadline : IsOver(now, endingSince, _options.CloseTimeout))
        {
            Abort(null);
        }
    }

    private static bool IsOver(long now, long since, TimeSpan limit) =>
        limit != Timeout.InfiniteTimeSpan && now - since >= (long)limit.TotalMilliseconds;

    /// <summary>A peer that takes nothing while messages of its own wait is too slow for this service.</summary>
    private void CheckSending(long now)
    {
        if (_flush is { } flush
            && flush.FindWaitingSince(now, isWaitedFor: Volatile.Read(ref _backlogNodes) != 0) is { } since
            && IsOver(now, since, _options.SendTimeout))
        {
            CloseSlow("nothing was read for too long");
        }
    }

    private void CheckPing(long now)
    {
        if (_awaitingPongSince != 0)
        {
            if (IsOver(now, Math.Max(_awaitingPongSince, Math.Max(_lastReceived, LastTaken)), _options.PongTimeout))
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
        BinaryPrimitives.WriteInt64BigEndian(payload, Pings.Add(answered));
        SendControl(Opcode.Ping, payload);
    }

    private void OnPong(ReadOnlySpan<byte> payload, WsReceiver receiver)
    {
        // "A Pong frame MAY be sent unsolicited. ... A response to an unsolicited Pong frame is not expected" (RFC 6455, section 5.5.3).
        if (payload.Length == sizeof(long) && _pings is { } pings && pings.TryAnswer(BinaryPrimitives.ReadInt64BigEndian(payload), out TimeSpan roundTrip))
        {
            receiver.OnRoundTrip(roundTrip);
        }
    }
}
