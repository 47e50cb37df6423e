using System.Buffers;
using System.Buffers.Text;
using System.Security.Claims;
using System.Text;
using System.Text.Json;

namespace PipeWs.Server.Identity;

/// <summary>A JSON Web Token in its compact form, taken apart and not judged. RFC 7515, section 7.1; RFC 7519.</summary>
internal sealed class Jwt
{
    private const int MaxDepth = 32;

    private static readonly SearchValues<char> Base64UrlChars = SearchValues.Create("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    private static readonly JsonReaderOptions Strict = new() { MaxDepth = MaxDepth };

    private Jwt(byte[] signed, byte[] signature)
    {
        Signed = signed;
        Signature = signature;
    }

    /// <summary>What the signature is over: the first two parts as they came.</summary>
    public byte[] Signed { get; }

    public byte[] Signature { get; }

    public string Algorithm { get; private set; } = "";

    public string? KeyId { get; private set; }

    public string? Type { get; private set; }

    public string? Issuer { get; private set; }

    public List<string> Audiences { get; } = [];

    public double? Expires { get; private set; }

    public double? NotBefore { get; private set; }

    /// <summary>All claims with a text, number or boolean, an element of a list each; objects as their JSON.</summary>
    public List<Claim> Claims { get; } = [];

    /// <summary>Takes a token apart; null where it is none, or holds something twice, or has what must be understood and is not.</summary>
    public static Jwt? TryParse(string token)
    {
        int first = token.IndexOf('.', StringComparison.Ordinal);
        int second = first < 0 ? -1 : token.IndexOf('.', first + 1);
        if (first <= 0
            || second < 0
            || !TryDecode(token.AsSpan(0, first), out byte[] header)
            || !TryDecode(token.AsSpan(first + 1, second - first - 1), out byte[] payload)
            || !TryDecode(token.AsSpan(second + 1), out byte[] signature))
        {
            return null;
        }

        var jwt = new Jwt(Encoding.ASCII.GetBytes(token, 0, second), signature);
        try
        {
            return jwt.ReadHeader(header) && jwt.ReadPayload(payload) ? jwt : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            // The getters refuse what is not UTF-8 with InvalidOperationException.
            return null;
        }
    }

    private bool ReadHeader(byte[] json)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(json, Strict);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (!names.Add(name))
            {
                return false;
            }

            switch (name)
            {
                case "alg":
                    Algorithm = Text(ref reader);
                    break;
                case "kid":
                    KeyId = Text(ref reader);
                    break;
                case "typ":
                    Type = Text(ref reader);
                    break;
                case "crit":
                    // "If any of the listed extension Header Parameters are not understood and supported by the recipient, then the JWS is invalid" (RFC 7515, section 4.1.11).
                    return false;
                default:
                    // A key or an address of one in the token (jwk, jku, x5u) is never used: the keys are ours.
                    reader.Skip();
                    break;
            }
        }

        return !reader.Read() && Algorithm.Length > 0;
    }

    private bool ReadPayload(byte[] json)
    {
        // "a lexically last duplicate member name" would be as RFC 7519, section 4 allows; two parsers may differ about it, so there is none.
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(json, Strict);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (!names.Add(name) || !ReadClaim(ref reader, name, json))
            {
                return false;
            }
        }

        return !reader.Read();
    }

    private bool ReadClaim(ref Utf8JsonReader reader, string name, byte[] json)
    {
        switch (name)
        {
            case "exp":
                Expires = reader.GetDouble();
                AddClaim(ref reader, name, json);
                return true;
            case "nbf":
                NotBefore = reader.GetDouble();
                AddClaim(ref reader, name, json);
                return true;
            case "iss":
                Issuer = Text(ref reader);
                AddClaim(ref reader, name, json);
                return true;
            case "sub":
                Text(ref reader);
                AddClaim(ref reader, name, json);
                return true;
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            if (name == "aud")
            {
                Audiences.Add(Text(ref reader));
            }

            AddClaim(ref reader, name, json);
            return true;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (name == "aud")
            {
                Audiences.Add(Text(ref reader));
            }

            AddClaim(ref reader, name, json);
        }

        return true;
    }

    private void AddClaim(ref Utf8JsonReader reader, string name, byte[] json)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                break;
            case JsonTokenType.String:
                Claims.Add(new Claim(name, reader.GetString()!));
                break;
            case JsonTokenType.True or JsonTokenType.False:
                Claims.Add(new Claim(name, reader.GetBoolean() ? "true" : "false", ClaimValueTypes.Boolean));
                break;
            case JsonTokenType.Number:
                Claims.Add(new Claim(name, Encoding.UTF8.GetString(reader.ValueSpan), reader.TryGetInt64(out _) ? ClaimValueTypes.Integer64 : ClaimValueTypes.Double));
                break;
            default:
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                Claims.Add(new Claim(name, Encoding.UTF8.GetString(json.AsSpan(start, (int)reader.BytesConsumed - start)), "JSON"));
                break;
        }
    }

    private static string Text(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new FormatException("A text was expected.");

    // Without padding and blanks, which RFC 7515, section 2 leaves out.
    private static bool TryDecode(ReadOnlySpan<char> text, out byte[] bytes)
    {
        bytes = [];
        if (text.IsEmpty || text.ContainsAnyExcept(Base64UrlChars))
        {
            return false;
        }

        byte[] buffer = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, buffer, out _, out int length) != OperationStatus.Done)
        {
            return false;
        }

        bytes = buffer.AsSpan(0, length).ToArray();
        return true;
    }
}
