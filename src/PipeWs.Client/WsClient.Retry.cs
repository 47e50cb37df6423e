using PipeWs.Client.Diagnostics;
using PipeWs.Client.Reconnecting;

namespace PipeWs.Client;

// After an end: whether to connect again, and when.
public sealed partial class WsClient
{
    /// <summary>How long to wait before the next attempt; null to give up.</summary>
    private TimeSpan? FindDelay(int attempt, long connectedSince, WsDisconnect disconnect)
    {
        if (!IsToReconnect(disconnect))
        {
            return null;
        }

        // The server's own word on when to come back goes before the policy's, but not before its giving up.
        return AskPolicy(attempt, _options.TimeProvider.GetElapsedTime(connectedSince), disconnect) is { } wait ? ReconnectHint.Find(disconnect.Reason) ?? wait : null;
    }

    /// <summary>How long to wait after a connection that was ended on purpose, which is never a reason to give up.</summary>
    private TimeSpan FindPlannedDelay(WsClientConnection connection, int attempt, TimeSpan lasted, WsDisconnect disconnect)
    {
        if (disconnect.Initiator == WsCloseInitiator.Remote && ReconnectHint.Find(disconnect.Reason) is { } hint)
        {
            // The server closed it at the same moment, and says when to come back.
            return hint;
        }

        if (connection.PlannedAtOnce || lasted >= _options.StableAfter)
        {
            return TimeSpan.Zero;
        }

        // A server that asks each connection for another, or a clock that takes each token for expired, must not have us dial all the time. What it lasted was a wait, too.
        TimeSpan wait = (AskPolicy(attempt, TimeSpan.Zero, disconnect) ?? _options.StableAfter) - lasted;
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private TimeSpan? AskPolicy(int attempt, TimeSpan elapsed, WsDisconnect disconnect)
    {
        try
        {
            return _options.ReconnectPolicy.GetUsableDelay(new WsReconnectContext(attempt, elapsed, disconnect));
        }
        catch (Exception e)
        {
            ReportCallbackError(nameof(WsClientOptions.ReconnectPolicy), e);
            return TimeSpan.FromSeconds(5);
        }
    }

    /// <summary>Whether the server refused a token as expired before the connection was ready; where several endpoints were tried, whether one did.</summary>
    private static bool IsTokenExpired(Exception error) =>
        error is Sessions.ConnectionNotReadyException { Disconnect.Code: Protocol.Framing.CloseCode.TokenExpired }
        || (error.InnerException is AggregateException all && all.InnerExceptions.Any(IsTokenExpired));

    private bool IsToReconnect(WsDisconnect disconnect)
    {
        try
        {
            return _options.ShouldReconnect?.Invoke(disconnect) ?? disconnect.IsTransient;
        }
        catch (Exception e)
        {
            ReportCallbackError(nameof(WsClientOptions.ShouldReconnect), e);
            return disconnect.IsTransient;
        }
    }

    private void GiveUp(WsDisconnect disconnect)
    {
        var failure = new WsClientFailedException(disconnect);
        lock (_lock)
        {
            if (_stopRequested)
            {
                return;
            }

            _failure = failure;
            SetState(WsClientState.Failed);
            _heartbeat.Remove(_heartbeatItem);
            _connected.TrySetException(failure);
        }

        ClientLog.GaveUp(_logger, Name, disconnect.Code, disconnect.Reason);
        _writes.Close();
        _reads.Complete(failure);
        Layer?.OnEnded(failure);
        _events.Complete(new WsClientFailEvent(disconnect));
    }
}
