using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipeWs.Testing;

// The JSON messages of a hub.
public sealed partial class WsTestPeer
{
    private int _lastRequest;

    /// <summary>Takes the next message, which must be text with exactly this content.</summary>
    /// <exception cref="WsAssertionException">Another message came, or none.</exception>
    public Task<WsTestMessage> ExpectTextAsync(string text, CancellationToken cancellationToken = default) =>
        ReadAsync($"the text \"{text}\"", message => message.MessageType == WsMessageType.Text && message.Text == text, cancellationToken);

    /// <summary>Takes the next message, which must be a JSON message of this type.</summary>
    /// <param name="type">Such as <c>ack</c>, <c>error</c>, <c>message</c>, <c>gap</c>, or a type of the application's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WsAssertionException">Another message came, or none.</exception>
    public Task<WsTestMessage> ExpectAsync(string type, CancellationToken cancellationToken = default) =>
        ReadAsync($"a message of type \"{type}\"", message => message.IsJsonOf(type), cancellationToken);

    /// <summary>Takes the next message, which must be the error with this code.</summary>
    /// <exception cref="WsAssertionException">Another message came, or none.</exception>
    public Task<WsTestMessage> ExpectErrorAsync(int code, CancellationToken cancellationToken = default) =>
        ReadAsync($"an error {code}", message => message.IsJsonOf("error") && message.Code == code, cancellationToken);

    /// <summary>Takes the next message, which must be a room's.</summary>
    /// <param name="topic">The room.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WsAssertionException">Another message came, or none.</exception>
    public Task<WsTestMessage> ExpectRoomMessageAsync(string topic, CancellationToken cancellationToken = default) =>
        ReadAsync($"a message of the room \"{topic}\"", message => message.IsJsonOf("message") && message.Topic == topic, cancellationToken);

    /// <summary>
    /// Nothing came that was not read yet, and nothing is about to: the other end, where it is a hub in this process, has done all that it does without being told more.
    /// Pings and pongs do not count.
    /// </summary>
    /// <exception cref="WsAssertionException">A message or a close frame came.</exception>
    public async Task ExpectNothingAsync()
    {
        await _transport.WhenIdleAsync();
        lock (_gate)
        {
            int index = _inbox.FindIndex(static arrived => arrived.Frame.Opcode is not (Protocol.Framing.Opcode.Ping or Protocol.Framing.Opcode.Pong));
            if (index >= 0)
            {
                throw Failure("nothing", $"there is: {_inbox[index].Frame}");
            }
        }
    }

    /// <summary>Reads on until a JSON message of this type comes; others are passed over.</summary>
    /// <exception cref="WsAssertionException">None came in time, or the connection was closed or has ended.</exception>
    public Task<WsTestMessage> UntilAsync(string type, CancellationToken cancellationToken = default) =>
        ReadUntilAsync($"a message of type \"{type}\" sooner or later", message => message.IsJsonOf(type), [], cancellationToken);

    /// <summary>Reads on until a message meets a condition; others are passed over.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="what">What is waited for, for the failure's message.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WsAssertionException">None came in time, or the connection was closed or has ended.</exception>
    public Task<WsTestMessage> UntilAsync(Func<WsTestMessage, bool> condition, string what, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return ReadUntilAsync(what, condition, [], cancellationToken);
    }

    /// <summary>
    /// Sends <c>{"id":...,"action":action,"data":data}</c> with an id of its own and takes the answer to it, wherever it is among what came: the rest stays to be read.
    /// </summary>
    /// <param name="action">The action.</param>
    /// <param name="data">One JSON value; null for none.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="WsAssertionException">No answer came in time, or the connection was closed or has ended.</exception>
    public async Task<WsTestMessage> RequestAsync(string action, string? data = null, CancellationToken cancellationToken = default)
    {
        string id = NextId();
        await SendTextAsync($$"""{"id":"{{id}}","action":{{Quote(action)}}{{(data is null ? "" : ",\"data\":" + data)}}}""");
        return await PickAnswerAsync(id, $"an answer to \"{action}\"", cancellationToken);
    }

    /// <inheritdoc cref="RequestAsync(string, string?, CancellationToken)"/>
    /// <param name="action">The action.</param>
    /// <param name="data">The data.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public Task<WsTestMessage> RequestAsync<T>(string action, T data, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) =>
        RequestAsync(action, JsonSerializer.Serialize(data, type), cancellationToken);

    /// <summary>Sends <c>{"action":action,"data":data}</c> without an id, which asks for no answer.</summary>
    /// <param name="action">The action.</param>
    /// <param name="data">One JSON value; null for none.</param>
    public Task SendActionAsync(string action, string? data = null) =>
        SendTextAsync($$"""{"action":{{Quote(action)}}{{(data is null ? "" : ",\"data\":" + data)}}}""");

    /// <inheritdoc cref="SendActionAsync(string, string?)"/>
    /// <param name="action">The action.</param>
    /// <param name="data">The data.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    public Task SendActionAsync<T>(string action, T data, JsonTypeInfo<T> type) => SendActionAsync(action, JsonSerializer.Serialize(data, type));

    /// <summary>Subscribes to a room and gives the ack: its epoch, head and whether a resume was <see cref="WsTestMessage.Recovered"/>.</summary>
    /// <param name="topic">The room.</param>
    /// <param name="sinceEpoch">The epoch that was being read, to resume; null for the head.</param>
    /// <param name="sinceSequenceNumber">The last sequence number that was received.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="WsAssertionException">The hub answered with an error, or not in time.</exception>
    public Task<WsTestMessage> SubscribeAsync(string topic, string? sinceEpoch = null, long sinceSequenceNumber = 0, CancellationToken cancellationToken = default) =>
        AskRoomAsync(
            "subscribe",
            topic,
            sinceEpoch is null ? "" : string.Create(CultureInfo.InvariantCulture, $",\"since\":{{\"epoch\":{Quote(sinceEpoch)},\"sn\":{sinceSequenceNumber}}}"),
            cancellationToken);

    /// <summary>Subscribes to a room from its newest message on, and gives the ack.</summary>
    /// <exception cref="WsAssertionException">The hub answered with an error, or not in time.</exception>
    public Task<WsTestMessage> SubscribeFromLastAsync(string topic, CancellationToken cancellationToken = default) =>
        AskRoomAsync("subscribe", topic, ",\"since\":\"last\"", cancellationToken);

    /// <summary>Unsubscribes from a room and gives the ack.</summary>
    /// <exception cref="WsAssertionException">The hub answered with an error, or not in time.</exception>
    public Task<WsTestMessage> UnsubscribeAsync(string topic, CancellationToken cancellationToken = default) => AskRoomAsync("unsubscribe", topic, "", cancellationToken);

    /// <summary>Acknowledges a room's messages up to a number, and waits until the hub has taken it.</summary>
    /// <exception cref="WsAssertionException">The hub answered with an error, or not in time.</exception>
    public Task<WsTestMessage> AcknowledgeAsync(string topic, long sequenceNumber, CancellationToken cancellationToken = default) =>
        AskRoomAsync("ack", topic, string.Create(CultureInfo.InvariantCulture, $",\"sn\":{sequenceNumber}"), cancellationToken);

    private async Task<WsTestMessage> AskRoomAsync(string type, string topic, string more, CancellationToken cancellationToken)
    {
        string id = NextId();
        await SendTextAsync($$"""{"id":"{{id}}","type":"{{type}}","topic":{{Quote(topic)}}{{more}}}""");
        WsTestMessage answer = await PickAnswerAsync(id, $"the ack of \"{type}\" to \"{topic}\"", cancellationToken);
        return answer.IsJsonOf("ack") ? answer : throw Failure($"the ack of \"{type}\" to \"{topic}\"", $"the hub answered: {Shorten(answer.Text)}");
    }

    private Task<WsTestMessage> PickAnswerAsync(string id, string expected, CancellationToken cancellationToken) =>
        PickAsync(expected, message => IsAnswerTo(message, id), cancellationToken);

    private static bool IsAnswerTo(WsTestMessage message, string id)
    {
        try
        {
            return message.MessageType == WsMessageType.Text && message.Id == id;
        }
        catch (WsAssertionException)
        {
            // Text that is not JSON, among other messages.
            return false;
        }
    }

    private string NextId() => string.Create(CultureInfo.InvariantCulture, $"test-{Interlocked.Increment(ref _lastRequest)}");

    private static string Quote(string text) => $"\"{Encoding.UTF8.GetString(JsonEncodedText.Encode(text).EncodedUtf8Bytes)}\"";
}
