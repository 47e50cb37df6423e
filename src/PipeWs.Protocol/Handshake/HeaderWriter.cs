using System.Buffers;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>Writes header lines, after checks that keep a value from becoming a header of its own.</summary>
internal static class HeaderWriter
{
    public static void CheckSubprotocol(string? subprotocol, string argument)
    {
        if (subprotocol is not null && !HttpSyntax.IsToken(subprotocol))
        {
            throw new ArgumentException("A subprotocol must be a token: no spaces, separators or line breaks (RFC 6455, 11.5).", argument);
        }
    }

    public static void CheckValue(string? value, string argument)
    {
        if (value is not null && !HttpSyntax.IsFieldValue(value))
        {
            throw new ArgumentException("A header's value must be visible ASCII, without line breaks and without spaces at its ends (RFC 9110, 5.5).", argument);
        }
    }

    public static void CheckAll(IReadOnlyList<KeyValuePair<string, string>>? headers, string argument)
    {
        for (int i = 0; i < headers?.Count; i++)
        {
            if (!HttpSyntax.IsToken(headers[i].Key))
            {
                throw new ArgumentException("A header's name must be a token (RFC 9110, 5.1).", argument);
            }

            CheckValue(headers[i].Value, argument);
        }
    }

    public static void WriteAll(IBufferWriter<byte> output, IReadOnlyList<KeyValuePair<string, string>>? headers)
    {
        for (int i = 0; i < headers?.Count; i++)
        {
            Write(output, headers[i].Key, headers[i].Value);
        }
    }

    public static void Write(IBufferWriter<byte> output, string name, string? value)
    {
        if (value is null)
        {
            return;
        }

        WriteAscii(output, name);
        output.Write(": "u8);
        WriteAscii(output, value);
        output.Write("\r\n"u8);
    }

    public static void WriteAscii(IBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        Span<byte> destination = output.GetSpan(text.Length);
        output.Advance(Encoding.ASCII.GetBytes(text, destination));
    }
}
