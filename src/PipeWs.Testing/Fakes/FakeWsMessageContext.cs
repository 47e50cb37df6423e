using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// A message as a handler gets it, for unit tests of handlers: a test makes one, calls the handler with it and looks at <see cref="Replies"/>, at
/// <see cref="FakeWsSender.Sent"/> of its connection and at its hub. Nothing in it is borrowed.
/// </summary>
public sealed class FakeWsMessageContext : WsMessageContext
{
    private static readonly IServiceProvider s_noServices = new ServiceCollection().BuildServiceProvider();

    private readonly ConcurrentQueue<FakeWsReply> _replies = new();
    private volatile bool _hasReplied;
    private volatile int _errorCode;

    private FakeWsMessageContext(FakeWsConnection? connection, WsMessageType type, ReadOnlyMemory<byte> payload)
    {
        Connection = connection ?? new FakeWsConnection();
        Type = type;
        Payload = new ReadOnlySequence<byte>(payload);
    }

    /// <inheritdoc/>
    public override FakeWsHub Hub => Connection.Hub;

    /// <inheritdoc/>
    public override FakeWsConnection Connection { get; }

    /// <summary>The application's services; empty unless a test gives some.</summary>
    public override IServiceProvider Services => GivenServices ?? s_noServices;

    /// <inheritdoc/>
    public override WsMessageType Type { get; }

    /// <inheritdoc/>
    public override ReadOnlySequence<byte> Payload { get; }

    /// <inheritdoc/>
    public override bool IsFirstPart => IsFirst;

    /// <inheritdoc/>
    public override bool IsLastPart => IsLast;

    /// <inheritdoc/>
    public override string Action => ActionOrNone;

    /// <inheritdoc/>
    public override string? RequestId => Id;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Body => BodyOrNone;

    /// <inheritdoc/>
    public override string? Topic => TopicOrNone;

    /// <inheritdoc/>
    public override bool HasReplied => _hasReplied;

    /// <inheritdoc/>
    public override int ErrorCode => _errorCode;

    /// <summary>What the handler answered, errors among it, in order.</summary>
    public IReadOnlyList<FakeWsReply> Replies => [.. _replies];

    /// <summary>The one answer of the handler's.</summary>
    /// <exception cref="WsAssertionException">There is none, or several.</exception>
    public FakeWsReply Reply => Replies is [var only]
        ? only
        : throw new WsAssertionException($"The handler answered {_replies.Count} times where one answer was expected.{string.Concat(_replies.Select(static reply => $"\n  {reply}"))}");

    private IServiceProvider? GivenServices { get; init; }

    private bool IsFirst { get; init; } = true;

    private bool IsLast { get; init; } = true;

    /// <summary>Whether the hub's text messages are JSON. A handler of raw text is only in one where they are not.</summary>
    private bool SpeaksJson => Type != WsMessageType.Text || ActionOrNone.Length > 0;

    private string ActionOrNone { get; init; } = "";

    private string? Id { get; init; }

    private string? TopicOrNone { get; init; }

    private ReadOnlyMemory<byte> BodyOrNone { get; init; }

    /// <summary>A JSON message with an action.</summary>
    /// <param name="action">The action.</param>
    /// <param name="body">The body: one JSON value; null for none.</param>
    /// <param name="connection">The connection it came on; null for one of its own.</param>
    /// <param name="id">The request's id; null for none.</param>
    /// <param name="topic">The message's topic; null for none.</param>
    /// <param name="services">The application's services; null for none.</param>
    public static FakeWsMessageContext ForAction(
        string action, string? body = null, FakeWsConnection? connection = null, string? id = "1", string? topic = null, IServiceProvider? services = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(action);
        var message = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(message))
        {
            json.WriteStartObject();
            WriteString(json, "id", id);
            json.WriteString("action", action);
            WriteString(json, "topic", topic);
            if (body is not null)
            {
                json.WritePropertyName("data");
                json.WriteRawValue(body);
            }

            json.WriteEndObject();
        }

        return new FakeWsMessageContext(connection, WsMessageType.Text, message.WrittenMemory)
        {
            ActionOrNone = action,
            BodyOrNone = body is null ? default : Encoding.UTF8.GetBytes(body),
            Id = id,
            TopicOrNone = topic,
            GivenServices = services,
        };
    }

    /// <summary>A JSON message with an action, its body a value.</summary>
    /// <inheritdoc cref="ForAction(string, string?, FakeWsConnection?, string?, string?, IServiceProvider?)"/>
    /// <param name="action">The action.</param>
    /// <param name="body">The body.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="connection">The connection it came on; null for one of its own.</param>
    /// <param name="id">The request's id; null for none.</param>
    /// <param name="services">The application's services; null for none.</param>
    public static FakeWsMessageContext ForAction<T>(
        string action, T body, JsonTypeInfo<T> type, FakeWsConnection? connection = null, string? id = "1", IServiceProvider? services = null) =>
        ForAction(action, JsonSerializer.Serialize(body, type), connection, id, null, services);

    /// <summary>A text message, as <c>OnText</c> gets it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="connection">The connection it came on; null for one of its own.</param>
    public static FakeWsMessageContext ForText(string text, FakeWsConnection? connection = null) => new(connection, WsMessageType.Text, Encoding.UTF8.GetBytes(text));

    /// <summary>A binary message, as <c>OnBinary</c> gets it.</summary>
    /// <param name="payload">The payload.</param>
    /// <param name="connection">The connection it came on; null for one of its own.</param>
    public static FakeWsMessageContext ForBinary(ReadOnlyMemory<byte> payload, FakeWsConnection? connection = null) => new(connection, WsMessageType.Binary, payload);

    /// <summary>A part of a message, as <c>OnTextParts</c> and <c>OnBinaryParts</c> get it.</summary>
    /// <param name="type">Text or binary.</param>
    /// <param name="payload">The part.</param>
    /// <param name="isFirst">Whether the message begins here.</param>
    /// <param name="isLast">Whether it ends here.</param>
    /// <param name="connection">The connection it came on; null for one of its own.</param>
    public static FakeWsMessageContext ForPart(WsMessageType type, ReadOnlyMemory<byte> payload, bool isFirst, bool isLast, FakeWsConnection? connection = null) =>
        new(connection, type, payload) { IsFirst = isFirst, IsLast = isLast };

    /// <inheritdoc/>
    public override ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(type);
        return Answer(new FakeWsReply(type, data.IsEmpty ? null : new WsTestMessage(WsMessageType.Text, data.ToArray()), 0));
    }

    /// <inheritdoc/>
    public override ValueTask ReplyErrorAsync(int code, string message)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, 599);
        ArgumentNullException.ThrowIfNull(message);
        _errorCode = code;
        return Answer(new FakeWsReply("error", new WsTestMessage(WsMessageType.Text, Encoding.UTF8.GetBytes(message)), code));
    }

    /// <summary>Refuses as a hub does: an error among <see cref="Replies"/> unless it was answered, or is text that a hub takes raw. In any case <see cref="ErrorCode"/> says so.</summary>
    /// <inheritdoc/>
    public override ValueTask RefuseAsync(int code, string message)
    {
        _errorCode = code;
        return _hasReplied || !SpeaksJson ? default : ReplyErrorAsync(code, message);
    }

    private ValueTask Answer(FakeWsReply reply)
    {
        // It counts as an answer even where the connection ended before and nobody hears it.
        _hasReplied = true;
        if (Connection.IsEnding)
        {
            return ValueTask.FromException(new WsClosedException());
        }

        _replies.Enqueue(reply);
        return default;
    }

    private static void WriteString(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }
}

/// <summary>An answer of a handler's.</summary>
/// <param name="Type">The answer's type; <c>error</c> for an error.</param>
/// <param name="Content">The data; of an error its words. Null where there is none.</param>
/// <param name="Code">The code of an error; 0 otherwise.</param>
public sealed record FakeWsReply(string Type, WsTestMessage? Content, int Code)
{
    /// <summary>The content as text; empty where there is none.</summary>
    public string Text => Content?.Text ?? "";

    /// <summary>Reads the data as a value.</summary>
    /// <exception cref="WsAssertionException">There is none, or it does not fit.</exception>
    public T Read<T>(JsonTypeInfo<T> type) => (Content ?? throw new WsAssertionException($"The answer \"{Type}\" has no data.")).Read(type);

    /// <summary>Type, code and content.</summary>
    public override string ToString() => $"{Type}{(Code == 0 ? "" : $" {Code}")} {Text}".TrimEnd();
}
