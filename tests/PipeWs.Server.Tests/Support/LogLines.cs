using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server.Tests.Support;

/// <summary>Keeps what is logged.</summary>
internal sealed class LogLines : ILoggerProvider
{
    /// <summary>A loop's thread was kept from its work. A busy machine does that too, whatever a test does.</summary>
    private const int StalledLoop = 4001;

    private readonly ConcurrentQueue<Line> _lines = new();

    public IReadOnlyList<Line> All => [.. _lines];

    public IReadOnlyList<Line> PipeWs => [.. _lines.Where(line => line.Category.StartsWith("PipeWs", StringComparison.Ordinal))];

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, _lines);

    public void Dispose()
    {
    }

    public sealed record Line(string Category, LogLevel Level, EventId Id, string Text, Exception? Exception);

    private sealed class Logger(string category, ConcurrentQueue<Line> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= (category.StartsWith("PipeWs.Server", StringComparison.Ordinal) ? LogLevel.Information : LogLevel.Warning);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && eventId.Id != StalledLoop)
            {
                lines.Enqueue(new Line(category, logLevel, eventId, formatter(state, exception), exception));
            }
        }
    }
}
