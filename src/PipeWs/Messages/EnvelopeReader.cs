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
}
