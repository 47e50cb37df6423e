using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;

namespace PipeWs.Server.Identity;

/// <summary>
/// Takes tokens from a list. They are kept and compared as hashes under a key of this process, each with all of them and in fixed time: how long it takes tells neither whether
/// a token is near another nor how long one is.
/// </summary>
internal sealed class StaticTokenAuthenticator : IConnectionAuthenticator
{
    private static readonly WsAuthenticationResult Unknown = WsAuthenticationResult.Refuse("The token is not known.");

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly byte[][] _hashes;
    private readonly WsAuthenticationResult[] _results;

    public StaticTokenAuthenticator(IReadOnlyDictionary<string, ClaimsPrincipal> users)
    {
        _hashes = [.. users.Select(user => Hash(user.Key))];
        _results = [.. users.Select(static user => WsAuthenticationResult.Success(user.Value))];
    }

    public ValueTask<WsAuthenticationResult> AuthenticateAsync(WsAuthenticationRequest request, CancellationToken cancellationToken) =>
        new(request.Token is { } token ? Find(token) : WsAuthenticationResult.NoCredentials);

    private WsAuthenticationResult Find(string token)
    {
        byte[] hash = Hash(token);
        int found = -1;
        for (int i = 0; i < _hashes.Length; i++)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, _hashes[i]) ? i : found;
        }

        return found < 0 ? Unknown : _results[found];
    }

    private byte[] Hash(string token) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(token));
}
