using System.Globalization;
using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Hubs;

// The hub's own end: while it drains or stops it takes no more connections, and those it has are closed after what is pending for them.
internal sealed partial class Hub
{
    internal const string ShuttingDown = "the server is shutting down";

    // RFC 9110, section 10.2.3, in seconds: whoever asks again then finds another server, or this one restarted.
    private const string RetryAfterSeconds = "5";

    private static readonly HandshakeRefusal s_shuttingDown =
        HandshakeRefusal.Unavailable("The server is shutting down. Connect again in a moment.") with { HeaderName = "Retry-After", HeaderValue = RetryAfterSeconds };

    private static readonly HandshakeRefusal s_draining =
        HandshakeRefusal.Unavailable("The server is about to be restarted. Connect again in a moment.") with { HeaderName = "Retry-After", HeaderValue = RetryAfterSeconds };

    /// <summary>How long an aborted connection may take to end: two looks of the heartbeat, and some.</summary>
    private static readonly TimeSpan s_abortTime = WsHeartbeat.Interval * 4;

    private readonly Lock _endLock = new();
    private readonly TaskCompletionSource _givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _emptied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Phase _phase;
    private WsDrainOptions _drain = new();
    private TimeSpan _stopLimit;
    private Task? _stopped;

    private enum Phase
    {
        Open,
        Draining,
        Stopping,
    }

    /// <summary>Whether it was asked to drain, and takes no more connections.</summary>
    internal bool IsDraining => _phase == Phase.Draining;

    /// <summary>Whether the application stops.</summary>
    internal bool IsStopping => _phase == Phase.Stopping;

    private HandshakeRefusal ClosedDoor => IsStopping ? s_shuttingDown : s_draining;

    /// <summary>
    /// Takes no more connections, closes those it has with 1001, waits for them and their handlers, and aborts what is left in the end. Once; further calls give the same task.
    /// </summary>
    /// <param name="limit">When the end is, from now.</param>
    internal Task StopAsync(TimeSpan limit)
    {
        lock (_endLock)
        {
            if (_stopped is null)
            {
                _stopLimit = limit;
                _phase = Phase.Stopping;

                // Not by this thread, which may be the one that tells everybody else of the stop.
                _stopped = Task.Run(StopCoreAsync);
            }

            return _stopped;
        }
    }

    /// <summary>Aborts what is left of the connections now.</summary>
    internal void GiveUp()
    {
        HubConnection[] left = [.. _connections.Select(static pair => pair.Value)];
        if (left.Length > 0)
        {
            LogGivenUp(_logger, left.Length);
        }

        foreach (HubConnection connection in left)
        {
            connection.Abort(new TimeoutException("The server had to stop before the connection ended."));
        }

        _givenUp.TrySetResult();
    }

    public async Task DrainAsync(WsDrainOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new WsDrainOptions();
        options.ThrowIfInvalid();
        lock (_endLock)
        {
            if (_phase == Phase.Open)
            {
                _drain = options;
                _phase = Phase.Draining;
                LogDraining(_logger, _connections.Count, options.Window);
            }
        }

        // The rest is what was accepted just before.
        HubConnection[] connections = [.. _connections.Select(static pair => pair.Value)];
        long start = Time.GetTimestamp();
        for (int i = 0; i < connections.Length && !IsStopping; i++)
        {
            TimeSpan wait = (options.Window * ((double)i / connections.Length)) - Time.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                // Also where the last of them is gone, or the application stops.
                await Task.WhenAny(Task.Delay(wait, Time, cancellationToken), _emptied.Task);
                cancellationToken.ThrowIfCancellationRequested();
            }

            AskToReconnect(connections[i], options);
        }

        SignalIfEmpty();
        await _emptied.Task.WaitAsync(cancellationToken);
    }

    private async Task StopCoreAsync()
    {
        LogStopping(_logger, _connections.Count);
        foreach (KeyValuePair<string, HubConnection> pair in _connections)
        {
            pair.Value.BeginClose(CloseCode.GoingAway, ShuttingDown, _stopLimit);
        }

        SignalIfEmpty();
        if (await IsEmptiedAsync(_stopLimit))
        {
            return;
        }

        GiveUp();
        await IsEmptiedAsync(s_abortTime);
    }

    private async Task<bool> IsEmptiedAsync(TimeSpan limit)
    {
        try
        {
            await _emptied.Task.WaitAsync(limit, Time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Closes a connection that was accepted before the hub was closed, and listed after that.</summary>
    private void CloseIfNotOpen(HubConnection connection)
    {
        // A full fence: either it sees the phase here, or whoever set the phase finds it on the list.
        Interlocked.MemoryBarrier();
        switch (_phase)
        {
            case Phase.Draining:
                AskToReconnect(connection, _drain);
                break;
            case Phase.Stopping:
                connection.BeginClose(CloseCode.GoingAway, ShuttingDown, _stopLimit);
                break;
        }
    }

    /// <summary>Says that all are gone, once the hub was closed. Where the last connection or the last place goes, and where somebody begins to wait for that.</summary>
    private void SignalIfEmpty()
    {
        if (_phase != Phase.Open && ReservedPlaces == 0 && _connections.IsEmpty)
        {
            _emptied.TrySetResult();
        }
    }

    private void AskToReconnect(HubConnection connection, WsDrainOptions options)
    {
        long after = Random.Shared.NextInt64((long)options.ReconnectWindow.TotalMilliseconds + 1);
        if (_takesJson)
        {
            MessageBuffer buffer = MessageBuffer.Rent();
            MessageWriter.WriteReconnect(buffer, after);
            connection.Ws.TrySend(WsMessageType.Text, buffer.Written.Span);
            buffer.Return();
        }

        connection.BeginClose(options.CloseCode, string.Create(CultureInfo.InvariantCulture, $"reconnect after {after} ms"), Options.ShutdownTimeout);
    }

    [LoggerMessage(EventId = 2300, EventName = "HubStopping", Level = LogLevel.Information, Message = "Stopping: {Connections} connections are told to go")]
    private static partial void LogStopping(ILogger logger, int connections);

    [LoggerMessage(EventId = 2301, EventName = "HubGivenUp", Level = LogLevel.Warning, Message = "The time to stop is over: {Connections} connections are aborted")]
    private static partial void LogGivenUp(ILogger logger, int connections);

    [LoggerMessage(EventId = 2302, EventName = "HandlerLeftBehind", Level = LogLevel.Warning, Message = "Connection {ConnectionId}: a handler ignores the end of the connection and is left behind")]
    private static partial void LogLeftBehind(ILogger logger, string connectionId);

    [LoggerMessage(EventId = 2303, EventName = "HubDraining", Level = LogLevel.Information, Message = "Draining: {Connections} connections are asked to reconnect elsewhere within {Window}")]
    private static partial void LogDraining(ILogger logger, int connections, TimeSpan window);
}
