using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// The end of a connection, of which there are four kinds: the closing handshake begun here or there (RFC 6455, section 7.1.2), failing it (7.1.7),
// the transport's own end, and an abort. Whoever requests a close first decides its code.
public sealed partial class WsConnection
{
    /// <summary>How long bytes of a peer that was failed are read and dropped, so that the close frame is not lost to a reset.</summary>
    private static readonly TimeSpan s_linger = TimeSpan.FromMilliseconds(200);

    private CloseRequest? _closeRequest;
    private volatile bool _closeSent;
    private bool _closeReceived;
    private volatile bool _transportEnded;
    private int _aborted;
    private int _transportAborted;

    /// <summary>Whether the connection has begun to end; sends are refused from then on.</summary>
    public bool IsClosing => Volatile.Read(ref _closeRequest) is not null || _transportEnded || _outputEnded;

    private bool IsAborted => Volatile.Read(ref _aborted) != 0;

    /// <summary>
    /// Begins the closing handshake after all that is pending, and completes when the connection has ended. Where it is closing already, waits for that end.
    /// </summary>
    /// <param name="code">1000-1003, 1007-1014 or 3000-4999.</param>
    /// <param name="reason">At most 123 bytes of UTF-8; what is longer is cut at a character.</param>
    /// <param name="cancellationToken">Gives up waiting; the closing goes on.</param>
    /// <remarks>
    /// A receiver that is to close its own connection calls <see cref="BeginClose(ushort, string)"/>: the peer's answer is read only after the receiver has returned, so one
    /// that awaits this method waits until <see cref="WsConnectionOptions.CloseTimeout"/> is over and the transport was aborted.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The code must not be sent.</exception>
    public async ValueTask<WsCloseInfo> CloseAsync(ushort code = CloseCode.NormalClosure, string reason = "", CancellationToken cancellationToken = default)
    {
        BeginClose(code, reason);
        return await Closed.WaitAsync(cancellationToken);
    }

    /// <summary>Begins the closing handshake like <see cref="CloseAsync"/>, and does not wait for it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The code must not be sent.</exception>
    public void BeginClose(ushort code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ThrowIfNotSendable(code);
        RequestClose(code, reason, WsCloseInitiator.Local, skipsSources: false);
    }

    /// <summary>
    /// Begins the closing handshake like <see cref="BeginClose(ushort, string)"/>, for a peer that may still have much to take: <see cref="WsConnectionOptions.CloseTimeout"/>
    /// counts from when it last took something.
    /// </summary>
    /// <param name="code">1000-1003, 1007-1014 or 3000-4999.</param>
    /// <param name="reason">At most 123 bytes of UTF-8; what is longer is cut at a character.</param>
    /// <param name="limit">How long it may take in all, however the peer reads; then the transport is aborted.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code must not be sent.</exception>
    public void BeginClose(ushort code, string reason, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ThrowIfNotSendable(code);
        RequestClose(code, reason, WsCloseInitiator.Local, skipsSources: false, limit);
    }

    /// <summary>
    /// Closes a peer that reads too slowly: with 3008, should it ever read it, and an abort after <see cref="WsConnectionOptions.CloseTimeout"/>.
    /// </summary>
    /// <param name="reason">What it was too slow for.</param>
    public void CloseSlow(string reason) =>
        RequestClose(CloseCode.TooSlow, reason, WsCloseInitiator.Local, skipsSources: true);

    /// <summary>Drops the transport now, without a closing handshake. What was not sent is not sent.</summary>
    public void Abort(Exception? reason = null)
    {
        if (IsClosed || Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        SetOutputEnded(reason);
        AbortTransport(reason);
        CancelPending();
        Wake();
    }

    private void AbortTransport(Exception? reason)
    {
        if (_transport is null || Interlocked.Exchange(ref _transportAborted, 1) != 0)
        {
            return;
        }

        try
        {
            _transport.Abort(reason);
        }
        catch (Exception)
        {
            // A transport that cannot even be aborted is gone.
        }
    }

    private void CancelPending()
    {
        try
        {
            _input.CancelPendingRead();
            _output.CancelPendingFlush();
        }
        catch (Exception)
        {
            // Completed already, which some pipes do not forgive.
        }
    }

    /// <summary>Fails the connection as RFC 6455, section 7.1.7 says: answers to what came before leave first, nothing is read any more.</summary>
    private void Fail(in ProtocolError error) =>
        RequestClose(error.Code, error.Message, WsCloseInitiator.Local, skipsSources: true);

    private void OnCloseReceived(ushort code, string reason)
    {
        _closeReceived = true;
        ConnectionEnd end = End;
        end.ReceivedCode = code;
        end.ReceivedReason = reason;

        // "When sending a Close frame in response, the endpoint typically echos the status code it received" (RFC 6455, section 5.5.1).
        RequestClose(code, "", WsCloseInitiator.Remote, skipsSources: true);
    }

    /// <summary>A message sent in parts will never be whole.</summary>
    internal void AbandonMessage() =>
        RequestClose(CloseCode.InternalError, "a message in parts was abandoned", WsCloseInitiator.Local, skipsSources: true);

    private static void ThrowIfNotSendable(ushort code)
    {
        if (!CloseCode.IsValidOnTheWire(code))
        {
            throw new ArgumentOutOfRangeException(nameof(code), code, "A close frame carries 1000-1003, 1007-1014 or 3000-4999 (RFC 6455, 7.4).");
        }
    }

    private void RequestClose(ushort code, string reason, WsCloseInitiator initiator, bool skipsSources, TimeSpan? limit = null)
    {
        // What ended by itself did so whatever is requested afterwards.
        if (!_transportEnded && Volatile.Read(ref _closeRequest) is null)
        {
            var request = new CloseRequest(code, reason, initiator, skipsSources, Deadline(limit ?? _options.CloseTimeout), limit is null ? null : _heartbeat.Now);
            if (Interlocked.CompareExchange(ref _closeRequest, request, null) is null)
            {
                OnEnding();
            }
        }

        if (WsBatch.Owner != this || !_loopHoldsTurn)
        {
            Wake();
        }
    }

    private void WriteClose(ref WsFrameWriter writer, CloseRequest request)
    {
        Span<byte> payload = stackalloc byte[FrameRules.MaxControlPayloadBytes];
        int length = ClosePayload.Write(payload, request.Code, request.Reason);
        writer.Write(Opcode.Close, fin: true, payload[..length]);
        _closeSent = true;
    }

    private void SetTransportEnded(Exception? error)
    {
        if (error is not null)
        {
            Interlocked.CompareExchange(ref End.TransportException, error, null);
        }

        _transportEnded = true;
        BeginTransportEnd();
    }

    private void BeginTransportEnd()
    {
        _transportEnded = true;
        OnEnding();
    }

    /// <summary>After the receive loop: gets the close frame out, lets the peer have it, and completes both pipes.</summary>
    private async Task EndAsync()
    {
        if (!_transportEnded && !IsAborted)
        {
            await WaitUntilDeadlineAsync(ConnectionEnd.Completion(ref End.CloseFlushed).Task);
            if (!IsAborted && (!_closeReceived || !_isServer))
            {
                await LingerAsync();
            }
        }

        // Where the close frame was handed over, whoever still has the turn is about to let go of it, and an abort could take the frame with it.
        bool isHandedOver = !_transportEnded;
        if (!isHandedOver && IsFlushing)
        {
            // The peer takes nothing more. Cancelling the flush ends it here alone: what the transport still holds would wait for that peer as long as it likes.
            AbortTransport(null);
        }

        _outputEnded = true;
        BeginTransportEnd();
        CancelPending();
        Wake();
        if (!ConnectionEnd.Completion(ref End.OutputDone).Task.IsCompleted)
        {
            if (!isHandedOver)
            {
                // A flush that is still under way ends with the transport.
                AbortTransport(null);
            }

            await ConnectionEnd.Completion(ref End.OutputDone).Task;
        }

        await CompleteInputAsync();
    }

    private async ValueTask CompleteInputAsync()
    {
        try
        {
            await _input.CompleteAsync();
        }
        catch (Exception)
        {
            // As with the output: a transport that fails now has nothing more to say.
        }
    }

    /// <summary>
    /// Reads and drops what still comes. A client waits so for the server, which closes the transport first (RFC 6455, section 7.1.1); a
    /// server that failed a connection waits a little, since closing over unread bytes resets the connection and may take the close frame with it.
    /// </summary>
    private async Task LingerAsync()
    {
        TimeSpan limit = _isServer ? s_linger : _options.CloseTimeout;
        using var timeout = new CancellationTokenSource(limit, _heartbeat.TimeProvider);
        try
        {
            while (!IsAborted)
            {
                ReadResult result = await _input.ReadAsync(timeout.Token);
                _input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception)
        {
            // The time is up or the transport broke; either way there is nothing more to wait for.
        }
    }

    private async Task WaitUntilDeadlineAsync(Task task)
    {
        try
        {
            await task.WaitAsync(_options.CloseTimeout, _heartbeat.TimeProvider);
        }
        catch (TimeoutException)
        {
            Abort(null);
        }
    }

    private WsCloseInfo CreateCloseInfo()
    {
        CloseRequest? request = Volatile.Read(ref _closeRequest);
        ConnectionEnd end = End;
        Exception? error = end.HandlerException ?? Volatile.Read(ref end.TransportException);
        if (_closeReceived)
        {
            bool began = request is { Initiator: WsCloseInitiator.Local };
            return new WsCloseInfo(
                began ? request!.Code : end.ReceivedCode,
                began ? request!.Reason : end.ReceivedReason,
                began ? WsCloseInitiator.Local : WsCloseInitiator.Remote,
                _closeSent,
                end.HandlerException);
        }

        if (request is not null)
        {
            return new WsCloseInfo(request.Code, request.Reason, WsCloseInitiator.Local, WasClean: false, error);
        }

        WsCloseInitiator initiator = IsAborted ? WsCloseInitiator.Local : WsCloseInitiator.Transport;
        return new WsCloseInfo(CloseCode.AbnormalClosure, "", initiator, WasClean: false, error);
    }

    private long Deadline(TimeSpan timeout) =>
        timeout == Timeout.InfiniteTimeSpan ? long.MaxValue : _heartbeat.Now + (long)timeout.TotalMilliseconds;

    /// <param name="Code">What the close frame says.</param>
    /// <param name="Reason">Why, in words.</param>
    /// <param name="Initiator">Who began.</param>
    /// <param name="SkipsSources">Whether what the sources have is not sent any more.</param>
    /// <param name="Deadline">When the transport is aborted at the latest.</param>
    /// <param name="PatientSince">When it was requested, where the peer has until the deadline as long as it goes on taking; null where it has not.</param>
    private sealed record CloseRequest(ushort Code, string Reason, WsCloseInitiator Initiator, bool SkipsSources, long Deadline, long? PatientSince);
}
