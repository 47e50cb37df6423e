using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace PipeWs.Messages;

/// <summary>JSON tokens as text: decoding that never throws, escaping that never allocates.</summary>
internal static class JsonText
{
    /// <summary>The most bytes that one UTF-16 unit takes when it is escaped: <c>\u0000</c>.</summary>
    public const int MaxBytesPerChar = 6;

    // What leaves is JSON for JSON parsers, not for HTML: only what RFC 8259, section 7, asks for is escaped, and what is not printable.
    private static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>Whether every <c>\u</c> escape in a string's content that is half of a surrogate pair has its other half. RFC 8259, section 8.2.</summary>
    /// <param name="content">The content without quotes, syntactically valid.</param>
    public static bool SurrogatesArePaired(ReadOnlySpan<byte> content)
    {
        while (true)
        {
            int escape = content.IndexOf((byte)'\\');
            if (escape < 0)
            {
                return true;
            }

            if (content[escape + 1] != (byte)'u')
            {
                content = content[(escape + 2)..];
                continue;
            }

            int unit = Hex(content.Slice(escape + 2, 4));
            content = content[(escape + 6)..];
            if (!char.IsSurrogate((char)unit))
            {
                continue;
            }

            if (!char.IsHighSurrogate((char)unit) || content.Length < 6 || content[0] != (byte)'\\' || content[1] != (byte)'u'
                || !char.IsLowSurrogate((char)Hex(content.Slice(2, 4))))
            {
                return false;
            }

            content = content[6..];
        }

        static int Hex(ReadOnlySpan<byte> digits) => Utf8Parser.TryParse(digits, out int value, out _, 'X') ? value : 0xFFFD;
    }

    /// <summary>Whether a number fits a double: <c>1e400</c> is valid JSON that every reader turns into something else. RFC 8259, section 6.</summary>
    /// <param name="number">A syntactically valid number.</param>
    public static bool IsFinite(ReadOnlySpan<byte> number)
    {
        // Below 300 digits only an exponent can reach 1.8e308.
        if (number.Length < 300 && number.IndexOfAny((byte)'e', (byte)'E') < 0)
        {
            return true;
        }

        return double.TryParse(number, System.Globalization.CultureInfo.InvariantCulture, out double value) && double.IsFinite(value);
    }

    /// <summary>Gives a string or number token as text. Escapes are decoded; what is not UTF-8 becomes U+FFFD.</summary>
    public static string Decode(ReadOnlySpan<byte> token)
    {
        if (token.IsEmpty || token[0] != (byte)'"')
        {
            return Encoding.UTF8.GetString(token);
        }

        ReadOnlySpan<byte> content = token[1..^1];
        return content.Contains((byte)'\\') ? DecodeSlow(token) : Encoding.UTF8.GetString(content);
    }

    private static string DecodeSlow(ReadOnlySpan<byte> token)
    {
        try
        {
            var reader = new Utf8JsonReader(token);
            reader.Read();
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // The getters refuse lone surrogates and bytes that are not UTF-8. EnvelopeReader has refused both before, unless told that the text was checked.
            return Encoding.UTF8.GetString(token[1..^1]);
        }
    }

    /// <summary>Decodes a string token that holds escapes.</summary>
    /// <returns>Whether it could be decoded and fits.</returns>
    public static bool TryUnescape(ReadOnlySpan<byte> token, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        try
        {
            var reader = new Utf8JsonReader(token);
            reader.Read();
            bytesWritten = reader.CopyString(destination);
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Gives text as a JSON string in UTF-8, quoted and escaped, to be written any number of times.</summary>
    public static byte[] Encode(string text)
    {
        byte[] buffer = new byte[MaxBytes(text)];
        int written = Write(buffer, text);
        return buffer.AsSpan(0, written).ToArray();
    }

    /// <summary>The room that <see cref="Write"/> needs at most, in bytes.</summary>
    public static int MaxBytes(ReadOnlySpan<char> text) => checked((text.Length * MaxBytesPerChar) + 2);

    /// <summary>Writes text as a JSON string. Halves of surrogate pairs become U+FFFD.</summary>
    /// <param name="destination">At least <see cref="MaxBytes"/> bytes.</param>
    /// <param name="text">The text.</param>
    /// <returns>The bytes written.</returns>
    public static int Write(Span<byte> destination, ReadOnlySpan<char> text)
    {
        destination[0] = (byte)'"';
        Utf8.FromUtf16(text, destination[1..], out _, out int length);
        if (Encoder.FindFirstCharacterToEncodeUtf8(destination.Slice(1, length)) >= 0)
        {
            length = WriteSlow(destination[1..], length);
        }

        destination[length + 1] = (byte)'"';
        return length + 2;
    }

    private static int WriteSlow(Span<byte> destination, int length)
    {
        byte[] source = System.Buffers.ArrayPool<byte>.Shared.Rent(length);
        destination[..length].CopyTo(source);
        Encoder.EncodeUtf8(source.AsSpan(0, length), destination, out _, out int written);
        System.Buffers.ArrayPool<byte>.Shared.Return(source);
        return written;
    }
}
