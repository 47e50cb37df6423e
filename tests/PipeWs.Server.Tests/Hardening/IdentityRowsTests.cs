using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Hubs;
using PipeWs.Server.Identity;
using PipeWs.Server.Tests.Identity;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 40 (the time to authenticate) and 45 to 48.</summary>
public sealed class IdentityRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_40_a_connection_that_does_not_say_who_it_is_within_15_seconds_is_closed_with_3001(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider(Tokens.Start);
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage, static builder => builder.UseJwtBearer(Tokens.Configure), clock, hasBystander: false);
        await using RawPeer good = await server.OpenAsync();
        (RawPeer silent, HubConnection connection) = await server.OpenWithConnectionAsync();
        (RawPeer chatty, HubConnection chattyConnection) = await server.OpenWithConnectionAsync();
        await using (silent)
        await using (chatty)
        {
            // {"type":"auth","data":{"token":"..."}} in one masked frame, as every frame of a client is.
            await good.AskAsync(Tokens.Auth(Tokens.User("ann", 3600), "1"), """{"id":"1","type":"ack"}""");
            clock.Advance(TimeSpan.FromSeconds(14.4));
            Assert.False(connection.ConnectionClosed.IsCancellationRequested);
            await chatty.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

            await silent.ReadCloseInTimeAsync(3001, connection, clock);
            await chatty.ReadCloseInTimeAsync(3001, chattyConnection, clock);
            await good.AskAsync("""{"id":"2","action":"echo","data":"still here"}""", """{"id":"2","type":"echo","data":"still here"}""");
            await WhileTimePassesAsync(clock, server.AssertConnectionsAsync(1));
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_45_a_token_is_in_no_line_that_is_logged(Door door, bool isSecure)
    {
        var lines = new EveryLine();
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, static options => options.Subprotocols.Add("json"), static builder => builder.UseJwtBearer(Tokens.Configure).ConfigureRooms("x", static room => room.RequireAuthorization()),
            new ManualTimeProvider(Tokens.Start), services: services =>
            {
                lines.AddTo(services);
                services.AddAuthorization();
            }, hasBystander: false);
        string good = Tokens.User("ann");
        string bad = good[..^4] + "AAAA";
        string another = Tokens.User("bob");
        string[] handshakes =
        [
            RawPeer.Handshake($"GET /ws?token={good} HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?a=1&%74oken={good}&b=2 HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?token={bad} HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?token={good}&token={another} HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?token={good} HTTP/1.1", key: null),
            RawPeer.Handshake($"GET /ws?token={good} HTTP/1.1", more: "Origin: https://evil.example"),
            RawPeer.Handshake($"GET /ws?token={good} HTTP/1.1", host: "Host: a, b"),
            RawPeer.Handshake(more: $"Authorization: Bearer {good}"),
            RawPeer.Handshake(more: $"Authorization: Bearer {bad}"),
            RawPeer.Handshake(more: $"Authorization: Bearer {good}\r\nAuthorization: Bearer {another}"),
            RawPeer.Handshake(more: $"Sec-WebSocket-Protocol: json, bearer.{good}"),
            RawPeer.Handshake(more: $"Sec-WebSocket-Protocol: json, bearer.{bad}"),
            RawPeer.Handshake(more: $"Sec-WebSocket-Protocol: json, bearer64.{Tokens.Encode(Encoding.UTF8.GetBytes(good))}"),
        ];
        var answers = new List<int>();
        foreach (string handshake in handshakes)
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(handshake);
            HttpAnswer answer = await peer.ReadAnswerAsync();
            answers.Add(answer.StatusCode);
            Assert.DoesNotContain(good[^20..], string.Join(" ", answer.Headers.Values) + answer.Body, StringComparison.Ordinal);
            if (answer.StatusCode == 101)
            {
                await peer.ReadTextAsync();
                await peer.SendTextAsync(Tokens.Auth(bad, "1"));
                Assert.Contains("\"code\":401", await peer.ReadTextAsync(), StringComparison.Ordinal);
                await peer.SendTextAsync(Tokens.Auth(another, "2"));
                Assert.Contains("\"code\":403", await peer.ReadTextAsync(), StringComparison.Ordinal);
                Assert.All(server.Hub.Connections, connection => Assert.DoesNotContain(good, connection.Query, StringComparison.Ordinal));
                await peer.CloseAsync();
            }
        }

        Assert.Equal([101, 101, 401, 400, 400, 403, 400, 101, 401, 400, 101, 401, 101], answers);
        await server.AssertConnectionsAsync(0);

        // A signature is enough to know a token by: the three differ in nothing else that could be logged.
        string[] secrets = [.. new[] { good, bad, another }.Select(static token => token[(token.LastIndexOf('.') + 1)..]), Tokens.Encode(Encoding.UTF8.GetBytes(good))[^20..]];
        Assert.NotEmpty(lines.All);
        Assert.All(lines.All, line => Assert.All(secrets, secret => Assert.DoesNotContain(secret, line, StringComparison.Ordinal)));
        if (door == Door.Mapped)
        {
            // The host's own line is there, with everything else of the address.
            Assert.Contains(lines.All, static line => line.Contains("Request starting", StringComparison.Ordinal) && line.Contains("?a=1&token=[redacted]&b=2", StringComparison.Ordinal));
            Assert.Contains(lines.All, static line => line.Contains("Request finished", StringComparison.Ordinal) && line.Contains("?token=[redacted]", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Row_45_a_token_is_in_no_line_that_is_logged_over_http_2()
    {
        var lines = new EveryLine();
        await using TestServer server = await TestServer.StartAsync(Door.MappedH2, isSecure: false, services =>
        {
            lines.AddTo(services);
            services.AddSingleton<TimeProvider>(new ManualTimeProvider(Tokens.Start));
            services.AddPipeWs().UseJwtBearer(Tokens.Configure);
        });
        string token = Tokens.User("ann");
        using (System.Net.WebSockets.ClientWebSocket socket = await server.OpenAsync($"/ws?token={token}"))
        {
            byte[] welcome = new byte[1000];
            Assert.True((await socket.ReceiveAsync(welcome, CancellationToken.None)).Count > 0);
        }

        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() => server.OpenAsync($"/ws?token={token}x"));
        Assert.Contains(lines.All, static line => line.Contains("Request starting HTTP/2", StringComparison.Ordinal) && line.Contains("?token=[redacted]", StringComparison.Ordinal));
        Assert.All(lines.All, line => Assert.DoesNotContain(token[(token.LastIndexOf('.') + 1)..], line, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_45_nor_where_the_request_is_no_handshake_or_the_name_is_written_otherwise(Door door, bool isSecure)
    {
        var lines = new EveryLine();
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, static options => options.Authentication.Mode = WsAuthenticationMode.Optional, static builder => builder.UseJwtBearer(Tokens.Configure), new ManualTimeProvider(Tokens.Start), services: lines.AddTo, hasBystander: false);
        string token = Tokens.User("ann");
        foreach (string request in (string[])
        [
            $"GET /ws?token={token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            $"POST /ws?a=b&token={token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            RawPeer.Handshake($"GET /ws?TOKEN={token} HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?To%6Ben={token} HTTP/1.1"),
            RawPeer.Handshake($"GET /ws?access_token={token} HTTP/1.1"),
        ])
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(request);
            _ = await peer.ReadAnswerAsync();
        }

        await server.AssertConnectionsAsync(0);
        if (door != Door.Handler)
        {
            await Conditions.UntilAsync(() => lines.All.Any(static line => line.Contains("Request finished", StringComparison.Ordinal) && line.Contains("POST", StringComparison.Ordinal)), "HTTP has logged the requests that are its own");
        }

        Assert.All(lines.All, line => Assert.DoesNotContain(token[(token.LastIndexOf('.') + 1)..], line, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_46_a_token_that_expires_during_the_connection_closes_it_with_3005_unless_it_is_refreshed(Door door, bool isSecure)
    {
        var clock = new ManualTimeProvider(Tokens.Start);
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, static options => options.PingInterval = Timeout.InfiniteTimeSpan, static builder => builder.UseJwtBearer(Tokens.Configure), clock, hasBystander: false);
        string handshake = RawPeer.Handshake($"GET /ws?token={Tokens.User("ann", 60)} HTTP/1.1");
        (RawPeer left, HubConnection connection) = await server.OpenWithConnectionAsync(handshake);
        (RawPeer refreshed, HubConnection refreshedConnection) = await server.OpenWithConnectionAsync(handshake);
        await using (left)
        await using (refreshed)
        {
            clock.Advance(TimeSpan.FromSeconds(59.4));
            Assert.False(connection.ConnectionClosed.IsCancellationRequested);
            await refreshed.AskAsync(Tokens.Auth(Tokens.User("ann", 120), "1"), """{"id":"1","type":"ack"}""");

            await left.ReadCloseInTimeAsync(3005, connection, clock);
            Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(115));
            await refreshed.AskAsync("""{"id":"2","action":"echo","data":1}""", """{"id":"2","type":"echo","data":1}""");
            await refreshed.ReadCloseInTimeAsync(3005, refreshedConnection, clock);
            Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(120));
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_47_a_token_that_is_nearly_right_is_as_wrong_as_any(Door door, bool isSecure)
    {
        const string Token = "a-token-of-many-characters";
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, build: static builder => builder.UseStaticTokens(new Dictionary<string, string> { [Token] = "ann", ["another"] = "bob" }), hasBystander: false);
        foreach (string wrong in new[] { Token[..^1], Token + "x", Token[..^1] + "X", "x" + Token[1..], Token.ToUpperInvariant(), "x" })
        {
            await AssertRefusedAsync(server, RawPeer.Handshake($"GET /ws?token={wrong} HTTP/1.1"), 401, "Bearer error=\"invalid_token\", error_description=\"The token is not known.\"");
        }

        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(RawPeer.Handshake($"GET /ws?token={Token} HTTP/1.1"));
        await peer.DisposeAsync();
        Assert.Equal("ann", connection.UserId);
    }

    [Theory]
    [InlineData(typeof(StaticTokenAuthenticator))]
    [InlineData(typeof(WsJwtKey))]
    public void Row_47_secrets_are_compared_in_fixed_time_and_in_no_other_way(Type type)
    {
        MethodBase[] called = [.. new[] { type }.Concat(type.GetNestedTypes(BindingFlags.NonPublic)).SelectMany(CallsOf)];

        Assert.Contains(called, static method => method.DeclaringType == typeof(CryptographicOperations) && method.Name == nameof(CryptographicOperations.FixedTimeEquals));
        Assert.DoesNotContain(called, static method => method.Name is "SequenceEqual" or "SequenceCompareTo");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_48_tokens_that_an_attacker_can_make_are_refused_with_401(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            build: static builder => builder.UseJwtBearer(static options =>
            {
                options.Keys.Add(WsJwtKey.Rsa(Tokens.Rsa, keyId: "k1"));
                options.ValidIssuers.Add(Tokens.Issuer);
                options.ValidAudiences.Add(Tokens.Audience);
            }),
            clock: new ManualTimeProvider(Tokens.Start),
            hasBystander: false);

        // The words of RFC 7519, section 6.1: an unsecured token; then with the public key as the secret; then signed as it should be, and saying too little.
        string none = "eyJhbGciOiJub25lIn0." + Tokens.Encode(Encoding.UTF8.GetBytes(Tokens.Claims())) + ".";
        string noneSigned = Tokens.Rs256(Tokens.Claims(), """{"alg":"none"}""");
        byte[] pem = Encoding.ASCII.GetBytes(Tokens.Rsa.ExportSubjectPublicKeyInfoPem());
        string confused = Tokens.Sign("""{"alg":"HS256","kid":"k1"}""", Tokens.Claims(), data => HMACSHA256.HashData(pem, data));
        string claims = Tokens.Claims();
        int aud = claims.IndexOf("\"aud\"", StringComparison.Ordinal);
        string noAudience = claims.Remove(aud, claims.IndexOf(',', aud) + 1 - aud);
        string noExpiry = claims[..claims.IndexOf(",\"exp\"", StringComparison.Ordinal)] + "}";
        (string Token, string Reason)[] attacks =
        [
            (none, "The token is not a JSON Web Token."),
            (noneSigned, "The token's algorithm or key is not accepted."),
            (confused, "The token's algorithm or key is not accepted."),
            (Tokens.Rs256(claims)[..^6] + "AAAAAA", "The token's signature is wrong."),
            (Tokens.Rs256(noExpiry), "The token has no expiry."),
            (Tokens.Rs256(noAudience), "The token is not for this audience."),
            (Tokens.Rs256(Tokens.Claims(expiresAfterSeconds: -30)), "The token has expired."),
            (Tokens.Rs256(Tokens.Claims(more: $",\"nbf\":{Tokens.Start.ToUnixTimeSeconds() + 31}")), "The token is not valid yet."),
            (Tokens.Rs256(claims.Replace("issuer", "attacker", StringComparison.Ordinal)), "The token's issuer is not accepted."),
            (Tokens.Rs256(claims, """{"alg":"RS256","kid":"k2"}"""), "The token's algorithm or key is not accepted."),
        ];
        foreach ((string token, string reason) in attacks)
        {
            await AssertRefusedAsync(
                server, RawPeer.Handshake($"GET /ws?token={token} HTTP/1.1"), 401, $"Bearer error=\"invalid_token\", error_description=\"{reason}\"");
        }

        await using RawPeer good = await server.OpenAsync(RawPeer.Handshake($"GET /ws?token={Tokens.Rs256(claims)} HTTP/1.1"));
        await using RawPeer late = await server.OpenAsync(RawPeer.Handshake($"GET /ws?token={Tokens.Rs256(Tokens.Claims(expiresAfterSeconds: -29))} HTTP/1.1"));
        await server.AssertConnectionsAsync(2);
    }

    private static async Task AssertRefusedAsync(HubServer server, string handshake, int status, string challenge)
    {
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(handshake);
        HttpAnswer answer = await peer.ReadAnswerAsync();
        Assert.Equal((status, challenge, "close"), (answer.StatusCode, answer["WWW-Authenticate"], answer["Connection"]));
        await peer.AssertClosedAsync();
    }

    private static IEnumerable<MethodBase> CallsOf(Type type)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
        {
            byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
            for (int i = 0; i + 5 <= code.Length; i++)
            {
                // call (28) and callvirt (6F) with a token of a method; what is no token of one is other bytes that look like it.
                if (code[i] is 0x28 or 0x6F && BitConverter.ToInt32(code, i + 1) is int token && token >> 24 is 0x06 or 0x0A or 0x2B && TryResolve(method, token) is { } called)
                {
                    yield return called;
                }
            }
        }
    }

    private static MethodBase? TryResolve(MethodBase method, int token)
    {
        try
        {
            return method.Module.ResolveMethod(token, method.DeclaringType!.GetGenericArguments(), method.IsGenericMethod ? method.GetGenericArguments() : null);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
