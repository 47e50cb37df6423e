using System.Text.Json;

namespace PipeWs.Messages;

/// <summary>The <c>since</c> of a subscribe: where in a room's log to begin. <c>default</c> is the head.</summary>
/// <param name="IsLast">One message back: <c>"last"</c>.</param>
/// <param name="Epoch">The epoch that was being read; null where no message is named.</param>
/// <param name="SequenceNumber">The last message that was received.</param>
internal readonly record struct SinceValue(bool IsLast, string? Epoch, long SequenceNumber)
{
    private static readonly EnvelopeError Unreadable = EnvelopeError.BadRequest("\"since\" is \"last\", or an object with \"epoch\" and \"sn\"");

    /// <summary>Reads <c>"last"</c> or <c>{"epoch":"x","sn":57}</c>.</summary>
    /// <param name="json">A valid JSON value that <see cref="EnvelopeReader"/> accepted; the head where empty.</param>
    /// <param name="since">The value.</param>
    public static EnvelopeError Read(ReadOnlySpan<byte> json, out SinceValue since)
    {
        since = default;
        if (json.IsEmpty)
        {
            return default;
        }

        if (json[0] == (byte)'"')
        {
            since = new SinceValue(true, null, 0);
            return JsonText.Decode(json) == "last" ? default : Unreadable;
        }

        if (json[0] != (byte)'{')
        {
            return Unreadable;
        }

        string? epoch = null;
        long? sequenceNumber = null;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("epoch"u8))
            {
                reader.Read();
                if (epoch is not null || reader.TokenType != JsonTokenType.String)
                {
                    return Unreadable;
                }

                epoch = JsonText.Decode(json.Slice((int)reader.TokenStartIndex, reader.ValueSpan.Length + 2));
            }
            else if (reader.ValueTextEquals("sn"u8))
            {
                reader.Read();
                if (sequenceNumber is not null || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number))
                {
                    return Unreadable;
                }

                sequenceNumber = number;
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (epoch is null || sequenceNumber is not >= 0)
        {
            return Unreadable;
        }

        since = new SinceValue(false, epoch, sequenceNumber.Value);
        return default;
    }
}
