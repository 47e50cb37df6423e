using System.Text.Json;

namespace PipeWs.Demo.Recording;

/// <summary>Reads JSON values as spans of the bytes they came in.</summary>
internal static class SpanJson
{
    /// <summary>The number that follows.</summary>
    public static long Number(scoped ref Utf8JsonReader reader)
    {
        reader.Read();
        Require(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out _));
        return reader.GetInt64();
    }

    /// <summary>The string that follows, as it is written; one with escapes is not taken.</summary>
    public static ReadOnlySpan<byte> Text(scoped ref Utf8JsonReader reader)
    {
        reader.Read();
        Require(reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped);
        return reader.ValueSpan;
    }

    /// <summary>The array that follows, as it is written.</summary>
    public static ReadOnlySpan<byte> Array(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        reader.Read();
        Require(reader.TokenType == JsonTokenType.StartArray);
        int start = (int)reader.TokenStartIndex;
        reader.Skip();
        return json[start..(int)reader.BytesConsumed];
    }

    /// <summary>Passes over the value that follows.</summary>
    public static void Skip(scoped ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    /// <summary>Refuses a message.</summary>
    public static void Require(bool holds)
    {
        if (!holds)
        {
            throw new JsonException("A member is missing or of the wrong kind.");
        }
    }
}
