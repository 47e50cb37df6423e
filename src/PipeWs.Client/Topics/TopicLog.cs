using Microsoft.Extensions.Logging;

namespace PipeWs.Client.Topics;

/// <summary>What a topic client logs, under <c>PipeWs.Client</c>. Event ids 3020-3039.</summary>
internal static partial class TopicLog
{
    [LoggerMessage(3020, LogLevel.Warning, "Client {Client}: topic {Topic} could not be joined: {Reason}", EventName = "JoinFailed")]
    public static partial void JoinFailed(ILogger logger, string client, string topic, string reason);

    [LoggerMessage(3021, LogLevel.Warning, "Client {Client}: messages {From} to {To} of topic {Topic} are missing: {Reason}", EventName = "Gap")]
    public static partial void Gap(ILogger logger, string client, string topic, long from, long to, string reason);

    [LoggerMessage(3022, LogLevel.Warning, "Client {Client}: no pong within {TimeoutMilliseconds:0} ms, the connection is dropped", EventName = "PongMissed")]
    public static partial void PongMissed(ILogger logger, string client, double timeoutMilliseconds);

    [LoggerMessage(3023, LogLevel.Information, "Client {Client}: {Joined} topics were joined again, {Failed} were not", EventName = "Rejoined")]
    public static partial void Rejoined(ILogger logger, string client, int joined, int failed);

    [LoggerMessage(3024, LogLevel.Debug, "Client {Client}: the buffer of {Topic} is full, {Overflow}", EventName = "BufferFull")]
    public static partial void BufferFull(ILogger logger, string client, string topic, WsTopicOverflow overflow);

    [LoggerMessage(3025, LogLevel.Warning, "Client {Client}: {Message}", EventName = "ServerError")]
    public static partial void ServerError(ILogger logger, string client, string message);

    [LoggerMessage(3026, LogLevel.Error, "Client {Client}: a task of the topics failed", EventName = "TaskFailed")]
    public static partial void TaskFailed(ILogger logger, string client, Exception exception);
}
