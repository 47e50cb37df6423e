using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Client.Topics;
using PipeWs.Messages;

namespace PipeWs.Client;

/// <summary>
/// A message of the topic dialect. One that was read lies in a pooled buffer of its reader's own: dispose it to give the buffer back; what is not disposed is collected as garbage.
/// One that a handler was given is borrowed until the handler's task completes; <see cref="Copy"/> keeps it. After either it has no content any more. Safe to read from any thread.
/// </summary>
public readonly struct WsTopicMessage : IDisposable
{
    private readonly TopicFrame? _frame;
    private readonly int _version;

    internal WsTopicMessage(TopicFrame frame)
    {
        _frame = frame;
        _version = frame.Version;
    }

    /// <summary>Whether this is no message at all: the answer to a request that wanted none.</summary>
    public bool IsDefault => _frame is null;

    /// <summary>The id; null where there is none.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed, or the handler it was borrowed for has returned.</exception>
    public string? Id => Decode(Checked().Envelope.Id);

    /// <summary>The type, such as <c>message</c> or <c>ack</c>; <c>gap</c> for a gap; empty for a message of another dialect.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public string Type => Checked().GetTypeText();

    /// <summary>The sequence number within the topic's epoch; null where there is none.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public long? SequenceNumber => Checked().Envelope is { HasSequenceNumber: true, SequenceNumber: var number } ? number : null;

    /// <summary>The epoch that the sequence number belongs to; null where the topic has none, or the message came through no subscription.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public string? Epoch => Checked().Epoch;

    /// <summary>The topic; null where there is none.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public string? Topic => Checked() is { Topic: { } topic } ? topic : Decode(Checked().Envelope.Topic);

    /// <summary>The subject; null where there is none. Decoded anew at each call.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public string? Subject => Decode(Checked().Envelope.Subject);

    /// <summary>The subject's bytes as they came, escapes not decoded; empty where there is none. To compare without allocating.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public ReadOnlySpan<byte> SubjectUtf8 => Checked().Envelope.Subject is { IsEmpty: false } subject ? subject.ContentOf(_frame!.Raw.Span) : default;

    /// <summary>Whether it came on a private channel.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public bool PrivateChannel => Checked().Envelope.PrivateChannel;

    /// <summary>Whether its sender wants an ack.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public bool Response => Checked().Envelope.Response;

    /// <summary>The data as raw JSON, one value; empty where there is none.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public ReadOnlyMemory<byte> Data => Checked().Data;

    /// <summary>The whole message as it came; for a gap that this client found, as the server would have said it.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public ReadOnlyMemory<byte> RawJson => Checked().GetRaw();

    /// <summary>Whether it is no message but says that some are missing.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public bool IsGap => Checked().Gap is not null;

    /// <summary>What is missing here; null where this is a message.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public WsTopicGap? Gap => Checked().Gap;

    internal TopicFrame? Frame => _frame;

    /// <summary>Reads the data as JSON.</summary>
    /// <returns>The value; <see langword="default"/> where there is no data.</returns>
    /// <exception cref="JsonException">It is not the JSON of such a value.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed, or the handler it was borrowed for has returned.</exception>
    public T? GetData<T>(JsonTypeInfo<T> type)
    {
        ReadOnlyMemory<byte> data = Checked().Data;
        return data.IsEmpty ? default : JsonSerializer.Deserialize(data.Span, type);
    }

    /// <summary>A copy of the caller's own, for as long as wanted. Dispose it too.</summary>
    /// <inheritdoc cref="Id" path="/exception"/>
    public WsTopicMessage Copy() => new(Checked().Copy());

    /// <summary>Gives the buffer back. A second time, or for a borrowed message, it does nothing.</summary>
    public void Dispose() => _frame?.Release(_version);

    /// <summary>The message's type, topic and length.</summary>
    public override string ToString() => _frame is not null && _frame.Version == _version ? $"{Type} {Topic} {SequenceNumber}, {RawJson.Length} bytes" : "disposed";

    private string? Decode(JsonRange range) => range.IsEmpty ? null : JsonText.Decode(range.Of(_frame!.Raw.Span));

    private TopicFrame Checked()
    {
        ObjectDisposedException.ThrowIf(_frame is null || _frame.Version != _version, typeof(WsTopicMessage));
        return _frame;
    }
}
