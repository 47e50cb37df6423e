using System.Net;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Filters;

/// <summary>Logs connections when they open and end.</summary>
internal sealed partial class ConnectionLoggingFilter(WsLoggingOptions options, FilterScope scope) : IWsConnectionFilter
{
    private readonly ILogger _logger = scope.Logger;
    private readonly TimeProvider _time = scope.Time;
    private readonly LogLevel _level = options.ConnectionLevel;

    public Task InvokeAsync(IWsConnection connection, WsConnectionDelegate next) => _logger.IsEnabled(_level) ? LogAsync(connection, next) : next(connection);

    private async Task LogAsync(IWsConnection connection, WsConnectionDelegate next)
    {
        long start = _time.GetTimestamp();
        string path = LogText.Of(connection.Path);
        LogOpened(_logger, _level, connection.Id, connection.RemoteEndPoint, path, connection.Subprotocol, connection.UserId);
        await next(connection);
        if (connection.Closed is { IsCompletedSuccessfully: true } closed)
        {
            WsCloseInfo info = await closed;
            double elapsed = _time.GetElapsedTime(start).TotalSeconds;
            LogEnded(_logger, _level, connection.Id, info.Code, info.Initiator, info.WasClean, elapsed);
        }
    }

    [LoggerMessage(EventId = 2122, EventName = "ConnectionOpened", Message = "Connection {ConnectionId} from {RemoteEndPoint} opened at {Path}, subprotocol {Subprotocol}, user {UserId}")]
    private static partial void LogOpened(ILogger logger, LogLevel level, string connectionId, EndPoint? remoteEndPoint, string path, string? subprotocol, string? userId);

    [LoggerMessage(EventId = 2123, EventName = "ConnectionEnded", Message = "Connection {ConnectionId} ended with {CloseCode}, begun by {Initiator}, clean: {WasClean}, after {ElapsedSeconds} s")]
    private static partial void LogEnded(ILogger logger, LogLevel level, string connectionId, ushort closeCode, WsCloseInitiator initiator, bool wasClean, double elapsedSeconds);
}
