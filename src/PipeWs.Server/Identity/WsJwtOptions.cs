namespace PipeWs.Server;

/// <summary>
/// Which JSON Web Tokens a hub takes: signed, by a key that is known, for the algorithm of that key, from a known issuer, to this audience, with an expiry.
/// RFC 7519; RFC 8725. What is contradictory or missing is found when the application starts.
/// </summary>
public sealed class WsJwtOptions
{
    /// <summary>The keys that may have signed a token. At least one, unless there is a <see cref="KeySource"/>.</summary>
    public IList<WsJwtKey> Keys { get; } = [];

    /// <summary>Gives the keys of the moment, beside <see cref="Keys"/>: for keys that are rotated without a restart. Asked for every token, so it must be quick, and safe from any thread. Default null.</summary>
    public Func<IReadOnlyList<WsJwtKey>>? KeySource { get; set; }

    /// <summary>The issuers whose tokens are taken: a token's <c>iss</c> must be one of them, byte for byte. At least one.</summary>
    public ISet<string> ValidIssuers { get; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>This service's names: a token's <c>aud</c> must hold one of them, byte for byte. At least one.</summary>
    public ISet<string> ValidAudiences { get; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>The <c>typ</c> a token may have, such as <c>at+jwt</c> (RFC 9068), in any case. Default none: it is not looked at.</summary>
    public ISet<string> ValidTypes { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>By how much the issuer's clock and ours may differ. Default 30 s; at most 10 minutes.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The claim that is the user's id. Default <c>sub</c>. It is given the type NameIdentifier too, so that <see cref="IWsConnection.UserId"/> has it.</summary>
    public string UserIdClaim { get; set; } = "sub";

    /// <summary>The claim that is the user's name. Default <c>name</c>.</summary>
    public string NameClaim { get; set; } = "name";

    /// <summary>The claim that holds the user's roles, one or a list. Default <c>role</c>.</summary>
    public string RoleClaim { get; set; } = "role";

    internal void ThrowIfInvalid(string hub)
    {
        string subject = hub.Length == 0 ? "UseJwtBearer" : $"UseJwtBearer of the hub '{hub}'";
        if (Keys.Count == 0 && KeySource is null)
        {
            throw new InvalidOperationException($"{subject}: Keys is empty; it must have a key, such as WsJwtKey.Rsa(...), or there must be a KeySource.");
        }

        if (ValidIssuers.Count == 0 || ValidAudiences.Count == 0)
        {
            throw new InvalidOperationException($"{subject}: {(ValidIssuers.Count == 0 ? nameof(ValidIssuers) : nameof(ValidAudiences))} is empty; it must have one at least, or tokens made for others would be taken.");
        }

        if (ClockSkew < TimeSpan.Zero || ClockSkew > TimeSpan.FromMinutes(10))
        {
            throw new InvalidOperationException($"{subject}: ClockSkew is '{ClockSkew}'; it must be between 00:00:00 and 00:10:00.");
        }

        if (string.IsNullOrEmpty(UserIdClaim) || string.IsNullOrEmpty(NameClaim) || string.IsNullOrEmpty(RoleClaim))
        {
            throw new InvalidOperationException($"{subject}: UserIdClaim, NameClaim and RoleClaim must each name a claim.");
        }
    }
}
