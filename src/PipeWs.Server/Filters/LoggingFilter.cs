using Microsoft.Extensions.Logging;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Filters;

/// <summary>Logs messages: which, how large, how long, what came of it.</summary>
internal sealed partial class LoggingFilter(WsLoggingOptions options, FilterScope scope) : IWsMessageFilter
{
    private readonly ILogger _logger = scope.Logger;
    private readonly TimeProvider _time = scope.Time;
    private readonly LogLevel _level = options.MessageLevel;

    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next) => _logger.IsEnabled(_level) ? Measure(context, next) : next(context);

    private ValueTask Measure(WsMessageContext context, WsMessageDelegate next)
    {
        long start = _time.GetTimestamp();
        ValueTask pending;
        try
        {
            pending = next(context);
        }
        catch (Exception e)
        {
            Failed(context, start, e);
            throw;
        }

        if (!pending.IsCompletedSuccessfully)
        {
            return MeasureAwaited(pending, context, start);
        }

        pending.GetAwaiter().GetResult();
        Handled(context, start);
        return default;
    }

    private async ValueTask MeasureAwaited(ValueTask pending, WsMessageContext context, long start)
    {
        try
        {
            await pending;
        }
        catch (Exception e)
        {
            Failed(context, start, e);
            throw;
        }

        Handled(context, start);
    }

    private void Handled(WsMessageContext context, long start)
    {
        double elapsed = _time.GetElapsedTime(start).TotalMilliseconds;
        string? id = Loggable(context.RequestId);
        LogHandled(_logger, _level, context.Connection.Id, context.Action, id, context.Type, context.Payload.Length, elapsed, context.ErrorCode);
    }

    // Whoever catches it logs the exception itself.
    private void Failed(WsMessageContext context, long start, Exception e)
    {
        double elapsed = _time.GetElapsedTime(start).TotalMilliseconds;
        string? id = Loggable(context.RequestId);
        string type = e.GetType().Name;
        LogFailed(_logger, _level, context.Connection.Id, context.Action, id, context.Type, context.Payload.Length, elapsed, type);
    }

    private static string? Loggable(string? id) => id is null ? null : LogText.Of(id);

    [LoggerMessage(EventId = 2120, EventName = "MessageHandled", Message = "Connection {ConnectionId}: \"{Action}\" {RequestId}, {Type} of {PayloadBytes} bytes, took {ElapsedMilliseconds} ms, error {ErrorCode}")]
    private static partial void LogHandled(
        ILogger logger, LogLevel level, string connectionId, string action, string? requestId, WsMessageType type, long payloadBytes, double elapsedMilliseconds, int errorCode);

    [LoggerMessage(EventId = 2121, EventName = "MessageFailed", Message = "Connection {ConnectionId}: \"{Action}\" {RequestId}, {Type} of {PayloadBytes} bytes, failed after {ElapsedMilliseconds} ms with {ExceptionType}")]
    private static partial void LogFailed(
        ILogger logger, LogLevel level, string connectionId, string action, string? requestId, WsMessageType type, long payloadBytes, double elapsedMilliseconds, string exceptionType);
}
