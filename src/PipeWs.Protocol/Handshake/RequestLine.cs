using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>The parts of a request line, borrowed: <c>method SP target SP version</c>. It parses and never judges. RFC 9112, section 3.</summary>
internal readonly ref struct RequestLine
{
    private RequestLine(ReadOnlySpan<byte> method, HandshakeTargetForm form, ReadOnlySpan<byte> path, ReadOnlySpan<byte> query, HandshakeHttpVersion version)
    {
        Method = method;
        TargetForm = form;
        Path = path;
        Query = query;
        Version = version;
    }

    public ReadOnlySpan<byte> Method { get; }

    public HandshakeTargetForm TargetForm { get; }

    public ReadOnlySpan<byte> Path { get; }

    /// <summary>With its question mark; empty where there is none.</summary>
    public ReadOnlySpan<byte> Query { get; }

    public HandshakeHttpVersion Version { get; }

    /// <summary>Takes the line apart; <see langword="false"/> where it is not made of these three parts.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out RequestLine result)
    {
        result = default;
        int methodEnd = line.IndexOf((byte)' ');
        int versionStart = line.LastIndexOf((byte)' ') + 1;
        if (methodEnd < 0 || versionStart <= methodEnd + 1)
        {
            return false;
        }

        ReadOnlySpan<byte> method = line[..methodEnd];
        ReadOnlySpan<byte> target = line[(methodEnd + 1)..(versionStart - 1)];
        if (!HttpSyntax.IsToken(method)
            || !TryParseVersion(line[versionStart..], out HandshakeHttpVersion version)
            || target.IsEmpty
            || target.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        ParseTarget(target, out HandshakeTargetForm form, out ReadOnlySpan<byte> path, out ReadOnlySpan<byte> query);
        result = new RequestLine(method, form, path, query, version);
        return true;
    }

    private static void ParseTarget(ReadOnlySpan<byte> target, out HandshakeTargetForm form, out ReadOnlySpan<byte> path, out ReadOnlySpan<byte> query)
    {
        form = HandshakeTargetForm.Invalid;
        path = query = default;
        if (target.SequenceEqual("*"u8))
        {
            form = HandshakeTargetForm.Asterisk;
            return;
        }

        int scheme = SchemeLength(target);
        if (scheme > 0)
        {
            ReadOnlySpan<byte> rest = target[scheme..];
            int end = rest.IndexOfAny((byte)'/', (byte)'?', (byte)'#');
            if (!HttpSyntax.IsAuthority(end < 0 ? rest : rest[..end]))
            {
                return;
            }

            target = end < 0 ? "/"u8 : rest[end..];
            form = HandshakeTargetForm.Absolute;
        }
        else if (target[0] == (byte)'/' && !(target.Length > 1 && target[1] == (byte)'/'))
        {
            form = HandshakeTargetForm.Origin;
        }
        else
        {
            return;
        }

        // "/ws#frag": a fragment is never sent (RFC 9112, section 3.2); "http://host?x" has an empty path.
        if (target[0] != (byte)'/' || target.Contains((byte)'#'))
        {
            form = HandshakeTargetForm.Invalid;
        }

        int question = target.IndexOf((byte)'?');
        path = question < 0 ? target : target[..question];
        query = question < 0 ? default : target[question..];
    }

    private static int SchemeLength(ReadOnlySpan<byte> target) =>
        target.Length > 7 && Ascii.EqualsIgnoreCase(target[..7], "http://"u8) ? 7
        : target.Length > 8 && Ascii.EqualsIgnoreCase(target[..8], "https://"u8) ? 8
        : 0;

    // HTTP-version = "HTTP/" DIGIT "." DIGIT, in exactly this case. RFC 9112, section 2.3.
    private static bool TryParseVersion(ReadOnlySpan<byte> text, out HandshakeHttpVersion version)
    {
        version = HandshakeHttpVersion.Other;
        if (text.Length != 8 || !text.StartsWith("HTTP/"u8) || text[6] != (byte)'.' || !char.IsAsciiDigit((char)text[5]) || !char.IsAsciiDigit((char)text[7]))
        {
            return false;
        }

        version = text[5..] switch
        {
            [(byte)'1', _, (byte)'1'] => HandshakeHttpVersion.Http11,
            [(byte)'1', _, (byte)'0'] => HandshakeHttpVersion.Http10,
            _ => HandshakeHttpVersion.Other,
        };
        return true;
    }
}
