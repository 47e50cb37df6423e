using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipeWs.Testing;

/// <summary>
/// A whole message that came or was sent, and what it says as one of the JSON messages. Immutable; its JSON is read when it is asked for.
/// </summary>
public sealed class WsTestMessage
{
    private JsonElement? _json;

    /// <summary>Creates a message.</summary>
    /// <param name="messageType">Text or binary.</param>
    /// <param name="payload">The payload, kept as it is.</param>
    public WsTestMessage(WsMessageType messageType, ReadOnlyMemory<byte> payload)
    {
        MessageType = messageType;
        Payload = payload;
    }

    /// <summary>Text or binary.</summary>
    public WsMessageType MessageType { get; }

    /// <summary>The payload.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>The payload as text.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);

    /// <summary>The whole message as JSON.</summary>
    /// <exception cref="WsAssertionException">It is binary, or not JSON.</exception>
    public JsonElement Json => _json ??= Parse();

    /// <summary>The discriminator: <c>type</c>, or <c>action</c>; null where there is none.</summary>
    public string? Type => String("type") ?? String("action");

    /// <summary>The <c>id</c>, a number as its text; null where there is none.</summary>
    public string? Id => Member("id") switch
    {
        { ValueKind: JsonValueKind.String } id => id.GetString(),
        { ValueKind: JsonValueKind.Number } id => id.GetRawText(),
        _ => null,
    };

    /// <summary>The <c>topic</c>; null where there is none.</summary>
    public string? Topic => String("topic");

    /// <summary>The <c>subject</c>; null where there is none.</summary>
    public string? Subject => String("subject");

    /// <summary>The <c>epoch</c>; null where there is none.</summary>
    public string? Epoch => String("epoch");

    /// <summary>The <c>reason</c> of a gap, or of what was not recovered; null where there is none.</summary>
    public string? Reason => String("reason");

    /// <summary>The <c>sn</c>; null where there is none.</summary>
    public long? SequenceNumber => Number("sn");

    /// <summary>The <c>code</c> of an error; null where there is none.</summary>
    public int? Code => (int?)Number("code");

    /// <summary>The first sequence number of a gap; null where there is none.</summary>
    public long? From => Number("from");

    /// <summary>The last sequence number of a gap; null where there is none.</summary>
    public long? To => Number("to");

    /// <summary>The <c>recovered</c> of an ack; null where there is none.</summary>
    public bool? Recovered => Member("recovered") is { ValueKind: JsonValueKind.True or JsonValueKind.False } recovered ? recovered.GetBoolean() : null;

    /// <summary>The body: <c>data</c>, or <c>payload</c>; of kind Undefined where there is none.</summary>
    public JsonElement Data => Member("data") ?? Member("payload") ?? default;

    /// <summary>Reads the whole message as a value.</summary>
    /// <exception cref="WsAssertionException">It is not JSON, or does not fit.</exception>
    public T Read<T>(JsonTypeInfo<T> type) => Deserialize(Json, type);

    /// <summary>Reads the body as a value.</summary>
    /// <exception cref="WsAssertionException">There is no body, or it does not fit.</exception>
    public T ReadData<T>(JsonTypeInfo<T> type) =>
        Data.ValueKind == JsonValueKind.Undefined ? throw new WsAssertionException($"The message has no data: {this}") : Deserialize(Data, type);

    /// <summary>The text, or the bytes in hexadecimal.</summary>
    public override string ToString() => MessageType == WsMessageType.Text ? Text : "0x" + Convert.ToHexString(Payload.Span);

    internal bool IsJsonOf(string type)
    {
        try
        {
            return MessageType == WsMessageType.Text && Type == type;
        }
        catch (WsAssertionException)
        {
            return false;
        }
    }

    private T Deserialize<T>(JsonElement json, JsonTypeInfo<T> type)
    {
        try
        {
            return json.Deserialize(type) ?? throw new WsAssertionException($"Null came where a {typeof(T).Name} was expected: {this}");
        }
        catch (JsonException e)
        {
            throw new WsAssertionException($"The message does not fit {typeof(T).Name}: {e.Message}\n{this}", e);
        }
    }

    private JsonElement Parse()
    {
        if (MessageType != WsMessageType.Text)
        {
            throw new WsAssertionException($"A binary message of {Payload.Length} bytes came where JSON was expected: {this}");
        }

        try
        {
            using var document = JsonDocument.Parse(Payload);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new WsAssertionException($"Text came where JSON was expected: {Text}", e);
        }
    }

    private JsonElement? Member(string name) => Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(name, out JsonElement member) ? member : null;

    private string? String(string name) => Member(name) is { ValueKind: JsonValueKind.String } member ? member.GetString() : null;

    private long? Number(string name) => Member(name) is { ValueKind: JsonValueKind.Number } member && member.TryGetInt64(out long number) ? number : null;
}
