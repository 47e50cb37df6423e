using System.Buffers;
using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// A connection's life in the hub, from the door's handshake to its end.
internal sealed partial class Hub
{
    public async Task RunAsync(AcceptedConnection accepted)
    {
        if (!accepted.Answer.IsEmpty && !await TryAnswerAsync(accepted))
        {
            return;
        }

        int shard = ChooseShard(accepted.Loop);
        HubConnection connection;
        do
        {
            connection = new HubConnection(this, NewId(), accepted, shard, _services);
        }
        while (!_connections.TryAdd(connection.Id, connection));

        try
        {
            BeginTelemetry(connection, accepted);
        }
        catch
        {
            // A listener of the application's threw. It must not leave a connection behind that nobody serves.
            _connections.TryRemove(connection.Id, out _);
            EndTelemetry(connection);
            SignalIfEmpty();
            throw;
        }

        BeginIdentity(connection, accepted);
        CancellationTokenRegistration stopping;
        CancellationTokenRegistration closed;
        Task opened;

        // The welcome has its place first, and leaves at the batch's end: whoever has read it is found by its user's name, unless a filter or a hook takes its time.
        using (WsBatch.Begin())
        {
            if (_speaksJson)
            {
                SendWelcome(connection);
            }

            stopping = accepted.CloseRequested.UnsafeRegister(static state => ((HubConnection)state!).BeginClose(CloseCode.GoingAway, ShuttingDown), connection);
            closed = accepted.TransportClosed.UnsafeRegister(static state => ((HubConnection)state!).Ws.OnTransportClosed(), connection);
            CloseIfNotOpen(connection);
            opened = _connectionPipeline is null ? OpenAsync(connection) : ServeFilteredAsync(connection, _connectionPipeline);
        }

        await using (stopping)
        await using (closed)
        {
            await (_connectionPipeline is null ? ServeAsync(connection, opened) : opened);
        }
    }

    /// <summary>Asks whether the connection may stay, and lists it where others find it. One that has yet to say who it is is asked about, and listed, when it has.</summary>
    private async Task OpenAsync(HubConnection connection)
    {
        if (connection.Identity is not { IsPending: true } && await AdmitAsync(connection))
        {
            _users.Add(connection);
            JoinEveryone(connection);
        }
    }

    /// <summary>From there to the end.</summary>
    private async Task ServeAsync(HubConnection connection, Task opened)
    {
        try
        {
            await opened;
            connection.StartGuard();
            Task run = connection.Ws.RunAsync(connection);
            WsCloseInfo info = await connection.Ws.Closed;
            if (!run.IsCompleted)
            {
                // A handler that ignores the end. What it works on is the transport's, which is kept for it until the application has no more time.
                await Task.WhenAny(run, _givenUp.Task);
                if (!run.IsCompleted)
                {
                    LogLeftBehind(_logger, connection.Id);
                }
            }

            LogLevel level = LevelOf(info);
            if (_logger.IsEnabled(level))
            {
                // One line, whatever a peer does; only what went wrong in the application shows where.
                LogClosed(_logger, level, connection.Id, info.Code, info.Reason, info.Initiator, info.WasClean, level == LogLevel.Error ? info.Exception : null);
            }
        }
        finally
        {
            _connections.TryRemove(connection.Id, out _);
            connection.StopGuard();
            EndIdentity(connection);
            ValueTask told = connection.LeaveAll();
            EndTelemetry(connection);
            await UntilGivenUpAsync(told, connection);
            await UntilGivenUpAsync(TellOfEndAsync(connection), connection);
            SignalIfEmpty();
        }
    }

    /// <summary>Sends what ends the handshake.</summary>
    /// <returns><see langword="false"/> where the peer has gone meanwhile: there was no connection yet, so there is none to speak of.</returns>
    private static async ValueTask<bool> TryAnswerAsync(AcceptedConnection accepted)
    {
        try
        {
            accepted.Transport.Output.Write(accepted.Answer.Span);

            // The connection holds what a door gave for as long as it lives.
            accepted.Answer = default;
            return !(await accepted.Transport.Output.FlushAsync()).IsCompleted;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }

    private static LogLevel LevelOf(WsCloseInfo info) => info switch
    {
        { Initiator: WsCloseInitiator.Local, Code: CloseCode.InternalError } => LogLevel.Error,
        { Initiator: WsCloseInitiator.Local, Code: CloseCode.ProtocolError or CloseCode.InvalidPayloadData or CloseCode.PolicyViolation or CloseCode.MessageTooBig or CloseCode.TooSlow or CloseCode.Unauthenticated } => LogLevel.Information,
        _ => LogLevel.Debug,
    };

    [LoggerMessage(EventId = 2001, Message = "Connection {ConnectionId} ended with {CloseCode} \"{CloseReason}\", begun by {Initiator}, clean: {WasClean}")]
    private static partial void LogClosed(ILogger logger, LogLevel level, string connectionId, ushort closeCode, string closeReason, WsCloseInitiator initiator, bool wasClean, Exception? exception);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Error, Message = "A handler of the events of room {Room} failed")]
    private static partial void LogEventHandlerFailed(ILogger logger, string room, Exception exception);

    private void SendWelcome(HubConnection connection)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteWelcome(buffer, connection.Id, Milliseconds(Options.PingInterval), Milliseconds(Options.PongTimeout));
        connection.Ws.TrySend(WsMessageType.Text, buffer.Written.Span);
        buffer.Return();
    }

    private static long Milliseconds(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? 0 : (long)time.TotalMilliseconds;
}
