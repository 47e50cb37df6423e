using Microsoft.Extensions.Logging;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hooks;

/// <summary>The hooks of one hub, put together once. What nobody registered is null. Safe from any thread.</summary>
internal sealed partial class HubHooks
{
    private static readonly DecisionPlace s_connect = new(WsErrorSource.ConnectHook, CloseCode.PolicyViolation, CloseCode.InternalError, CloseCode.IsValidOnTheWire);
    private static readonly DecisionPlace s_message = new(WsErrorSource.MessageHook, 403, 500, static code => code is >= 400 and <= 599);
    private static readonly DecisionPlace s_joinRoom = s_message with { Source = WsErrorSource.JoinRoomHook };

    private readonly ILogger _logger;
    private readonly NotificationHooks<WsErrorContext>? _error;

    public HubHooks(HubRegistration registration, HubCounters counters, ILogger logger)
    {
        _logger = logger;
        Counters = counters;
        if (registration.ConnectHooks.Count > 0)
        {
            Connect = new(registration.ConnectHooks, s_connect, static connection => (connection, "", null), this);
        }

        if (registration.MessageHooks.Count > 0)
        {
            Message = new(registration.MessageHooks, s_message, static context => (context.Connection, context.Action, null), this);
        }

        if (registration.JoinRoomHooks.Count > 0)
        {
            JoinRoom = new(registration.JoinRoomHooks.Select(Adapt), s_joinRoom, static join => (join.Connection, "", join.Room), this);
        }

        if (registration.DisconnectHooks.Count > 0)
        {
            Disconnect = new(
                registration.DisconnectHooks.Select(Adapt),
                (ended, e) => FailedAsync(new WsErrorContext(e, WsErrorSource.DisconnectHook, ended.Connection)));
        }

        if (registration.LeaveRoomHooks.Count > 0)
        {
            LeaveRoom = new(
                registration.LeaveRoomHooks,
                (left, e) => FailedAsync(new WsErrorContext(e, WsErrorSource.LeaveRoomHook, left.Connection, Room: left.Room)));
        }

        if (registration.ErrorHooks.Count > 0)
        {
            _error = new(registration.ErrorHooks, OnErrorHookFailed);
        }
    }

    /// <summary>Asked before a connection is served.</summary>
    public DecisionHooks<IWsConnection>? Connect { get; }

    /// <summary>Told when a connection that was to be served has ended.</summary>
    public NotificationHooks<(IWsConnection Connection, WsCloseInfo Info)>? Disconnect { get; }

    /// <summary>Asked before a message is routed.</summary>
    public DecisionHooks<WsMessageContext>? Message { get; }

    /// <summary>Asked before a connection joins a room.</summary>
    public DecisionHooks<(IWsConnection Connection, string Room)>? JoinRoom { get; }

    /// <summary>Told when a connection has left a room.</summary>
    public NotificationHooks<WsRoomEvent>? LeaveRoom { get; }

    /// <summary>Whether anybody is told of errors.</summary>
    public bool HasError => _error is not null;

    public HubCounters Counters { get; }

    /// <summary>Whether it is how application code gives up when its own connection ends under it, and no failure. A send to another one that has ended is a failure.</summary>
    public static bool IsGivingUp(Exception exception, IWsConnection connection) =>
        exception is OperationCanceledException or WsClosedException
        && (connection.ConnectionClosed.IsCancellationRequested || connection is HubConnection { Ws.IsClosing: true });

    /// <summary>Tells the hooks of errors. The caller has logged it. Never throws.</summary>
    public ValueTask OnErrorAsync(WsErrorContext error) =>
        _error is null || IsGivingUp(error.Exception, error.Connection) ? default : _error.TellAsync(error);

    /// <summary>A hook failed: logs, counts and tells of it. Never throws.</summary>
    public ValueTask FailedAsync(WsErrorContext error)
    {
        if (IsGivingUp(error.Exception, error.Connection))
        {
            return default;
        }

        Counters.HookFailed();
        LogHookFailed(_logger, error.Connection.Id, error.Source, error.Exception);
        return OnErrorAsync(error);
    }

    /// <summary>A message was refused by a hook.</summary>
    public void Refused(WsMessageContext context, in WsDecision decision) => LogRefused(_logger, context.Connection.Id, context.Action, decision.Code);

    private static Func<(IWsConnection Connection, string Room), ValueTask<WsDecision>> Adapt(Func<IWsConnection, string, ValueTask<WsDecision>> hook) =>
        join => hook(join.Connection, join.Room);

    private static Func<(IWsConnection Connection, WsCloseInfo Info), ValueTask> Adapt(Func<IWsConnection, WsCloseInfo, ValueTask> hook) =>
        ended => hook(ended.Connection, ended.Info);

    // Nobody is left to tell but the log.
    private ValueTask OnErrorHookFailed(WsErrorContext error, Exception exception)
    {
        Counters.HookFailed();
        LogErrorHookFailed(_logger, error.Connection.Id, exception);
        return default;
    }

    [LoggerMessage(EventId = 2100, EventName = "HookFailed", Level = LogLevel.Error, Message = "Connection {ConnectionId}: a {Source} failed")]
    private static partial void LogHookFailed(ILogger logger, string connectionId, WsErrorSource source, Exception exception);

    [LoggerMessage(EventId = 2101, EventName = "ErrorHookFailed", Level = LogLevel.Error, Message = "Connection {ConnectionId}: a hook of errors failed")]
    private static partial void LogErrorHookFailed(ILogger logger, string connectionId, Exception exception);

    // At Debug, since a peer decides how often it happens; the words may be about the peer's data and are not logged.
    [LoggerMessage(EventId = 2102, EventName = "MessageRefusedByHook", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: a hook refused a message with action \"{Action}\", {Code}")]
    private static partial void LogRefused(ILogger logger, string connectionId, string action, int code);
}
