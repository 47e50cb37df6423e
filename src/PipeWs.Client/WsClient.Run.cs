using PipeWs.Client.Diagnostics;

namespace PipeWs.Client;

// The client's one task: attempt, connection, wait, attempt, until it is stopped or gives up.
public sealed partial class WsClient
{
    private static readonly AsyncLocal<WsClient?> s_runs = new();

    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _abandoned = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _connected = NewSignal();
    private WsClientConnection? _current;
    private WsClientConnection? _opening;
    private Task _run = Task.CompletedTask;
    private CancellationTokenSource? _runCancellation;
    private Exception? _failure;
    private int _state;
    private int _connections;
    private bool _wasConnected;
    private bool _needsFreshToken;
    private bool _stopRequested;

    private async Task RunAsync(TaskCompletionSource first, bool retriesFirst, CancellationToken cancelled)
    {
        s_runs.Value = this;
        KeepTime();

        // A start that is given up while it succeeds has a connection to end. A stop has closed it before.
        await using CancellationTokenRegistration ending = cancelled.UnsafeRegister(static state => ((WsClient)state!).CloseCurrent(), this);
        long connectedSince = _options.TimeProvider.GetTimestamp();
        int attempt = 1;
        WsDisconnect? disconnect = null;
        Exception? error = null;
        try
        {
            while (true)
            {
                WsClientConnection? watched = null;
                TimeSpan lasted = default;
                SetStateUnlessStopping(WsClientState.Connecting);
                try
                {
                    WsClientConnection connection = await ConnectAsync(attempt, disconnect, _needsFreshToken, cancelled);
                    first.TrySetResult();
                    disconnect = await WatchAsync(connection);
                    watched = connection;
                    connectedSince = _options.TimeProvider.GetTimestamp();
                    lasted = _options.TimeProvider.GetElapsedTime(connection.ConnectedAt, connectedSince);
                    _needsFreshToken = connection.PlannedForToken || disconnect.Code == Protocol.Framing.CloseCode.TokenExpired;
                    attempt = connection.PlannedAtOnce || lasted >= _options.StableAfter ? 1 : attempt + 1;
                }
                catch (Exception e) when (!cancelled.IsCancellationRequested)
                {
                    disconnect = e is Sessions.ConnectionNotReadyException { Disconnect: var ended } ? ended : WsDisconnect.From(e);
                    _needsFreshToken |= IsTokenExpired(e);
                    if (!retriesFirst && !first.Task.IsCompleted)
                    {
                        error = e;
                        return;
                    }

                    attempt++;
                }

                bool isStopping = IsStopping(cancelled);
                TimeSpan? delay = isStopping ? null : watched is { PlannedEnd: not null }
                    ? FindPlannedDelay(watched, attempt, lasted, disconnect)
                    : FindDelay(attempt - (first.Task.IsCompleted ? 0 : 1), connectedSince, disconnect);
                if (watched is not null && _events.Wants(WsClientEventKinds.Disconnected))
                {
                    _events.Publish(new WsDisconnectedEvent(disconnect, WillReconnect: delay is not null));
                }

                if (isStopping)
                {
                    return;
                }

                if (delay is not { } wait)
                {
                    GiveUp(disconnect);
                    error = _failure;
                    return;
                }

                if (_events.Wants(WsClientEventKinds.TryReconnect))
                {
                    _events.Publish(new WsTryReconnectEvent(attempt, wait, disconnect));
                }

                ClientLog.Reconnecting(_logger, Name, attempt, wait.TotalMilliseconds, disconnect.Code, disconnect.Reason);
                if (wait > TimeSpan.Zero)
                {
                    SetStateUnlessStopping(WsClientState.Waiting);
                    await Task.Delay(wait, _options.TimeProvider, cancelled);
                }
            }
        }
        catch (Exception) when (cancelled.IsCancellationRequested)
        {
            // Stopped, or the start was given up. Whatever else went wrong at that moment is not why it ended.
        }
        catch (Exception e)
        {
            // What no rule foresees must end the client visibly.
            disconnect = WsDisconnect.From(e);
            GiveUp(disconnect);
            error = _failure;
        }
        finally
        {
            if (State != WsClientState.Failed)
            {
                SetStateUnlessStopping(WsClientState.Created);
            }

            if (error is null)
            {
                first.TrySetException(new ObjectDisposedException(nameof(WsClient), "The client was stopped before it had connected."));
            }
            else
            {
                first.TrySetException(error);
            }
        }
    }

    /// <summary>Waits for the end of a connection that is ready.</summary>
    private async Task<WsDisconnect> WatchAsync(WsClientConnection connection)
    {
        // Not for a handler that does not return although the client was stopped and its time is up.
        await Task.WhenAny(connection.Ended, _abandoned.Task);
        WsDisconnect disconnect = WsDisconnect.From(connection.Ended.IsCompleted ? await connection.Ended : new WsCloseInfo(1006, "a handler does not return", WsCloseInitiator.Local, WasClean: false));
        lock (_lock)
        {
            Volatile.Write(ref _current, null);
            if (!_stopRequested)
            {
                _connected = NewSignal();
            }
        }

        _writes.SetOffline();
        _metrics.Disconnected(disconnect.Code);
        Layer?.OnDisconnected(connection, disconnect);
        ClientLog.Disconnected(_logger, Name, connection.Endpoint, disconnect.Code, disconnect.Reason);
        if (disconnect.Exception is { } error)
        {
            ReportError(error);
        }

        return disconnect;
    }

    private bool IsStopping(CancellationToken cancelled)
    {
        lock (_lock)
        {
            return _stopRequested || cancelled.IsCancellationRequested;
        }
    }

    private void CloseCurrent()
    {
        WsClientConnection? connection;
        lock (_lock)
        {
            connection = _current;
        }

        connection?.Connection.BeginClose(Protocol.Framing.CloseCode.NormalClosure, "");
    }

    /// <summary>Counts a connection as connected, unless it has ended, the client is stopping, or its start was given up.</summary>
    private bool TrySetConnected(WsClientConnection connection, CancellationToken cancelled)
    {
        TaskCompletionSource connected;
        lock (_lock)
        {
            // Under the lock: either this sees that the start was given up, or who gives it up sees the connection.
            if (_stopRequested || cancelled.IsCancellationRequested || connection.Connection.IsClosing)
            {
                return false;
            }

            // Connections that never became ready do not count.
            connection.IsReconnect = _wasConnected;
            _wasConnected = true;

            // Before anybody can see or hear that it is connected: what it lasts counts from there, and whoever knows may send.
            connection.ConnectedAt = _options.TimeProvider.GetTimestamp();
            _writes.SetLive(connection.Connection);
            Volatile.Write(ref _current, connection);
            SetState(WsClientState.Connected);
            connected = _connected;
            if (_events.Wants(WsClientEventKinds.Connected))
            {
                _events.Publish(new WsConnectedEvent(connection, connection.IsReconnect));
            }
        }

        ClientLog.Connected(_logger, Name, connection.Endpoint, connection.Number);
        _metrics.Connected();
        Layer?.OnReady(connection);
        connection.OpenGate();
        connected.TrySetResult();
        return true;
    }

    private void SetState(WsClientState state) => Volatile.Write(ref _state, (int)state);

    private void SetStateUnlessStopping(WsClientState state)
    {
        lock (_lock)
        {
            if (!_stopRequested)
            {
                SetState(state);
            }
        }
    }
}
