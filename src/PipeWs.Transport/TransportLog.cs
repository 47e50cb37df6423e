using Microsoft.Extensions.Logging;

namespace PipeWs.Transport;

/// <summary>What the transport writes to its log. Event ids 4000 to 4099.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(EventId = 4000, Level = LogLevel.Information, Message = "{Loops} event loops by {Mechanism} serve {EndPoint}")]
    public static partial void Bound(ILogger logger, int loops, string mechanism, object? endPoint);

    [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "Code of the application kept the thread of event loop {Loop} for longer than StallTimeout; another thread goes on with the loop. Await what blocks, or hand it to the thread pool")]
    public static partial void LoopStalled(ILogger logger, int loop);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Error, Message = "Work that was scheduled on event loop {Loop} failed")]
    public static partial void WorkFailed(ILogger logger, int loop, Exception exception);

    [LoggerMessage(EventId = 4003, Level = LogLevel.Warning, Message = "No connection can be accepted at {EndPoint} for now: {Error}. Trying again in {Delay}")]
    public static partial void AcceptHeldUp(ILogger logger, object? endPoint, string error, TimeSpan delay);

    [LoggerMessage(EventId = 4004, Level = LogLevel.Debug, Message = "Connection {ConnectionId} was reset: {Error}")]
    public static partial void ConnectionReset(ILogger logger, string connectionId, string error);

    [LoggerMessage(EventId = 4005, Level = LogLevel.Debug, Message = "Connection {ConnectionId} failed: {Error}")]
    public static partial void ConnectionFailed(ILogger logger, string connectionId, string error);

    [LoggerMessage(EventId = 4006, Level = LogLevel.Error, Message = "A callback of the end of connection {ConnectionId} failed")]
    public static partial void ClosedCallbackFailed(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(EventId = 4007, Level = LogLevel.Error, Message = "Code of the application keeps the thread of event loop {Loop} for longer than StallTimeout, and the system gives no other to go on with the loop: its connections wait")]
    public static partial void LoopNotReplaced(ILogger logger, int loop, Exception exception);

    [LoggerMessage(EventId = 4008, Level = LogLevel.Warning, Message = "Connection {ConnectionId} is aborted, as it cannot be watched: {Error}")]
    public static partial void ConnectionNotWatched(ILogger logger, string connectionId, string error);
}
