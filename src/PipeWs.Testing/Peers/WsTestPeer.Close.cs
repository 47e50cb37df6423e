using PipeWs.Protocol.Framing;
using PipeWs.Server;

namespace PipeWs.Testing;

// How a connection ends.
public sealed partial class WsTestPeer
{
    /// <summary>
    /// The closing handshake begun here: sends a close frame, passes over whatever else comes, and waits for the other end's close frame and the transport's end. RFC 6455,
    /// section 7.1.2.
    /// </summary>
    /// <param name="code">The code; 1005 for none.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The other end's close frame.</returns>
    /// <exception cref="WsAssertionException">It did not answer in time, or the transport ended first.</exception>
    public async Task<WsRawFrame> CloseAsync(ushort code = CloseCode.NormalClosure, string reason = "", CancellationToken cancellationToken = default)
    {
        if (!_closeSent)
        {
            await SendCloseAsync(code, reason);
        }

        await WaitAsync("a close frame", () => CloseFrame is not null, static () => null, cancellationToken);
        await WhenEndedAsync(cancellationToken);
        return CloseFrame!.Value;
    }

    /// <summary>The next thing that comes must be a close frame with this code; pings and pongs are passed over.</summary>
    /// <param name="code">The code; 1005 for a close frame without one.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="WsAssertionException">A message came, another code, or nothing in time.</exception>
    public async Task<WsRawFrame> ExpectCloseAsync(ushort code, CancellationToken cancellationToken = default)
    {
        string expected = $"close {code}";
        await WaitAsync(
            expected,
            () => IsClosedNext,
            () => _inbox.Find(static arrived => arrived.Message is not null) is { Message: { } message } ? $"a message came: {Shorten(message.ToString())}" : null,
            cancellationToken);
        WsRawFrame close = CloseFrame!.Value;
        return close.CloseCode == code ? close : throw Failure(expected, $"it was {close}");
    }

    /// <summary>Reads on until the other end closes with this code: for what is still sent before.</summary>
    /// <returns>The messages that came before, and the close frame.</returns>
    /// <exception cref="WsAssertionException">Another code, or nothing in time, or the transport ended without a close frame.</exception>
    public async Task<(IReadOnlyList<WsTestMessage> Messages, WsRawFrame Close)> UntilCloseAsync(ushort code, CancellationToken cancellationToken = default)
    {
        string expected = $"close {code} sooner or later";
        await WaitAsync(expected, () => CloseFrame is not null, static () => null, cancellationToken);
        WsRawFrame close = CloseFrame!.Value;
        return close.CloseCode == code ? (TakeMessages(), close) : throw Failure(expected, $"it was {close}");
    }

    /// <summary>The other end drops the transport without a close frame: 1006 to whoever is there. Messages before it are left to be read.</summary>
    /// <exception cref="WsAssertionException">A close frame came, the other end broke the protocol, or the end did not come in time.</exception>
    public async Task ExpectAbortAsync(CancellationToken cancellationToken = default)
    {
        const string Expected = "the transport's end without a close frame";
        await WhenEndedAsync(cancellationToken);
        if (CloseFrame is { } close)
        {
            throw Failure(Expected, $"it was closed with {close}");
        }

        // An end inside a frame is the other end's; at anything else that was wrong this end has stopped by itself.
        if (_failure is WsAssertionException broken && !_isCut)
        {
            throw Failure(Expected, broken.Message);
        }
    }

    /// <summary>Waits until the connection has ended in the hub, and gives how: what <see cref="IWsConnection.Closed"/> says, which itself may wait for ever on a clock that stands still.</summary>
    /// <exception cref="WsAssertionException">It did not end in time.</exception>
    /// <exception cref="InvalidOperationException">The other end is no hub of a <see cref="WsTestServer"/>.</exception>
    public async Task<WsCloseInfo> GetCloseInfoAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await Connection.Closed.WaitAsync(Patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw Failure("the connection's end in the hub", $"it did not come within {_options.Patience}; if it waits for a timeout, the clock has to come to it");
        }
    }

    /// <summary>Drops the transport without a goodbye: the other end sees a reset.</summary>
    public void Abort()
    {
        lock (_outputGate)
        {
            if (_isAborted)
            {
                return;
            }

            _isAborted = true;
            _outputIsOver = true;
            _transport.Abort(new IOException("The connection was reset by the peer."));
        }

        ResumeReading();
        _transport.Input.CancelPendingRead();
    }

    /// <summary>Drops the transport where it is still there. The hub then sees the connection end with 1006.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!HasEnded)
        {
            Abort();
            await _pump;
            return;
        }

        try
        {
            // The other end may have said only that it sends nothing more, and still wait for this one.
            Finish();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            // It has gone altogether.
        }
    }

    private async Task WhenEndedAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _ended.Task.WaitAsync(Patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw Failure("the transport's end", $"it did not come within {_options.Patience}{(IsReading ? "" : "; this peer has stopped reading")}");
        }
    }
}
