using Microsoft.Extensions.Logging;

namespace PipeWs.Client.Diagnostics;

/// <summary>What the client logs, under <c>PipeWs.Client</c>. Event ids 3000-3019. Queries and tokens are never logged.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(3000, LogLevel.Information, "Client {Client} is connected to {Endpoint}, connection {Number}", EventName = "Connected")]
    public static partial void Connected(ILogger logger, string client, string endpoint, int number);

    [LoggerMessage(3001, LogLevel.Information, "Client {Client}'s connection to {Endpoint} ended with {Code} {Reason}", EventName = "Disconnected")]
    public static partial void Disconnected(ILogger logger, string client, string endpoint, int code, string reason);

    [LoggerMessage(3002, LogLevel.Information, "Client {Client} makes attempt {Attempt} to connect in {DelayMilliseconds:0} ms, after {Code} {Reason}", EventName = "Reconnecting")]
    public static partial void Reconnecting(ILogger logger, string client, int attempt, double delayMilliseconds, int code, string reason);

    [LoggerMessage(3003, LogLevel.Error, "Client {Client} has given up connecting after {Code} {Reason}", EventName = "GaveUp")]
    public static partial void GaveUp(ILogger logger, string client, int code, string reason);

    [LoggerMessage(3004, LogLevel.Warning, "Client {Client}: {Message}", EventName = "ClientError")]
    public static partial void Error(ILogger logger, string client, string message, Exception exception);

    [LoggerMessage(3005, LogLevel.Warning, "Client {Client}: {Callback} of the application threw", EventName = "CallbackFailed")]
    public static partial void CallbackFailed(ILogger logger, string client, string callback, Exception exception);

    [LoggerMessage(3006, LogLevel.Information, "Client {Client} was stopped", EventName = "Stopped")]
    public static partial void Stopped(ILogger logger, string client);
}
