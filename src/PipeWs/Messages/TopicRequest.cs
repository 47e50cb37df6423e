using System.Text;
using System.Text.Json;

namespace PipeWs.Messages;

/// <summary>Reads what a subscribe or unsubscribe names, in every dialect. All names are read and judged before any of them is acted on.</summary>
/// <remarks>
/// They come as <c>topic</c>, as <c>topics</c> (a list), or inside the body as <c>topic</c>, <c>topics</c> or <c>room_id</c>; each may be several in the exchanges'
/// way, <c>/path:A,B</c> for <c>/path:A</c> and <c>/path:B</c>. A <c>since</c> stands beside them.
/// </remarks>
internal static class TopicRequest
{
    /// <summary>The longest name of a room, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 255;

    private static readonly EnvelopeError Missing = EnvelopeError.BadRequest("the message names no \"topic\"");
    private static readonly EnvelopeError NotText = EnvelopeError.BadRequest("a topic is a string");
    private static readonly EnvelopeError Empty = EnvelopeError.BadRequest("a topic's name is not empty");
    private static readonly EnvelopeError TooLong = EnvelopeError.BadRequest($"a topic's name is at most {MaxNameBytes} bytes");

    /// <summary>Reads the names and where to begin.</summary>
    /// <param name="message">The message.</param>
    /// <param name="envelope">Its envelope.</param>
    /// <param name="maxTopics">How many names are accepted.</param>
    /// <param name="topics">Gets the names.</param>
    /// <param name="since">Where to begin.</param>
    public static EnvelopeError Read(ReadOnlySpan<byte> message, in Envelope envelope, int maxTopics, List<string> topics, out SinceValue since)
    {
        ReadOnlySpan<byte> sinceJson = envelope.Since.Of(message);
        EnvelopeError error = default;
        if (!envelope.Topic.IsEmpty)
        {
            error = AddTopic(envelope.Topic.Of(message), maxTopics, topics);
        }

        if (!error.IsError && !envelope.Topics.IsEmpty)
        {
            error = AddTopics(envelope.Topics.Of(message), maxTopics, topics);
        }

        ReadOnlySpan<byte> body = envelope.Body.Of(message);
        if (!error.IsError && !body.IsEmpty && body[0] == (byte)'{')
        {
            error = AddBody(body, topics.Count == 0, maxTopics, topics, ref sinceJson);
        }

        since = default;
        return error.IsError ? error
            : topics.Count == 0 ? Missing
            : SinceValue.Read(sinceJson, out since);
    }

    private static EnvelopeError AddBody(ReadOnlySpan<byte> body, bool readTopics, int maxTopics, List<string> topics, ref ReadOnlySpan<byte> since)
    {
        var reader = new Utf8JsonReader(body);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool one = readTopics && (reader.ValueTextEquals("topic"u8) || reader.ValueTextEquals("room_id"u8));
            bool many = readTopics && reader.ValueTextEquals("topics"u8);
            bool isSince = since.IsEmpty && reader.ValueTextEquals("since"u8);
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            ReadOnlySpan<byte> value = body[start..(int)reader.BytesConsumed];
            EnvelopeError error = one ? AddTopic(value, maxTopics, topics) : many ? AddTopics(value, maxTopics, topics) : default;
            if (error.IsError)
            {
                return error;
            }

            if (isSince && !value.SequenceEqual("null"u8))
            {
                since = value;
            }
        }

        return default;
    }

    private static EnvelopeError AddTopics(ReadOnlySpan<byte> array, int maxTopics, List<string> topics)
    {
        if (array[0] != (byte)'[')
        {
            return NotText;
        }

        var reader = new Utf8JsonReader(array);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                return NotText;
            }

            EnvelopeError error = AddTopic(array.Slice((int)reader.TokenStartIndex, reader.ValueSpan.Length + 2), maxTopics, topics);
            if (error.IsError)
            {
                return error;
            }
        }

        return default;
    }

    private static EnvelopeError AddTopic(ReadOnlySpan<byte> token, int maxTopics, List<string> topics)
    {
        if (token[0] != (byte)'"')
        {
            return NotText;
        }

        string text = JsonText.Decode(token);
        int colon = text.StartsWith('/') ? text.IndexOf(':', StringComparison.Ordinal) : -1;
        if (colon < 0 || text.IndexOf(',', colon) < 0)
        {
            return Add(text, maxTopics, topics);
        }

        // The names share the path, so a long path times many names grows as their product: every name is judged before the next is made.
        ReadOnlySpan<char> path = text.AsSpan(0, colon + 1);
        ReadOnlySpan<char> list = text.AsSpan(colon + 1);
        if (path.Length > MaxNameBytes)
        {
            return TooLong;
        }

        foreach (Range part in list.Split(','))
        {
            ReadOnlySpan<char> name = list[part].Trim(' ');
            EnvelopeError error = name.IsEmpty ? Empty : name.Length > MaxNameBytes ? TooLong : Add(string.Concat(path, name), maxTopics, topics);
            if (error.IsError)
            {
                return error;
            }
        }

        return default;
    }

    private static EnvelopeError Add(string topic, int maxTopics, List<string> topics)
    {
        if (topic.Length == 0)
        {
            return Empty;
        }

        if (topic.Length > MaxNameBytes || Encoding.UTF8.GetByteCount(topic) > MaxNameBytes)
        {
            return TooLong;
        }

        if (topics.Count >= maxTopics)
        {
            return EnvelopeError.BadRequest($"at most {maxTopics} topics in one message");
        }

        topics.Add(topic);
        return default;
    }
}
