using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PipeWs.Testing;

/// <summary>Keeps what an application logs, in order. Safe from any thread.</summary>
public sealed class WsTestLog : ILoggerProvider
{
    private const int MaxTold = 8;

    private readonly ConcurrentQueue<WsTestLogLine> _lines = new();

    /// <summary>All lines so far, of every level.</summary>
    public IReadOnlyList<WsTestLogLine> Lines => [.. _lines];

    /// <summary>The warnings, errors and worse so far.</summary>
    public IReadOnlyList<WsTestLogLine> Problems => [.. _lines.Where(static line => line.Level >= LogLevel.Warning)];

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, _lines);

    /// <summary>Does nothing: what was logged stays.</summary>
    public void Dispose()
    {
    }

    internal string Describe()
    {
        string[] told = [.. _lines.Where(static line => line.Level >= LogLevel.Information).TakeLast(MaxTold).Select(static line => $"  {line}")];
        return told.Length == 0 ? "The server logged nothing." : $"The server's last lines in the log:\n{string.Join("\n", told)}";
    }

    private sealed class Logger(string category, ConcurrentQueue<WsTestLogLine> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            ArgumentNullException.ThrowIfNull(formatter);
            lines.Enqueue(new WsTestLogLine(category, logLevel, eventId, formatter(state, exception), exception));
        }
    }
}

/// <summary>One line of a log.</summary>
/// <param name="Category">The logger's category.</param>
/// <param name="Level">The level.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Text">The text.</param>
/// <param name="Exception">The exception, where there is one.</param>
public sealed record WsTestLogLine(string Category, LogLevel Level, EventId Id, string Text, Exception? Exception)
{
    /// <summary>Level, category, id and text, and the exception's type and message.</summary>
    public override string ToString() => $"{Level} {Category} {Id.Id}: {Text}{(Exception is null ? "" : $" ({Exception.GetType().Name}: {Exception.Message})")}";
}
