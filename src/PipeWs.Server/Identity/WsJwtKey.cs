using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace PipeWs.Server;

/// <summary>
/// A key that verifies JSON Web Tokens with one algorithm and no other: which one is the key's affair and never the token's (RFC 8725, section 3.1). Immutable; safe
/// from any thread.
/// </summary>
public sealed class WsJwtKey
{
    private const int MinRsaBits = 2048;

    private readonly Func<ReadOnlySpan<byte>, ReadOnlySpan<byte>, bool> _verify;

    private WsJwtKey(string algorithm, string? keyId, Func<ReadOnlySpan<byte>, ReadOnlySpan<byte>, bool> verify)
    {
        Algorithm = algorithm;
        KeyId = keyId;
        _verify = verify;
    }

    /// <summary>The algorithm, as a token's <c>alg</c> must have it. RFC 7518, section 3.1.</summary>
    public string Algorithm { get; }

    /// <summary>The key's id: a token that names another in its <c>kid</c> is not this key's. Null for a key that all tokens of its algorithm are tried with.</summary>
    public string? KeyId { get; }

    /// <summary>A secret that issuer and hub share.</summary>
    /// <param name="secret">At least as many bytes as the hash has: 32, 48 or 64 (RFC 7518, section 3.2). It is copied.</param>
    /// <param name="algorithm">HS256, HS384 or HS512.</param>
    /// <param name="keyId">The key's id.</param>
    /// <exception cref="ArgumentException">The secret is too short, or the algorithm is none of these.</exception>
    public static WsJwtKey Hmac(ReadOnlySpan<byte> secret, string algorithm = "HS256", string? keyId = null)
    {
        HashAlgorithmName hash = HashOf(algorithm, "HS");
        int length = hash == HashAlgorithmName.SHA256 ? 32 : hash == HashAlgorithmName.SHA384 ? 48 : 64;
        if (secret.Length < length)
        {
            throw new ArgumentException($"A secret for {algorithm} has {length} bytes at least (RFC 7518, 3.2); this one has {secret.Length}.", nameof(secret));
        }

        byte[] copy = secret.ToArray();
        return new WsJwtKey(algorithm, keyId, (data, signature) =>
        {
            Span<byte> expected = stackalloc byte[64];
            CryptographicOperations.HmacData(hash, copy, data, expected[..length]);
            return CryptographicOperations.FixedTimeEquals(expected[..length], signature);
        });
    }

    /// <summary>The public half of an issuer's RSA key.</summary>
    /// <param name="key">At least 2,048 bits. Only its public parameters are copied.</param>
    /// <param name="algorithm">RS256, RS384, RS512, PS256, PS384 or PS512.</param>
    /// <param name="keyId">The key's id.</param>
    /// <exception cref="ArgumentException">The key is too short, or the algorithm is none of these.</exception>
    public static WsJwtKey Rsa(RSA key, string algorithm = "RS256", string? keyId = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentException.ThrowIfNullOrEmpty(algorithm);
        bool isPss = algorithm.StartsWith("PS", StringComparison.Ordinal);
        HashAlgorithmName hash = HashOf(algorithm, isPss ? "PS" : "RS");
        if (key.KeySize < MinRsaBits)
        {
            throw new ArgumentException($"An RSA key has {MinRsaBits} bits at least (RFC 7518, 3.3); this one has {key.KeySize}.", nameof(key));
        }

        RSAParameters parameters = key.ExportParameters(includePrivateParameters: false);
        RSASignaturePadding padding = isPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        var pool = new Pool<RSA>(() => RSA.Create(parameters));
        return new WsJwtKey(algorithm, keyId, (data, signature) =>
        {
            RSA rsa = pool.Rent();
            bool isGood = rsa.VerifyData(data, signature, hash, padding);
            pool.Return(rsa);
            return isGood;
        });
    }

    /// <summary>The public half of an issuer's elliptic curve key.</summary>
    /// <param name="key">On P-256 for ES256, P-384 for ES384, P-521 for ES512. Only its public parameters are copied.</param>
    /// <param name="algorithm">ES256, ES384 or ES512.</param>
    /// <param name="keyId">The key's id.</param>
    /// <exception cref="ArgumentException">The key is not on the algorithm's curve, or the algorithm is none of these.</exception>
    public static WsJwtKey ECDsa(ECDsa key, string algorithm = "ES256", string? keyId = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        HashAlgorithmName hash = HashOf(algorithm, "ES");
        int bits = hash == HashAlgorithmName.SHA256 ? 256 : hash == HashAlgorithmName.SHA384 ? 384 : 521;
        if (key.KeySize != bits)
        {
            throw new ArgumentException($"A key for {algorithm} is on the curve P-{bits} (RFC 7518, 3.4); this one has {key.KeySize} bits.", nameof(key));
        }

        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);
        var pool = new Pool<ECDsa>(() => System.Security.Cryptography.ECDsa.Create(parameters));
        return new WsJwtKey(algorithm, keyId, (data, signature) =>
        {
            ECDsa ecdsa = pool.Rent();
            bool isGood = ecdsa.VerifyData(data, signature, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            pool.Return(ecdsa);
            return isGood;
        });
    }

    internal bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => _verify(data, signature);

    private static HashAlgorithmName HashOf(string algorithm, string family) => algorithm is null || !algorithm.StartsWith(family, StringComparison.Ordinal)
        ? throw new ArgumentException($"'{algorithm}' is no algorithm of this kind of key: give {family}256, {family}384 or {family}512.", nameof(algorithm))
        : algorithm[family.Length..] switch
        {
            "256" => HashAlgorithmName.SHA256,
            "384" => HashAlgorithmName.SHA384,
            "512" => HashAlgorithmName.SHA512,
            _ => throw new ArgumentException($"'{algorithm}' is no algorithm of this kind of key: give {family}256, {family}384 or {family}512.", nameof(algorithm)),
        };

    // Nobody promises that one of the base library's keys can verify on two threads at once.
    private sealed class Pool<T>(Func<T> create)
        where T : class
    {
        private readonly ConcurrentBag<T> _idle = [];

        public T Rent() => _idle.TryTake(out T? item) ? item : create();

        public void Return(T item) => _idle.Add(item);
    }
}
