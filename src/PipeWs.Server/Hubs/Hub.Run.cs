using System.Buffers;
using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// A connection's life in the hub, from the door's handshake to its end.
internal sealed partial class Hub
{
    /// <inheritdoc/>
    public async Task StartAsync(AcceptedConnection accepted)
    {
        if (!accepted.Answer.IsEmpty && !await TryAnswerAsync(accepted))
        {
            accepted.End();
            return;
        }

        int shard = ChooseShard(accepted.Loop);
        HubConnection connection;
        while (true)
        {
            connection = new HubConnection(this, NewId(), accepted, shard);

            // Before anybody finds it: one that has yet to say who it is must not look as if it had.
            BeginIdentity(connection, accepted);
            if (_connections.TryAdd(connection.Id, connection))
            {
                break;
            }

            connection.Identity?.End();
        }

        try
        {
            BeginTelemetry(connection, accepted);
        }
        catch
        {
            // A listener of the application's threw. It must not leave a connection behind that nobody serves.
            _connections.TryRemove(connection.Id, out _);
            connection.Identity?.End();
            EndTelemetry(connection);
            SignalIfEmpty();
            throw;
        }

        Task opened;

        // The welcome has its place first, and leaves at the batch's end: whoever has read it is found by its user's name, unless a filter or a hook takes its time.
        using (WsBatch.Begin())
        {
            if (_speaksJson)
            {
                SendWelcome(connection);
            }

            if (accepted.Control.IsCloseRequested)
            {
                connection.OnCloseRequested();
            }

            CloseIfNotOpen(connection);
            opened = _connectionPipeline is null ? OpenAsync(connection) : ServeFilteredAsync(connection, _connectionPipeline);
        }

        if (_connectionPipeline is null)
        {
            Serve(connection, opened);
        }
        else
        {
            _ = EndFilteredAsync(connection, opened);
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

    /// <summary>From there to the end. No method waits for it meanwhile, whose frame would be another object of every idle connection: the connection says when it has ended.</summary>
    private void Serve(HubConnection connection, Task opened)
    {
        connection.KeepFlow();
        if (opened.IsCompletedSuccessfully)
        {
            connection.Start();
        }
        else
        {
            _ = StartWhenOpenAsync(connection, opened);
        }
    }

    private async Task StartWhenOpenAsync(HubConnection connection, Task opened)
    {
        try
        {
            await opened;
            connection.Start();
        }
        catch (Exception e)
        {
            await EndServingAsync(connection, null, e);
        }
    }

    /// <summary>Sees a connection off. Once for each that was served.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="info">How it ended; null where it was not even run.</param>
    /// <param name="failure">Why it was not run.</param>
    internal async Task EndServingAsync(HubConnection connection, WsCloseInfo? info, Exception? failure)
    {
        try
        {
            try
            {
                if (info is not null)
                {
                    await UntilFinishedAsync(connection, info);
                }
            }
            finally
            {
                await SeeOffAsync(connection);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        if (connection.Service is { } service)
        {
            service.SetEnded(failure);
        }
        else
        {
            LetGo(connection, failure);
        }
    }

    private async ValueTask UntilFinishedAsync(HubConnection connection, WsCloseInfo info)
    {
        Task finished = connection.Ws.Finished;
        if (!finished.IsCompleted)
        {
            // A handler that ignores the end. What it works on is the transport's, which is kept for it until the application has no more time.
            await Task.WhenAny(finished, _givenUp.Task);
            if (!finished.IsCompleted)
            {
                LogLeftBehind(_logger, connection.Id);
            }
        }

        LogLevel level = LevelOf(info);
        if (_logger.IsEnabled(level))
        {
            // One line, whatever a peer does; only what went wrong in the application shows where.
            string reason = LogText.Of(info.Reason);
            LogClosed(_logger, level, connection.Id, info.Code, reason, info.Initiator, info.WasClean, level == LogLevel.Error ? info.Exception : null);
        }
    }

    private async ValueTask SeeOffAsync(HubConnection connection)
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

    private static async Task EndFilteredAsync(HubConnection connection, Task served)
    {
        Exception? failure = null;
        try
        {
            await served;
        }
        catch (Exception e)
        {
            failure = e;
        }

        LetGo(connection, failure);
    }

    /// <summary>Lets go of what the door gave.</summary>
    private static void LetGo(HubConnection connection, Exception? failure)
    {
        connection.Ws.ForgetTransport();
        connection.Control.End(failure);
    }

    /// <summary>Sends what ends the handshake.</summary>
    /// <returns><see langword="false"/> where the peer has gone meanwhile: there was no connection yet, so there is none to speak of.</returns>
    private async ValueTask<bool> TryAnswerAsync(AcceptedConnection accepted)
    {
        Exception? error = null;
        try
        {
            accepted.Transport.Output.Write(accepted.Answer.Span);
            if (!(await accepted.Transport.Output.FlushAsync()).IsCompleted)
            {
                return true;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            error = e;
        }

        LogNotAnswered(_logger, accepted.RemoteEndPoint, error);
        return false;
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

    [LoggerMessage(EventId = 2003, EventName = "HandshakeNotAnswered", Level = LogLevel.Debug, Message = "{RemoteEndPoint} was gone when its handshake was answered")]
    private static partial void LogNotAnswered(ILogger logger, System.Net.EndPoint? remoteEndPoint, Exception? exception);

    private void SendWelcome(HubConnection connection)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteWelcome(buffer, connection.Id, Milliseconds(Options.PingInterval), Milliseconds(Options.PongTimeout));
        connection.Ws.TrySend(WsMessageType.Text, buffer.Written.Span);
        buffer.Return();
    }

    private static long Milliseconds(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? 0 : (long)time.TotalMilliseconds;
}
