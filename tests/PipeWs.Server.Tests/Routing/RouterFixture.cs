using System.Buffers;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

/// <summary>A router, one connection and what came of the messages given to it.</summary>
internal sealed class RouterFixture : IBuiltInMessages, ILogger
{
    private readonly HubRegistration _registration = new();
    private Router? _router;
    private RequestContext? _context;

    public RecordingConnection Connection { get; } = new();

    public RouterOptions Options { get; set; } = new();

    public List<(LogLevel Level, int EventId, string Message, Exception? Exception)> Logged { get; } = [];

    public List<string> Calls { get; } = [];

    public WsJoinResult JoinResult { get; set; } = new(WsJoinStatus.Joined, "e1", 58, null, null);

    public RequestContext Context => _context ??= new RequestContext(null!, Connection, null!);

    public Router Router => _router ??= new Router(_registration, this, this, Options);

    public RouterFixture OnText(Func<WsMessageContext, ValueTask> handler)
    {
        _registration.OnText = handler;
        return this;
    }

    public RouterFixture OnBinary(Func<WsMessageContext, ValueTask> handler)
    {
        _registration.OnBinary = handler;
        return this;
    }

    public RouterFixture Map(string action, Func<WsMessageContext, ValueTask> handler)
    {
        _registration.Actions.Add(new RawRoute(action, handler));
        return this;
    }

    public RouterFixture Map<T>(string action, JsonTypeInfo<T> type, Func<WsMessageContext, T, ValueTask> handler)
    {
        _registration.Actions.Add(new TypedRoute<T>(action, type, handler));
        return this;
    }

    /// <summary>Dispatches a text message and gives what was sent because of it.</summary>
    public async Task<string[]> Send(string json) => await Send(Encoding.UTF8.GetBytes(json));

    public async Task<string[]> Send(byte[] message) => await Send(new ReadOnlySequence<byte>(message), WsMessageType.Text);

    public async Task<string[]> Send(ReadOnlySequence<byte> payload, WsMessageType type)
    {
        Connection.Sent.Clear();
        await Router.DispatchAsync(Context, payload, type);
        return [.. Connection.Sent];
    }

    public async ValueTask OnSubscribeAsync(RequestContext context, IReadOnlyList<string> topics, WsSince since)
    {
        Calls.Add($"subscribe {string.Join('|', topics)} {since.Kind} {since.Epoch} {since.SequenceNumber}");
        foreach (string topic in topics)
        {
            await context.ReplyJoinAsync(topic, JoinResult);
        }
    }

    public async ValueTask OnUnsubscribeAsync(RequestContext context, IReadOnlyList<string> topics)
    {
        Calls.Add($"unsubscribe {string.Join('|', topics)}");
        foreach (string topic in topics)
        {
            await context.ReplyLeaveAsync(topic);
        }
    }

    public ValueTask OnAckAsync(RequestContext context, string topic, long sequenceNumber)
    {
        Calls.Add($"ack {topic} {sequenceNumber}");
        return default;
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Logged.Add((logLevel, eventId.Id, formatter(state, exception), exception));

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;
}
