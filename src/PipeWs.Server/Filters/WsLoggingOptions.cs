using Microsoft.Extensions.Logging;

namespace PipeWs.Server;

/// <summary>The levels of what <c>UseLogging</c> logs.</summary>
public sealed class WsLoggingOptions
{
    /// <summary>Of a message that was handled. Default <see cref="LogLevel.Debug"/>, since peers decide how many there are.</summary>
    public LogLevel MessageLevel { get; set; } = LogLevel.Debug;

    /// <summary>Of a connection that opened or ended. Default <see cref="LogLevel.Information"/>.</summary>
    public LogLevel ConnectionLevel { get; set; } = LogLevel.Information;
}
