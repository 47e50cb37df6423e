using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PipeWs.Client.Tests.Support;

/// <summary>Tests that measure, or that need the machine to themselves.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "Alone";
}

internal sealed class Handler(Func<WsMessageType, ReadOnlySequence<byte>, CancellationToken, ValueTask> handle) : IMessageHandler
{
    public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken) => handle(type, payload, cancellationToken);
}

internal sealed class Ready(Func<WsClientConnection, CancellationToken, ValueTask> prepare) : IConnectionReadyHandler
{
    public ValueTask OnConnectionReadyAsync(WsClientConnection connection, CancellationToken cancellationToken) => prepare(connection, cancellationToken);
}

/// <summary>An application's logger that does something of its own, where it is called, at one event.</summary>
internal sealed class LogHook(string eventName, Action hook) : ILoggerFactory, ILogger
{
    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Name == eventName)
        {
            hook();
        }
    }

    public void Dispose()
    {
    }
}

/// <summary>Gives a new token each time it is asked, and counts.</summary>
internal sealed class CountingTokens(Func<int, WsToken>? create = null) : IAsyncTokenProvider
{
    private int _asked;
    private int _disposed;

    public int Asked => Volatile.Read(ref _asked);

    public int Disposed => Volatile.Read(ref _disposed);

    public ConcurrentQueue<WsTokenContext> Contexts { get; } = new();

    public ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken)
    {
        Contexts.Enqueue(context);
        int number = Interlocked.Increment(ref _asked);
        return ValueTask.FromResult<IReadOnlyList<WsToken>>([create?.Invoke(number) ?? new WsToken($"token-{number}")]);
    }

    public ValueTask DisposeAsync()
    {
        Interlocked.Increment(ref _disposed);
        return default;
    }
}
