using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using PipeWs.Server.Identity;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Identity;

public sealed class JwtAuthenticatorTests
{
    private readonly ManualTimeProvider _clock = new(Tokens.Start);

    public static TheoryData<string> Malformed =>
    [
        "", ".", "..", "a.b", "a.b.c", "e30.e30.", "e30.e30.AA",
        Tokens.User("ann") + ".AA",
        Tokens.User("ann") + "=",
        Tokens.User("ann").Replace('.', ' '),
        Tokens.Hs256("[]"),
        Tokens.Hs256("null"),
        Tokens.Hs256("{"),
        Tokens.Hs256(Tokens.Claims() + "{}"),
        Tokens.Hs256("""{"exp":"soon"}"""),
        Tokens.Hs256("""{"exp":1,"exp":2}"""),
        Tokens.Hs256("""{"aud":["desk","\u0061"],"aud":"x"}"""),
        Tokens.Hs256("""{"iss":7}"""),
        Tokens.Hs256("""{"sub":{"a":1}}"""),
        Tokens.Hs256("""{"aud":[7]}"""),
        Tokens.Hs256("""{"sub":"\ud800"}"""),
        Tokens.Hs256(new string('[', 1000)),
        Tokens.Hs256(Tokens.Claims(), """{"typ":"JWT"}"""),
        Tokens.Hs256(Tokens.Claims(), """{"alg":7}"""),
        Tokens.Hs256(Tokens.Claims(), """{"alg":"none","alg":"HS256"}"""),
        Tokens.Hs256(Tokens.Claims(), """{"alg":"HS256","crit":["b64"],"b64":false}"""),
        Tokens.Hs256(Tokens.Claims(), """{"alg":"HS256","kid":7}"""),
    ];

    [Fact]
    public async Task A_good_token_gives_its_user_with_its_claims()
    {
        string claims = Tokens.Claims("ann", 60, ""","name":"Ann","role":["trader","chief"],"age":42,"vip":true,"none":null,"address":{"city":"Graz"}""");
        WsAuthenticationResult result = await JudgeAsync(Tokens.Hs256(claims));

        ClaimsPrincipal user = Assert.IsType<ClaimsPrincipal>(result.User);
        Assert.Null(result.Reason);
        Assert.Equal(Tokens.Start.AddSeconds(60), result.ExpiresAt);
        Assert.True(user.Identity!.IsAuthenticated);
        Assert.Equal("Ann", user.Identity.Name);
        Assert.True(user.IsInRole("trader") && user.IsInRole("chief") && !user.IsInRole("Ann"));
        Assert.Equal("ann", user.FindFirstValue(ClaimTypes.NameIdentifier));
        Assert.Equal(["42", "true", """{"city":"Graz"}"""], [user.FindFirstValue("age")!, user.FindFirstValue("vip")!, user.FindFirstValue("address")!]);
        Assert.Null(user.FindFirst("none"));
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    public async Task Every_algorithm_takes_what_its_key_signed_and_nothing_else(string algorithm)
    {
        var hash = new HashAlgorithmName("SHA" + algorithm[2..]);
        byte[] secret = RandomNumberGenerator.GetBytes(64);
        using ECDsa curve = ECDsa.Create(algorithm == "ES512" ? ECCurve.NamedCurves.nistP521 : algorithm == "ES384" ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256);
        RSASignaturePadding padding = algorithm.StartsWith('P') ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        (WsJwtKey key, Func<byte[], byte[]> sign) = algorithm[0] switch
        {
            'H' => (WsJwtKey.Hmac(secret, algorithm), data => CryptographicOperations.HmacData(hash, secret, data)),
            'E' => (WsJwtKey.ECDsa(curve, algorithm), data => curve.SignData(data, hash)),
            _ => (WsJwtKey.Rsa(Tokens.Rsa, algorithm), (Func<byte[], byte[]>)(data => Tokens.Rsa.SignData(data, hash, padding))),
        };
        string header = $$"""{"alg":"{{algorithm}}"}""";
        string token = Tokens.Sign(header, Tokens.Claims(), sign);

        Assert.NotNull((await JudgeAsync(token, With(key))).User);
        string forged = Tokens.Sign(header, Tokens.Claims("eve"), _ => sign([1, 2, 3]));
        Assert.Equal("The token's signature is wrong.", (await JudgeAsync(forged, With(key))).Reason);
        Assert.Equal("The token's signature is wrong.", (await JudgeAsync(Tokens.Sign(header, Tokens.Claims(), _ => [1]), With(key))).Reason);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task What_is_no_token_is_refused_and_no_exception_escapes(string token)
    {
        WsAuthenticationResult result = await JudgeAsync(token);

        Assert.Null(result.User);
        Assert.Equal("The token is not a JSON Web Token.", result.Reason);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("nOnE")]
    [InlineData("hs256")]
    [InlineData("HS512")]
    [InlineData("RS256")]
    [InlineData("")]
    public async Task An_algorithm_that_is_no_keys_has_no_key(string algorithm)
    {
        string header = $$"""{"alg":"{{algorithm}}"}""";
        foreach (string token in new[] { Tokens.Hs256(Tokens.Claims(), header), Tokens.Sign(header, Tokens.Claims(), static _ => [0]) })
        {
            WsAuthenticationResult result = await JudgeAsync(token);
            Assert.Null(result.User);
            Assert.Equal(algorithm.Length == 0 ? "The token is not a JSON Web Token." : "The token's algorithm or key is not accepted.", result.Reason);
        }
    }

    [Fact]
    public async Task A_public_key_is_never_a_secret()
    {
        // The attacker has the public key in every form it is published in, and signs with it as if it were the secret.
        byte[][] publicForms =
        [
            Tokens.Rsa.ExportRSAPublicKey(),
            Tokens.Rsa.ExportSubjectPublicKeyInfo(),
            Encoding.ASCII.GetBytes(Tokens.Rsa.ExportSubjectPublicKeyInfoPem()),
            Encoding.ASCII.GetBytes(Tokens.Rsa.ExportRSAPublicKeyPem() + "\n"),
            Tokens.Rsa.ExportParameters(false).Modulus!,
        ];
        foreach (byte[] form in publicForms)
        {
            foreach (string header in new[] { """{"alg":"HS256"}""", """{"alg":"RS256"}""" })
            {
                string token = Tokens.Sign(header, Tokens.Claims("eve"), data => HMACSHA256.HashData(form, data));
                Assert.Null((await JudgeAsync(token, With(WsJwtKey.Rsa(Tokens.Rsa)))).User);
            }
        }

        Assert.NotNull((await JudgeAsync(Tokens.Rs256(Tokens.Claims()), With(WsJwtKey.Rsa(Tokens.Rsa)))).User);
    }

    [Fact]
    public async Task A_key_takes_only_tokens_that_name_it_or_name_none()
    {
        Action<WsJwtOptions> keys = With(WsJwtKey.Hmac(Tokens.Secret, keyId: "a"), WsJwtKey.Rsa(Tokens.Rsa, keyId: "b"));

        Assert.NotNull((await JudgeAsync(Tokens.Hs256(Tokens.Claims()), keys)).User);
        Assert.NotNull((await JudgeAsync(Tokens.Hs256(Tokens.Claims(), """{"alg":"HS256","kid":"a"}"""), keys)).User);
        Assert.NotNull((await JudgeAsync(Tokens.Rs256(Tokens.Claims(), """{"alg":"RS256","kid":"b"}"""), keys)).User);

        // The id of one key with the algorithm of the other, an unknown one, and keys that a token brings along.
        foreach (string header in new[]
        {
            """{"alg":"HS256","kid":"b"}""", """{"alg":"HS256","kid":"c"}""", """{"alg":"HS256","kid":"../../dev/null"}""", """{"alg":"HS256","kid":""}""",
        })
        {
            Assert.Equal("The token's algorithm or key is not accepted.", (await JudgeAsync(Tokens.Hs256(Tokens.Claims(), header), keys)).Reason);
        }

        byte[] own = new byte[32];
        string jwk = $$"""{"alg":"HS256","jku":"https://evil.example/keys","jwk":{"kty":"oct","k":"{{Tokens.Encode(own)}}"} }""";
        Assert.Equal("The token's signature is wrong.", (await JudgeAsync(Tokens.Sign(jwk, Tokens.Claims(), data => HMACSHA256.HashData(own, data)), keys)).Reason);
    }

    [Fact]
    public async Task Keys_may_be_rotated()
    {
        WsJwtKey[] current = [WsJwtKey.Hmac(new byte[32])];
        JwtAuthenticator authenticator = Create(options =>
        {
            options.KeySource = () => current;
            options.ValidIssuers.Add(Tokens.Issuer);
            options.ValidAudiences.Add(Tokens.Audience);
        });
        Assert.Null((await AskAsync(authenticator, Tokens.User("ann"))).User);
        current = [WsJwtKey.Hmac(Tokens.Secret)];
        Assert.NotNull((await AskAsync(authenticator, Tokens.User("ann"))).User);
    }

    [Theory]
    [InlineData("""{"aud":"desk","sub":"ann","exp":EXP}""", "The token's issuer is not accepted.")]
    [InlineData("""{"iss":"https://issuer.example/","aud":"desk","sub":"ann","exp":EXP}""", "The token's issuer is not accepted.")]
    [InlineData("""{"iss":"https://ISSUER.example","aud":"desk","sub":"ann","exp":EXP}""", "The token's issuer is not accepted.")]
    [InlineData("""{"iss":"https://issuer.example","sub":"ann","exp":EXP}""", "The token is not for this audience.")]
    [InlineData("""{"iss":"https://issuer.example","aud":[],"sub":"ann","exp":EXP}""", "The token is not for this audience.")]
    [InlineData("""{"iss":"https://issuer.example","aud":["Desk","desk "],"sub":"ann","exp":EXP}""", "The token is not for this audience.")]
    [InlineData("""{"iss":"https://issuer.example","aud":"desk","sub":"ann"}""", "The token has no expiry.")]
    [InlineData("""{"iss":"https://issuer.example","aud":"desk","sub":"ann","exp":0}""", "The token has expired.")]
    [InlineData("""{"iss":"https://issuer.example","aud":"desk","sub":"ann","exp":-1e300}""", "The token has expired.")]
    [InlineData("""{"iss":"https://issuer.example","aud":"desk","sub":"ann","exp":EXP,"nbf":1e300}""", "The token is not valid yet.")]
    [InlineData("""{"iss":"https://issuer.example","aud":["other","desk"],"exp":1e300}""", null)]
    public async Task Claims_that_are_missing_or_wrong_are_refused(string claims, string? reason)
    {
        string exp = (Tokens.Start.ToUnixTimeSeconds() + 60).ToString(System.Globalization.CultureInfo.InvariantCulture);

        Assert.Equal(reason, (await JudgeAsync(Tokens.Hs256(claims.Replace("EXP", exp, StringComparison.Ordinal)))).Reason);
    }

    [Theory]
    [InlineData(60, 0, 60)]
    [InlineData(1, 0, 1)]
    [InlineData(0, 0, 30)]
    [InlineData(-29, 0, 1)]
    [InlineData(-30, 0, null)]
    [InlineData(60, 30, 60)]
    [InlineData(60, 31, null)]
    public async Task Clocks_may_differ_by_the_skew_and_no_more(int expiresAfter, int notBeforeAfter, int? endsAfter)
    {
        long notBefore = Tokens.Start.ToUnixTimeSeconds() + notBeforeAfter;
        WsAuthenticationResult result = await JudgeAsync(Tokens.Hs256(Tokens.Claims("ann", expiresAfter, $",\"nbf\":{notBefore}")));

        Assert.Equal(endsAfter is { } seconds ? Tokens.Start.AddSeconds(seconds) : null, result.ExpiresAt);
        Assert.Equal(endsAfter is null, result.User is null);
    }

    [Fact]
    public async Task A_fraction_of_a_second_counts()
    {
        long seconds = Tokens.Start.ToUnixTimeSeconds();
        WsAuthenticationResult result = await JudgeAsync(Tokens.Hs256($$"""{"iss":"{{Tokens.Issuer}}","aud":"{{Tokens.Audience}}","exp":{{seconds}}.5}"""));

        Assert.Equal(Tokens.Start.AddMilliseconds(500), result.ExpiresAt);
        Assert.Null(result.User!.FindFirst(ClaimTypes.NameIdentifier));
    }

    [Fact]
    public async Task The_type_and_the_users_id_are_what_the_options_say()
    {
        Action<WsJwtOptions> typed = options =>
        {
            Tokens.Configure(options);
            options.ValidTypes.Add("at+jwt");
            options.UserIdClaim = "oid";
        };
        string claims = Tokens.Claims("ann", 60, $$""","oid":"17","{{ClaimTypes.NameIdentifier}}":"eve" """);

        Assert.Equal("The token's typ is not accepted.", (await JudgeAsync(Tokens.Hs256(claims), typed)).Reason);
        WsAuthenticationResult result = await JudgeAsync(Tokens.Hs256(claims, """{"alg":"HS256","typ":"AT+JWT"}"""), typed);
        Assert.Equal("17", AcceptedConnection.IdOf(result.User));
        Assert.Single(result.User!.FindAll(ClaimTypes.NameIdentifier));
        Assert.Equal("The token does not say whose it is.", (await JudgeAsync(Tokens.Hs256(Tokens.Claims(), """{"alg":"HS256","typ":"at+jwt"}"""), typed)).Reason);
    }

    [Fact]
    public void Options_that_would_take_anybodys_tokens_are_refused()
    {
        Assert.Contains("Keys", Assert.Throws<InvalidOperationException>(() => Create(options => options.ValidIssuers.Add("x"))).Message, StringComparison.Ordinal);
        foreach (Action<WsJwtOptions> break_ in new Action<WsJwtOptions>[]
        {
            options => options.ValidIssuers.Clear(), options => options.ValidAudiences.Clear(), options => options.ClockSkew = TimeSpan.FromHours(1),
            options => options.ClockSkew = TimeSpan.FromSeconds(-1), options => options.UserIdClaim = "",
        })
        {
            Assert.Throws<InvalidOperationException>(() => Create(options =>
            {
                Tokens.Configure(options);
                break_(options);
            }));
        }
    }

    [Fact]
    public void Keys_that_are_too_weak_or_of_another_kind_are_refused()
    {
        using RSA small = RSA.Create(1024);
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);

        Assert.Throws<ArgumentException>(() => WsJwtKey.Hmac(new byte[31]));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Hmac(new byte[63], "HS512"));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Hmac(new byte[64], "RS256"));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Hmac(new byte[64], "none"));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Hmac(new byte[64], "HS1"));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Rsa(small));
        Assert.Throws<ArgumentException>(() => WsJwtKey.Rsa(Tokens.Rsa, "HS256"));
        Assert.Throws<ArgumentException>(() => WsJwtKey.ECDsa(p384));
        Assert.Throws<ArgumentException>(() => WsJwtKey.ECDsa(Tokens.Ecdsa, "RS256"));
    }

    [Fact]
    public async Task A_token_is_judged_on_many_threads_at_once()
    {
        JwtAuthenticator authenticator = Create(With(WsJwtKey.Rsa(Tokens.Rsa), WsJwtKey.ECDsa(Tokens.Ecdsa)));
        string[] good = [Tokens.Rs256(Tokens.Claims()), Tokens.Sign("""{"alg":"ES256"}""", Tokens.Claims(), static data => Tokens.Ecdsa.SignData(data, HashAlgorithmName.SHA256))];
        string bad = good[0][..^8] + "AAAAAAAA";
        await Parallel.ForAsync(0, 400, async (i, _) =>
        {
            Assert.NotNull((await AskAsync(authenticator, good[i % 2])).User);
            Assert.Null((await AskAsync(authenticator, bad)).User);
        });
    }

    private static Action<WsJwtOptions> With(params WsJwtKey[] keys) => options =>
    {
        foreach (WsJwtKey key in keys)
        {
            options.Keys.Add(key);
        }

        options.ValidIssuers.Add(Tokens.Issuer);
        options.ValidAudiences.Add(Tokens.Audience);
    };

    private static Task<WsAuthenticationResult> AskAsync(JwtAuthenticator authenticator, string? token) =>
        authenticator.AuthenticateAsync(new WsAuthenticationRequest { Token = token, Path = "/ws" }, CancellationToken.None).AsTask();

    private JwtAuthenticator Create(Action<WsJwtOptions> configure)
    {
        var options = new WsJwtOptions();
        configure(options);
        return new JwtAuthenticator(options, "", _clock);
    }

    private Task<WsAuthenticationResult> JudgeAsync(string token, Action<WsJwtOptions>? configure = null) => AskAsync(Create(configure ?? Tokens.Configure), token);
}
