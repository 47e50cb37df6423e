using Microsoft.Extensions.Logging;
using PipeWs.Server.Hooks;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Filters;

/// <summary>Turns exceptions into answers.</summary>
internal sealed partial class RecoveryFilter(WsRecoveryOptions options, FilterScope scope) : IWsMessageFilter
{
    private readonly ILogger _logger = scope.Logger;
    private readonly HubHooks _hooks = scope.Hooks;

    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        try
        {
            ValueTask pending = next(context);
            return pending.IsCompletedSuccessfully ? pending : InvokeAwaited(pending, context);
        }
        catch (Exception e) when (Handles(e, context))
        {
            return RecoverAsync(e, context);
        }
    }

    private async ValueTask InvokeAwaited(ValueTask pending, WsMessageContext context)
    {
        try
        {
            await pending;
        }
        catch (Exception e) when (Handles(e, context))
        {
            await RecoverAsync(e, context);
        }
    }

    private bool Handles(Exception exception, WsMessageContext context) =>
        !HubHooks.IsGivingUp(exception, context.Connection) && !IsAnsweredByRouter(exception, context) && options.Handles(exception);

    // A limit that the peer ran into has an answer already, 429, and the handler has not failed.
    private bool IsAnsweredByRouter(Exception exception, WsMessageContext context) =>
        exception is WsLimitException && context is RequestContext { IsJson: true, HasReplied: false } && !options.HasAnswerTo(exception);

    private async ValueTask RecoverAsync(Exception exception, WsMessageContext context)
    {
        _hooks.Counters.HandlerFailed();
        (context as RequestContext)?.SetFailed(exception);
        LogRecovered(_logger, context.Connection.Id, context.Action, context.Type, exception);
        (int code, string message) = options.AnswerTo(exception);
        try
        {
            await context.RefuseAsync(code, message);
        }
        catch (Exception e)
        {
            LogAnswerFailed(_logger, context.Connection.Id, e);
        }

        await _hooks.OnErrorAsync(new WsErrorContext(exception, WsErrorSource.Message, context.Connection, context.Action));
    }

    [LoggerMessage(EventId = 2110, EventName = "Recovered", Level = LogLevel.Error, Message = "Connection {ConnectionId}: the handler of \"{Action}\", {Type}, failed; the connection lives")]
    private static partial void LogRecovered(ILogger logger, string connectionId, string action, WsMessageType type, Exception exception);

    [LoggerMessage(EventId = 2111, EventName = "RecoveryAnswerFailed", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: the answer to a message that failed could not be sent")]
    private static partial void LogAnswerFailed(ILogger logger, string connectionId, Exception exception);
}
