using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace PipeWs.Protocol.Handshake;

/// <summary>
/// Which web pages may connect. A request without Origin does not come from a page and is not judged here. Immutable. RFC 6454; RFC 6455, section 10.2.
/// </summary>
/// <remarks>
/// Scheme, host and port must be equal to an allowed origin's, ports left out meaning 80 and 443. Pages of the server itself may connect where their origin can be told
/// from the server's own end of the connection: its address and port, and the names of loopback on loopback. It is never told from what the
/// client says, such as Host. A server with a name, or behind a proxy, lists its origins.
/// </remarks>
public sealed class OriginRules
{
    private static readonly SearchValues<char> NeverInAuthority = SearchValues.Create("/?#@\\,*");

    private readonly Origin[] _allowed;
    private readonly bool _allowAny;

    /// <summary>Sets rules up.</summary>
    /// <param name="allowedOrigins">Origins such as <c>https://example.com</c> or <c>http://example.com:8080</c>.</param>
    /// <param name="allowAny">Whether any page may connect: cross-site hijacking is then the application's to prevent.</param>
    /// <exception cref="ArgumentException">One is not an origin.</exception>
    public OriginRules(IEnumerable<string> allowedOrigins, bool allowAny = false)
    {
        ArgumentNullException.ThrowIfNull(allowedOrigins);
        _allowAny = allowAny;
        _allowed = [.. allowedOrigins.Select(text => TryParse(text, out Origin origin)
            ? origin
            : throw new ArgumentException($"'{text}' is not an origin: it must be a scheme, a host and perhaps a port, such as 'https://example.com'.", nameof(allowedOrigins)))];
    }

    /// <summary>Whether a text is an origin that can be allowed.</summary>
    public static bool IsOrigin([NotNullWhen(true)] string? text) => TryParse(text, out _);

    /// <summary>Whether pages of an origin may connect.</summary>
    /// <param name="origin">The request's one Origin.</param>
    /// <param name="isSecure">Whether the connection is TLS.</param>
    /// <param name="local">The server's own end of the connection; null where it has no address.</param>
    public bool IsAllowed(string? origin, bool isSecure, EndPoint? local)
    {
        if (_allowAny)
        {
            return true;
        }

        // "null" is what sandboxed frames and local files share: it is nobody's origin.
        if (!TryParse(origin, out Origin parsed))
        {
            return false;
        }

        foreach (Origin allowed in _allowed)
        {
            if (allowed == parsed)
            {
                return true;
            }
        }

        return local is IPEndPoint endPoint && IsOwn(parsed, isSecure, endPoint);
    }

    private static bool IsOwn(Origin origin, bool isSecure, IPEndPoint local)
    {
        if (origin.Scheme != (isSecure ? "https" : "http") || origin.Port != local.Port)
        {
            return false;
        }

        IPAddress address = local.Address.IsIPv4MappedToIPv6 ? local.Address.MapToIPv4() : local.Address;
        return IPAddress.IsLoopback(address) && origin.Host is "localhost" or "127.0.0.1" or "[::1]"
            || (IPAddress.TryParse(origin.Host, out IPAddress? host) && host.Equals(address));
    }

    private static bool TryParse(string? text, out Origin origin)
    {
        origin = default;
        ReadOnlySpan<char> rest = text;
        int colon = rest.IndexOf("://");
        if (colon <= 0 || !char.IsAsciiLetter(rest[0]) || !HttpSyntax.IsToken(rest[..colon]))
        {
            return false;
        }

        string scheme = rest[..colon].ToString().ToLowerInvariant();
        rest = rest[(colon + 3)..];
        if (rest.IsEmpty || rest.ContainsAny(NeverInAuthority) || rest.ContainsAnyExceptInRange('!', '~'))
        {
            return false;
        }

        int port = scheme switch
        {
            "http" => 80,
            "https" => 443,
            _ => -1,
        };
        int portColon = rest.LastIndexOf(':');
        if (portColon > rest.LastIndexOf(']'))
        {
            ReadOnlySpan<char> digits = rest[(portColon + 1)..];
            if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9') || !ushort.TryParse(digits, out ushort given))
            {
                return false;
            }

            port = given;
            rest = rest[..portColon];
        }

        bool isBracketed = rest is ['[', .., ']'] && IPAddress.TryParse(rest, out _);
        if (rest.IsEmpty || (!isBracketed && rest.ContainsAny("[]:")))
        {
            return false;
        }

        origin = new Origin(scheme, rest.ToString().ToLowerInvariant(), port);
        return true;
    }

    private readonly record struct Origin(string Scheme, string Host, int Port);
}
