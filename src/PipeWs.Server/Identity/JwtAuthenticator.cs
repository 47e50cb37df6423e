using System.Security.Claims;
using System.Security.Cryptography;

namespace PipeWs.Server.Identity;

/// <summary>
/// Takes JSON Web Tokens. The signature is judged before anything a token says, so that whoever has no key learns nothing, and by the keys' algorithms only: <c>none</c>, and
/// a public key used as a secret, have no key that could match. RFC 8725, sections 3.1 and 3.2.
/// </summary>
internal sealed class JwtAuthenticator : IConnectionAuthenticator
{
    private const string AuthenticationType = "Bearer";

    private static readonly WsAuthenticationResult Malformed = WsAuthenticationResult.Refuse("The token is not a JSON Web Token.");
    private static readonly WsAuthenticationResult NoKey = WsAuthenticationResult.Refuse("The token's algorithm or key is not accepted.");
    private static readonly WsAuthenticationResult BadSignature = WsAuthenticationResult.Refuse("The token's signature is wrong.");
    private static readonly WsAuthenticationResult BadType = WsAuthenticationResult.Refuse("The token's typ is not accepted.");
    private static readonly WsAuthenticationResult BadIssuer = WsAuthenticationResult.Refuse("The token's issuer is not accepted.");
    private static readonly WsAuthenticationResult BadAudience = WsAuthenticationResult.Refuse("The token is not for this audience.");
    private static readonly WsAuthenticationResult NoExpiry = WsAuthenticationResult.Refuse("The token has no expiry.");
    private static readonly WsAuthenticationResult Expired = WsAuthenticationResult.Refuse("The token has expired.");
    private static readonly WsAuthenticationResult NoUser = WsAuthenticationResult.Refuse("The token does not say whose it is.");
    private static readonly WsAuthenticationResult NotYet = WsAuthenticationResult.Refuse("The token is not valid yet.");

    private readonly WsJwtOptions _options;
    private readonly WsJwtKey[] _keys;
    private readonly TimeProvider _clock;

    public JwtAuthenticator(WsJwtOptions options, string hub, TimeProvider clock)
    {
        options.ThrowIfInvalid(hub);
        _options = options;
        _keys = [.. options.Keys];
        _clock = clock;
    }

    public ValueTask<WsAuthenticationResult> AuthenticateAsync(WsAuthenticationRequest request, CancellationToken cancellationToken) =>
        new(request.Token is { } token ? Judge(token) : WsAuthenticationResult.NoCredentials);

    private WsAuthenticationResult Judge(string token)
    {
        if (Jwt.TryParse(token) is not { } jwt)
        {
            return Malformed;
        }

        bool hasKey = false;
        if (!IsSigned(jwt, _keys, ref hasKey) && !(_options.KeySource is { } source && IsSigned(jwt, source(), ref hasKey)))
        {
            return hasKey ? BadSignature : NoKey;
        }

        return JudgeClaims(jwt);
    }

    private static bool IsSigned(Jwt jwt, IReadOnlyList<WsJwtKey> keys, ref bool hasKey)
    {
        for (int i = 0; i < keys.Count; i++)
        {
            WsJwtKey key = keys[i];
            if (key.Algorithm != jwt.Algorithm || (key.KeyId is not null && jwt.KeyId is not null && key.KeyId != jwt.KeyId))
            {
                continue;
            }

            hasKey = true;
            if (IsSignedBy(key, jwt))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsSignedBy(WsJwtKey key, Jwt jwt)
    {
        try
        {
            return key.Verify(jwt.Signed, jwt.Signature);
        }
        catch (CryptographicException)
        {
            // A signature of a length or form that the key cannot have made.
            return false;
        }
    }

    private WsAuthenticationResult JudgeClaims(Jwt jwt)
    {
        if (_options.ValidTypes.Count > 0 && (jwt.Type is null || !_options.ValidTypes.Contains(jwt.Type)))
        {
            return BadType;
        }

        if (jwt.Issuer is null || !_options.ValidIssuers.Contains(jwt.Issuer))
        {
            return BadIssuer;
        }

        if (!jwt.Audiences.Exists(_options.ValidAudiences.Contains))
        {
            return BadAudience;
        }

        if (jwt.Expires is not { } expires)
        {
            return NoExpiry;
        }

        DateTimeOffset now = _clock.GetUtcNow();
        DateTimeOffset end = ToTime(expires);
        if (now >= AddSkew(end))
        {
            return Expired;
        }

        if (jwt.NotBefore is { } notBefore && AddSkew(now) < ToTime(notBefore))
        {
            return NotYet;
        }

        // Who is let in within the skew stays for what is left of it; all others go at their expiry.
        return TryCreateUser(jwt) is { } user ? WsAuthenticationResult.Success(user, end > now ? end : AddSkew(end)) : NoUser;
    }

    private ClaimsPrincipal? TryCreateUser(Jwt jwt)
    {
        // The user's id is the claim that was configured, whatever else a token holds.
        string? id = jwt.Claims.Find(claim => claim.Type == _options.UserIdClaim)?.Value;
        if (id is null && _options.UserIdClaim != "sub")
        {
            return null;
        }

        IEnumerable<Claim> claims = jwt.Claims.Where(static claim => claim.Type != ClaimTypes.NameIdentifier);
        if (id is not null)
        {
            claims = claims.Append(new Claim(ClaimTypes.NameIdentifier, id));
        }

        return new ClaimsPrincipal(new ClaimsIdentity(claims, AuthenticationType, _options.NameClaim, _options.RoleClaim));
    }

    private DateTimeOffset AddSkew(DateTimeOffset time) =>
        time > DateTimeOffset.MaxValue - _options.ClockSkew ? DateTimeOffset.MaxValue : time + _options.ClockSkew;

    // NumericDate: seconds, perhaps with a fraction. RFC 7519, section 2. What no calendar holds is its end or its beginning.
    private static DateTimeOffset ToTime(double seconds)
    {
        double milliseconds = seconds * 1000;
        return milliseconds >= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.MaxValue
            : milliseconds <= DateTimeOffset.MinValue.ToUnixTimeMilliseconds() ? DateTimeOffset.MinValue
            : DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
    }
}
