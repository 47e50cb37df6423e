using System.Buffers;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>The few rules of HTTP's grammar that a handshake needs. RFC 9110, section 5.6; RFC 9112, sections 3 and 5.</summary>
internal static class HttpSyntax
{
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<char> TokenChars = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // RFC 3986's reg-name and IP literals with a port, less the comma: a proxy that joined two Host lines would write one.
    private static readonly SearchValues<byte> AuthorityBytes = SearchValues.Create(
        "!$%&'()*+-.:;=[]_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>What a field value must not contain: every control character but the tab. RFC 9110, section 5.5.</summary>
    public static readonly SearchValues<byte> ControlBytes = SearchValues.Create(
    [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F,
        0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F,
    ]);

    public static bool IsToken(ReadOnlySpan<byte> value) => !value.IsEmpty && !value.ContainsAnyExcept(TokenBytes);

    public static bool IsToken(ReadOnlySpan<char> value) => !value.IsEmpty && !value.ContainsAnyExcept(TokenChars);

    public static bool IsTokenByte(byte value) => TokenBytes.Contains(value);

    /// <summary>Whether the text may stand in a header's value as it is: visible ASCII, spaces and tabs, none of them at an end.</summary>
    public static bool IsFieldValue(ReadOnlySpan<char> value)
    {
        foreach (char c in value)
        {
            if (c is not ('\t' or (>= ' ' and <= '~')))
            {
                return false;
            }
        }

        return value.IsEmpty || (value[0] is not (' ' or '\t') && value[^1] is not (' ' or '\t'));
    }

    /// <summary>A host with an optional port: no list, no user information, no path.</summary>
    public static bool IsAuthority(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || value.ContainsAnyExcept(AuthorityBytes))
        {
            return false;
        }

        int portColon = value.LastIndexOf((byte)':');
        if (value[0] == (byte)'[')
        {
            int end = value.IndexOf((byte)']');
            return end > 1 && (end == value.Length - 1 || (portColon == end + 1 && IsPort(value[(portColon + 1)..])));
        }

        return !value.ContainsAny((byte)'[', (byte)']')
            && (portColon < 0 || (portColon > 0 && value.IndexOf((byte)':') == portColon && IsPort(value[(portColon + 1)..])));
    }

    /// <summary>Cuts optional whitespace from both ends. RFC 9110, section 5.6.3.</summary>
    public static ReadOnlySpan<byte> TrimWhitespace(ReadOnlySpan<byte> value) => value.Trim(" \t"u8);

    /// <summary>Whether a comma-separated list holds a token, in any case. RFC 9110, section 5.6.1.</summary>
    public static bool ListContains(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        while (!list.IsEmpty)
        {
            int comma = list.IndexOf((byte)',');
            ReadOnlySpan<byte> element = comma < 0 ? list : list[..comma];
            if (Ascii.EqualsIgnoreCase(TrimWhitespace(element), token))
            {
                return true;
            }

            list = comma < 0 ? default : list[(comma + 1)..];
        }

        return false;
    }

    /// <summary>Takes a header line apart. The name must be a token and the colon must follow it at once. RFC 9112, section 5.1.</summary>
    public static bool TrySplitHeader(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int colon = line.IndexOf((byte)':');
        if (colon <= 0 || !IsToken(line[..colon]))
        {
            name = value = default;
            return false;
        }

        name = line[..colon];
        value = TrimWhitespace(line[(colon + 1)..]);
        return true;
    }

    private static bool IsPort(ReadOnlySpan<byte> value) =>
        value.Length <= 5 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
