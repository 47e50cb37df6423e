using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace PipeWs.Server.Tests.Identity;

/// <summary>JSON Web Tokens made by hand, good and bad, and the options that take the good ones.</summary>
internal static class Tokens
{
    public const string Issuer = "https://issuer.example";

    public const string Audience = "desk";

    /// <summary>The time at which the tests' clocks start.</summary>
    public static readonly DateTimeOffset Start = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static readonly byte[] Secret = Encoding.ASCII.GetBytes("a secret of thirty-two bytes, ok");

    public static readonly RSA Rsa = RSA.Create(2048);

    public static readonly ECDsa Ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>Takes tokens that <see cref="Hs256"/> makes.</summary>
    public static void Configure(WsJwtOptions options)
    {
        options.Keys.Add(WsJwtKey.Hmac(Secret));
        options.ValidIssuers.Add(Issuer);
        options.ValidAudiences.Add(Audience);
    }

    /// <summary>A good token's claims, for a user, that end so long after <see cref="Start"/>.</summary>
    public static string Claims(string user = "ann", int expiresAfterSeconds = 60, string more = "") =>
        $$"""{"iss":"{{Issuer}}","aud":"{{Audience}}","sub":"{{user}}","exp":{{Start.ToUnixTimeSeconds() + expiresAfterSeconds}}{{more}}}""";

    public static string Hs256(string claims, string header = """{"alg":"HS256","typ":"JWT"}""") =>
        Sign(header, claims, static data => HMACSHA256.HashData(Secret, data));

    public static string Rs256(string claims, string header = """{"alg":"RS256"}""") =>
        Sign(header, claims, static data => Rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public static string User(string user, int expiresAfterSeconds = 60) => Hs256(Claims(user, expiresAfterSeconds));

    /// <summary>The message that gives a token.</summary>
    public static string Auth(string token, string id = "1") => $$$"""{"id":"{{{id}}}","type":"auth","data":{"token":"{{{token}}}"}}""";

    /// <summary>A handshake with a token in its query.</summary>
    public static string Handshake(string token) => Support.RawPeer.Handshake($"GET /ws?token={token} HTTP/1.1");

    public static string Sign(string header, string claims, Func<byte[], byte[]> sign)
    {
        string signed = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Encode(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
