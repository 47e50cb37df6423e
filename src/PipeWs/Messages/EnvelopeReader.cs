using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace PipeWs.Messages;

/// <summary>
/// Reads the envelope of one JSON message: what it is routed by, its id, where its body lies. Nothing is copied or allocated, and no exception escapes.
/// </summary>
/// <remarks>
/// The whole message is read, also what lies behind the body: a message is accepted only if all of it is JSON, and an error finds the request's id wherever
/// it stands. Only JSON that is broken ends the search for it. Members that only a server sends (<c>code</c>, <c>from</c>, <c>to</c>, <c>reason</c>,
/// <c>recovered</c>, <c>epoch</c>, the welcome's) are ignored where they hold something else, since an application may use their names for its own.
/// </remarks>
internal static partial class EnvelopeReader
{
    /// <summary>How deep objects and arrays may be nested, the message's own object counted.</summary>
    public const int MaxDepth = 32;

    /// <summary>The longest id, in bytes as it came, quotes included.</summary>
    public const int MaxIdBytes = 256;

    // The reader's own limit throws; ours is met first and costs nothing. Up to 64 levels the reader keeps its stack in one integer.
    private static readonly JsonReaderState State = new(new JsonReaderOptions { MaxDepth = 64 });

    private static readonly EnvelopeError[] Twice = [.. Enum.GetValues<EnvelopeMember>().Select(static member => EnvelopeError.BadRequest($"\"{NameOf(member)}\" is given twice"))];
    private static readonly EnvelopeError[] WrongKind = [.. Enum.GetValues<EnvelopeMember>().Select(static member => EnvelopeError.BadRequest($"\"{NameOf(member)}\" is not {KindOf(member)}"))];

    /// <summary>Reads one message.</summary>
    /// <param name="message">The message, contiguous.</param>
    /// <param name="names">The names to look for.</param>
    /// <param name="envelope">What was found. After an error only the id counts, if there was one.</param>
    /// <param name="validateUtf8">Whether to check that the message is UTF-8, where nobody did. The connection does for text messages.</param>
    public static EnvelopeError Read(ReadOnlySpan<byte> message, EnvelopeNames names, out Envelope envelope, bool validateUtf8 = false)
    {
        envelope = default;
        int start = message.IndexOfAnyExcept(" \t\r\n"u8);
        if (start < 0 || message[start] != (byte)'{')
        {
            return message.StartsWith("\uFEFF"u8) ? EnvelopeError.ByteOrderMark : EnvelopeError.NotAnObject;
        }

        if (validateUtf8 && !Utf8.IsValid(message))
        {
            return EnvelopeError.NotUtf8;
        }

        if (TryReadFast(message, start, names, ref envelope))
        {
            return default;
        }

        envelope = default;
        return ReadSlow(message, names, ref envelope);
    }

    /// <summary>Reads one message that begins with a brace, by Utf8JsonReader alone: the measure of what <see cref="Read"/> accepts.</summary>
    internal static EnvelopeError ReadSlow(ReadOnlySpan<byte> message, EnvelopeNames names, ref Envelope envelope)
    {
        // "Not the final block", so that JSON which ends too early is no exception but a false.
        var reader = new Utf8JsonReader(message, isFinalBlock: false, State);
        try
        {
            return ReadObject(ref reader, message, names, ref envelope);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return EnvelopeError.NotJson;
        }
    }

    private static EnvelopeError ReadObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> message, EnvelopeNames names, ref Envelope envelope)
    {
        EnvelopeError first = default;
        reader.Read();
        while (true)
        {
            if (!reader.Read())
            {
                return first.IsError ? first : EnvelopeError.Truncated;
            }

            if (reader.TokenType == JsonTokenType.EndObject)
            {
                break;
            }

            EnvelopeError error = default;
            EnvelopeMember member = !reader.ValueIsEscaped
                ? names.Find(reader.ValueSpan, out byte index)
                : FindEscaped(ref reader, names, out index, ref error);
            if (!reader.Read())
            {
                return first.IsError ? first : EnvelopeError.Truncated;
            }

            bool escaped = reader.ValueIsEscaped;
            JsonTokenType type = reader.TokenType;
            JsonRange range = ReadValue(ref reader, ref error);
            if (range.IsEmpty)
            {
                return first.IsError ? first : error;
            }

            if (!error.IsError && member != EnvelopeMember.Unknown)
            {
                error = Set(ref envelope, names, member, index, type, escaped, range, message);
            }

            if (error.IsError && !first.IsError)
            {
                first = error;
            }
        }

        if (first.IsError)
        {
            return first;
        }

        if (message[(int)reader.BytesConsumed..].IndexOfAnyExcept(" \t\r\n"u8) >= 0)
        {
            return EnvelopeError.TrailingData;
        }

        return envelope.Discriminator.IsEmpty ? names.NoDiscriminator : default;
    }

    // Passes over the value that the reader stands on. An empty range: nothing further can be read, and error says why.
    private static JsonRange ReadValue(ref Utf8JsonReader reader, ref EnvelopeError error)
    {
        int start = (int)reader.TokenStartIndex;
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                CheckString(ref reader, ref error);
                return new JsonRange(start, reader.ValueSpan.Length + 2);
            case JsonTokenType.Number:
                CheckNumber(ref reader, ref error);
                return new JsonRange(start, reader.ValueSpan.Length);
            case JsonTokenType.StartObject:
            case JsonTokenType.StartArray:
                return ReadContainer(ref reader, ref error) ? new JsonRange(start, (int)reader.BytesConsumed - start) : default;
            default:
                return new JsonRange(start, reader.ValueSpan.Length);
        }
    }

    private static bool ReadContainer(ref Utf8JsonReader reader, ref EnvelopeError error)
    {
        int depth = reader.CurrentDepth;
        do
        {
            if (!reader.Read())
            {
                error = EnvelopeError.Truncated;
                return false;
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                case JsonTokenType.String:
                    CheckString(ref reader, ref error);
                    break;
                case JsonTokenType.Number:
                    CheckNumber(ref reader, ref error);
                    break;
                case JsonTokenType.StartObject:
                case JsonTokenType.StartArray:
                    if (reader.CurrentDepth >= MaxDepth)
                    {
                        error = EnvelopeError.TooDeep;
                        return false;
                    }

                    break;
            }
        }
        while (reader.CurrentDepth > depth);

        return true;
    }

    private static void CheckString(ref Utf8JsonReader reader, ref EnvelopeError error)
    {
        if (reader.ValueIsEscaped && !JsonText.SurrogatesArePaired(reader.ValueSpan) && !error.IsError)
        {
            error = EnvelopeError.LoneSurrogate;
        }
    }

    private static void CheckNumber(ref Utf8JsonReader reader, ref EnvelopeError error)
    {
        if (!JsonText.IsFinite(reader.ValueSpan) && !error.IsError)
        {
            error = EnvelopeError.NumberOutOfRange;
        }
    }

    private static EnvelopeMember FindEscaped(ref Utf8JsonReader reader, EnvelopeNames names, out byte index, ref EnvelopeError error)
    {
        index = 0;
        CheckString(ref reader, ref error);
        if (error.IsError || reader.ValueSpan.Length > names.LongestName * JsonText.MaxBytesPerChar)
        {
            return EnvelopeMember.Unknown;
        }

        Span<byte> name = stackalloc byte[reader.ValueSpan.Length];
        return names.Find(name[..reader.CopyString(name)], out index);
    }

    private static EnvelopeError Set(
        ref Envelope envelope, EnvelopeNames names, EnvelopeMember member, byte index, JsonTokenType type, bool escaped, JsonRange range, ReadOnlySpan<byte> message)
    {
        if (type == JsonTokenType.Null && member is not (EnvelopeMember.Body or EnvelopeMember.Discriminator))
        {
            // PROTOCOL omits absent members; serializers that write them as null mean the same.
            return default;
        }

        uint bit = 1u << (int)member;
        bool again = (envelope.Seen & bit) != 0;
        envelope.Seen |= bit;
        bool isString = type == JsonTokenType.String;
        switch (member)
        {
            case EnvelopeMember.Discriminator:
                if (again)
                {
                    return names.TwoDiscriminators;
                }

                if (!isString || range.Length == 2)
                {
                    return names.DiscriminatorNotText;
                }

                envelope.Discriminator = range;
                envelope.DiscriminatorIsEscaped = escaped;
                return default;
            case EnvelopeMember.Id:
                if (again)
                {
                    return Twice[(int)member];
                }

                if (!isString && type != JsonTokenType.Number)
                {
                    return EnvelopeError.IdNotText;
                }

                if (range.Length > MaxIdBytes)
                {
                    return EnvelopeError.IdTooLong;
                }

                envelope.Id = range;
                return default;
            case EnvelopeMember.Body:
                if (again)
                {
                    return EnvelopeError.TwoBodies;
                }

                envelope.Body = range;
                envelope.BodyName = index;
                return default;
            case EnvelopeMember.Since:
                envelope.Since = range;
                return again ? Twice[(int)member] : default;
            case EnvelopeMember.Topic:
                envelope.Topic = range;
                return again ? Twice[(int)member] : isString ? default : WrongKind[(int)member];
            case EnvelopeMember.Subject:
                envelope.Subject = range;
                return again ? Twice[(int)member] : isString ? default : WrongKind[(int)member];
            case EnvelopeMember.Topics:
                envelope.Topics = range;
                return again ? Twice[(int)member] : type == JsonTokenType.StartArray ? default : WrongKind[(int)member];
            case EnvelopeMember.Response:
                envelope.Response = type == JsonTokenType.True;
                return again ? Twice[(int)member] : type is JsonTokenType.True or JsonTokenType.False ? default : WrongKind[(int)member];
            case EnvelopeMember.PrivateChannel:
                envelope.PrivateChannel = type == JsonTokenType.True;
                return again ? Twice[(int)member] : type is JsonTokenType.True or JsonTokenType.False ? default : WrongKind[(int)member];
            case EnvelopeMember.SequenceNumber:
                return again ? Twice[(int)member] : TryLong(range.Of(message), out envelope.SequenceNumber) ? default : WrongKind[(int)member];
            default:
                SetServerMember(ref envelope, member, type, range, message);
                return default;
        }
    }

    private static void SetServerMember(ref Envelope envelope, EnvelopeMember member, JsonTokenType type, JsonRange range, ReadOnlySpan<byte> message)
    {
        bool isString = type == JsonTokenType.String;
        ReadOnlySpan<byte> token = range.Of(message);
        switch (member)
        {
            case EnvelopeMember.Epoch when isString:
                envelope.Epoch = range;
                break;
            case EnvelopeMember.Reason when isString:
                envelope.Reason = range;
                break;
            case EnvelopeMember.Code:
                TryInt(token, out envelope.Code);
                break;
            case EnvelopeMember.PingInterval:
                TryInt(token, out envelope.PingIntervalMilliseconds);
                break;
            case EnvelopeMember.PingTimeout:
                TryInt(token, out envelope.PingTimeoutMilliseconds);
                break;
            case EnvelopeMember.From:
                TryLong(token, out envelope.From);
                break;
            case EnvelopeMember.To:
                TryLong(token, out envelope.To);
                break;
            case EnvelopeMember.Recovered when type is JsonTokenType.True or JsonTokenType.False:
                envelope.Recovered = type == JsonTokenType.True;
                break;
        }
    }

    private static bool TryLong(ReadOnlySpan<byte> token, out long value) =>
        Utf8Parser.TryParse(token, out value, out int consumed) && consumed == token.Length;

    private static bool TryInt(ReadOnlySpan<byte> token, out int value) =>
        Utf8Parser.TryParse(token, out value, out int consumed) && consumed == token.Length;

    private static string NameOf(EnvelopeMember member) => member switch
    {
        EnvelopeMember.SequenceNumber => "sn",
        _ => char.ToLowerInvariant(member.ToString()[0]) + member.ToString()[1..],
    };

    private static string KindOf(EnvelopeMember member) => member switch
    {
        EnvelopeMember.SequenceNumber => "a whole number of 64 bits",
        EnvelopeMember.Topics => "a list of strings",
        EnvelopeMember.Response or EnvelopeMember.PrivateChannel => "true or false",
        _ => "a string",
    };
}
