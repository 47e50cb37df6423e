using Microsoft.Extensions.Logging;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Routing;

internal sealed partial class Router
{
    // At Debug, since a peer decides how often it happens; no text of the peer's is in it but an unknown action's name.
    private void MessageRefused(string connectionId, int code, string reason)
    {
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            string text = LogText.Of(reason);
            LogMessageRefused(connectionId, code, text);
        }
    }

    [LoggerMessage(EventId = 300, EventName = "MessageRefused", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: refused a message with {Code}, {Reason}")]
    private partial void LogMessageRefused(string connectionId, int code, string reason);

    [LoggerMessage(EventId = 301, EventName = "HandlerFailed", Level = LogLevel.Error, Message = "Connection {ConnectionId}: the handler of \"{Action}\" failed")]
    private partial void HandlerFailed(string connectionId, string action, Exception exception);

    [LoggerMessage(EventId = 302, EventName = "ReplyFailed", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: an answer could not be sent")]
    private partial void ReplyFailed(string connectionId, Exception exception);

    [LoggerMessage(EventId = 303, EventName = "HandlerEndedWithConnection", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: the handler of \"{Action}\" ended with the connection")]
    private partial void HandlerEndedWithConnection(string connectionId, string action, Exception exception);
}
