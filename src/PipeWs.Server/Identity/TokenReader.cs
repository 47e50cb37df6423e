using System.Buffers;
using System.Buffers.Text;
using System.Text;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Identity;

/// <summary>What a handshake says about who it is, the token taken out of everything else.</summary>
/// <param name="Token">The token; null where there is none.</param>
/// <param name="Query">The query without it.</param>
/// <param name="Subprotocols">The subprotocols without it; null where none are left.</param>
/// <param name="Refusal">Why the handshake is refused for how it gives tokens.</param>
internal readonly record struct GivenToken(string? Token, string Query, string? Subprotocols, HandshakeRefusal Refusal);

/// <summary>Finds the token of a handshake in the places where it may be. Linear in what it reads.</summary>
internal static class TokenReader
{
    /// <summary>The longest token, in characters. A handshake's own limits are about the same.</summary>
    public const int MaxTokenChars = 8 * 1024;

    private const string Raw = "bearer.";
    private const string Encoded = "bearer64.";

    // b64token of RFC 6750, section 2.1.
    private static readonly SearchValues<char> BearerChars = SearchValues.Create("-._~+/=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static GivenToken Read(HandshakeRequest request, WsAuthenticationOptions options)
    {
        WsTokenSources sources = options.TokenSources;
        string? token = null;
        string query = request.Query;
        string? subprotocols = request.Subprotocols;
        bool isGood = true;
        bool isOne = true;
        if ((sources & WsTokenSources.AuthorizationHeader) != 0 && request.Authorization is { } header)
        {
            isGood = TryReadHeader(header, out token);
        }

        if ((sources & WsTokenSources.Query) != 0 && query.Length > 1)
        {
            query = TakeFromQuery(query, options.TokenParameter, ref token, ref isOne);
        }

        if ((sources & WsTokenSources.Subprotocol) != 0 && subprotocols is not null)
        {
            subprotocols = TakeFromSubprotocols(subprotocols, ref token, ref isOne, ref isGood);
        }

        HandshakeRefusal refusal = !isGood ? BearerChallenge.BadToken : !isOne ? BearerChallenge.TwoTokens : default;
        return new GivenToken(token, query, subprotocols, refusal);
    }

    /// <summary>Whether a query has a parameter of this name.</summary>
    public static bool HasParameter(ReadOnlySpan<char> query, string parameter, StringComparison comparison = StringComparison.Ordinal)
    {
        ReadOnlySpan<char> rest = query.TrimStart('?');
        while (TryTake(ref rest, '&', out ReadOnlySpan<char> pair))
        {
            if (IsParameter(pair, parameter, comparison))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The query with each value of this parameter replaced, in whatever case its name is written: HTTP's own queries do not tell cases apart.</summary>
    public static string Redact(string query, string parameter, string replacement)
    {
        var redacted = new StringBuilder(query.Length);
        ReadOnlySpan<char> rest = query.AsSpan(1);
        while (TryTake(ref rest, '&', out ReadOnlySpan<char> pair))
        {
            redacted.Append(redacted.Length == 0 ? '?' : '&');
            if (IsParameter(pair, parameter, StringComparison.OrdinalIgnoreCase))
            {
                redacted.Append(parameter).Append('=').Append(replacement);
            }
            else
            {
                redacted.Append(pair);
            }
        }

        return redacted.ToString();
    }

    // A scheme other than Bearer is no token: an authenticator may read it by itself.
    private static bool TryReadHeader(string header, out string? token)
    {
        token = null;
        int space = header.IndexOf(' ');
        ReadOnlySpan<char> scheme = space < 0 ? header : header.AsSpan(0, space);
        if (!scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        ReadOnlySpan<char> value = space < 0 ? default : header.AsSpan(space).Trim(' ');
        if (value.IsEmpty || value.ContainsAnyExcept(BearerChars))
        {
            return false;
        }

        token = value.ToString();
        return true;
    }

    private static string TakeFromQuery(string query, string parameter, ref string? token, ref bool isOne)
    {
        if (!HasParameter(query, parameter))
        {
            return query;
        }

        var left = new StringBuilder(query.Length);
        ReadOnlySpan<char> rest = query.AsSpan(1);
        while (TryTake(ref rest, '&', out ReadOnlySpan<char> pair))
        {
            if (IsParameter(pair, parameter, StringComparison.Ordinal))
            {
                int equals = pair.IndexOf('=');
                Add(equals < 0 ? "" : Decode(pair[(equals + 1)..]), ref token, ref isOne);
            }
            else
            {
                left.Append(left.Length == 0 ? '?' : '&').Append(pair);
            }
        }

        return left.ToString();
    }

    private static string? TakeFromSubprotocols(string offered, ref string? token, ref bool isOne, ref bool isGood)
    {
        if (!offered.Contains("bearer", StringComparison.Ordinal))
        {
            return offered;
        }

        var left = new StringBuilder(offered.Length);
        ReadOnlySpan<char> rest = offered;
        while (TryTake(ref rest, ',', out ReadOnlySpan<char> untrimmed))
        {
            ReadOnlySpan<char> element = untrimmed.Trim(" \t");
            if (element.StartsWith(Raw, StringComparison.Ordinal))
            {
                Add(element[Raw.Length..].ToString(), ref token, ref isOne);
            }
            else if (element.StartsWith(Encoded, StringComparison.Ordinal))
            {
                isGood &= TryDecodeBase64(element[Encoded.Length..], out string text);
                Add(text, ref token, ref isOne);
            }
            else
            {
                left.Append(left.Length == 0 ? "" : ", ").Append(element);
            }
        }

        return left.Length == 0 ? null : left.ToString();
    }

    // What is empty was not given: a page that has no token yet may still write the parameter.
    private static void Add(string value, ref string? token, ref bool isOne)
    {
        if (value.Length == 0)
        {
            return;
        }

        isOne &= token is null || token == value;
        token ??= value;
    }

    private static bool IsParameter(ReadOnlySpan<char> pair, string parameter, StringComparison comparison)
    {
        int equals = pair.IndexOf('=');
        ReadOnlySpan<char> name = equals < 0 ? pair : pair[..equals];
        return name.Equals(parameter, comparison) || (name.ContainsAny('%', '+') && name.Length <= 3 * parameter.Length && Decode(name).Equals(parameter, comparison));
    }

    private static string Decode(ReadOnlySpan<char> text) =>
        text.ContainsAny('%', '+') ? Uri.UnescapeDataString(text.ToString().Replace('+', ' ')) : text.ToString();

    private static bool TryDecodeBase64(ReadOnlySpan<char> text, out string decoded)
    {
        decoded = "";
        byte[] bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, bytes, out _, out int length) != OperationStatus.Done)
        {
            return false;
        }

        decoded = Encoding.UTF8.GetString(bytes, 0, length);
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, char separator, out ReadOnlySpan<char> element)
    {
        if (rest.IsEmpty)
        {
            element = default;
            return false;
        }

        int end = rest.IndexOf(separator);
        element = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return true;
    }
}
