using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Identity;

/// <summary>Who is let in at the handshake, by every door alike.</summary>
public sealed class HandshakeAuthenticationTests
{
    private static readonly Dictionary<string, string> s_users = new() { ["ann-token"] = "ann", ["bob-token"] = "bob" };

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_connection_without_a_token_is_refused_with_401(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);

        HttpAnswer answer = await RefusedAsync(server, RawPeer.Handshake());

        Assert.Equal((401, "Bearer", "This WebSocket needs a token.\n"), (answer.StatusCode, answer["WWW-Authenticate"], answer.Body));
        Assert.Equal(401, (await RefusedAsync(server, RawPeer.Handshake("GET /ws?token= HTTP/1.1"))).StatusCode);
        await server.AssertConnectionsAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_token_is_taken_from_each_of_its_places(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure, static options => options.Subprotocols.Add("json"));
        foreach ((string handshake, string query, string? subprotocol) in new[]
        {
            (RawPeer.Handshake("GET /ws?room=7&token=ann-token HTTP/1.1"), "?room=7", (string?)null),
            (RawPeer.Handshake(more: "Authorization: Bearer ann-token"), "", null),
            (RawPeer.Handshake(more: "Sec-WebSocket-Protocol: json, bearer.ann-token"), "", "json"),
            (RawPeer.Handshake("GET /ws?token=ann-token HTTP/1.1", more: "Authorization: bearer ann-token\r\nSec-WebSocket-Protocol: bearer.ann-token, json"), "", "json"),
        })
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(handshake);
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal((101, subprotocol), (answer.StatusCode, answer["Sec-WebSocket-Protocol"]));
            await peer.ReadTextAsync();
            await peer.SettleAsync();
            IWsConnection connection = Assert.Single(server.Hub.UserConnections("ann"));
            Assert.Equal(("ann", query, subprotocol), (connection.User.Identity!.Name, connection.Query, connection.Subprotocol));
            await peer.CloseAsync();
            await server.AssertConnectionsAsync(0);
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_token_in_a_subprotocol_is_never_the_one_agreed_on(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure, static options => options.Subprotocols.Add("bearer.ann-token"));
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake(more: "Sec-WebSocket-Protocol: bearer.ann-token"));

        HttpAnswer answer = await peer.ReadAnswerAsync();

        Assert.Equal((101, null), (answer.StatusCode, answer["Sec-WebSocket-Protocol"]));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Tokens_that_differ_are_refused_with_400(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        foreach (string handshake in new[]
        {
            RawPeer.Handshake("GET /ws?token=ann-token HTTP/1.1", more: "Authorization: Bearer bob-token"),
            RawPeer.Handshake("GET /ws?token=ann-token&token=bob-token HTTP/1.1"),
            RawPeer.Handshake("GET /ws?token=ann-token HTTP/1.1", more: "Sec-WebSocket-Protocol: bearer.bob-token"),
            RawPeer.Handshake(more: "Authorization: Bearer"),
            RawPeer.Handshake(more: "Authorization: Bearer ann token"),
        })
        {
            HttpAnswer answer = await RefusedAsync(server, handshake);
            Assert.Equal(400, answer.StatusCode);
            Assert.StartsWith("Bearer error=\"invalid_request\"", answer["WWW-Authenticate"], StringComparison.Ordinal);
        }

        // One header twice is no request at all, whatever it says.
        Assert.Equal(400, (await RefusedAsync(server, RawPeer.Handshake(more: "Authorization: Bearer ann-token\r\nAuthorization: Bearer ann-token"))).StatusCode);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Where_authentication_is_optional_no_token_is_anonymous_and_a_bad_one_is_refused(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure, static options => options.Authentication.Mode = WsAuthenticationMode.Optional);
        (RawPeer anonymous, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (anonymous)
        {
            Assert.Null(connection.UserId);
            Assert.False(connection.User.Identity is { IsAuthenticated: true });
            Assert.Equal(401, (await RefusedAsync(server, Tokens.Handshake("eve-token"))).StatusCode);
            await using RawPeer ann = await server.OpenAsync(Tokens.Handshake("ann-token"));
            await ann.SettleAsync();
            Assert.Single(server.Hub.UserConnections("ann"));

            // And it may say who it is later, in place.
            await anonymous.AskAsync(Tokens.Auth("bob-token"), """{"id":"1","type":"ack"}""");
            Assert.Same(connection, Assert.Single(server.Hub.UserConnections("bob")));
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task An_authenticator_sees_what_the_handshake_says(Door door, bool isSecure)
    {
        WsAuthenticationRequest? seen = null;
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            static options => options.AllowAnyOrigin(),
            builder => builder.UseAuthenticator((request, _) =>
            {
                seen = request;
                return new(request.Authorization == "Key 42" ? WsAuthenticationResult.Success(Principal("ann")) : WsAuthenticationResult.Refuse($"no \"{request.Token}\" é"));
            }),
            hasBystander: false);

        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake("GET /ws?a=1&token=t%20t HTTP/1.1", more: "Authorization: Key 42\r\nOrigin: https://a.example\r\nSec-WebSocket-Protocol: one,two"));

        await peer.SettleAsync();
        Assert.NotNull(seen);
        Assert.Equal(("t t", "/ws", "?a=1", "one,two", "https://a.example", isSecure), (seen.Token, seen.Path, seen.Query, seen.Subprotocols, seen.Origin, seen.IsSecure));
        Assert.NotNull(seen.RemoteEndPoint);
        Assert.Null(seen.Connection);
        Assert.Single(server.Hub.UserConnections("ann"));

        // What it says goes into a header: nothing may break out of it, and no token may be in it.
        Assert.Equal("Bearer error=\"invalid_token\", error_description=\"The token is not accepted.\"", (await RefusedAsync(server, Tokens.Handshake("secret")))["WWW-Authenticate"]);
        Assert.Equal("Bearer error=\"invalid_token\", error_description=\"no '' ?\"", (await RefusedAsync(server, RawPeer.Handshake()))["WWW-Authenticate"]);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task An_authenticator_that_fails_refuses_with_500_and_one_that_hangs_with_503(Door door, bool isSecure)
    {
        var clock = new ManualClock();
        var lines = new EveryLine();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            build: static builder => builder.UseAuthenticator(static async (request, cancellationToken) =>
            {
                if (request.Token != "hang")
                {
                    throw new InvalidOperationException($"Cannot judge {request.Token}.");
                }

                // Not even its own cancellation moves it.
                await new TaskCompletionSource().Task;
                return WsAuthenticationResult.NoCredentials;
            }),
            clock: clock,
            services: lines.AddTo,
            hasBystander: false);

        Assert.Equal(500, (await RefusedAsync(server, Tokens.Handshake("s3cr3t"))).StatusCode);
        Assert.Contains(lines.All, static line => line.Contains("2201", StringComparison.Ordinal));
        Assert.All(lines.All, static line => Assert.DoesNotContain("s3cr3t", line, StringComparison.Ordinal));

        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(Tokens.Handshake("hang"));
        await clock.TimerAsync(TimeSpan.FromSeconds(15));
        clock.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(503, (await peer.ReadAnswerAsync()).StatusCode);
        await server.AssertConnectionsAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Who_goes_while_he_is_judged_was_not_refused(Door door, bool isSecure)
    {
        var lines = new EveryLine();
        var judging = new TaskCompletionSource();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            build: builder => builder.UseAuthenticator(async (_, cancellationToken) =>
            {
                judging.SetResult();
                await Task.Delay(Timeout.Infinite, cancellationToken);
                return WsAuthenticationResult.NoCredentials;
            }),
            services: lines.AddTo,
            hasBystander: false);
        using (var meter = new MeterRecorder(server.Server.App.Services))
        {
            await using (RawPeer peer = await server.Server.ConnectAsync())
            {
                await peer.SendAsync(Tokens.Handshake("x"));
                await judging.Task.Soon();
            }

            await Conditions.UntilAsync(() => lines.All.Any(static line => line.Contains(" 101: ", StringComparison.Ordinal)), "it is told of as lost");
            Assert.Empty(meter.Recorded("pipews.server.handshake.refusals"));
        }

        Assert.Equal(0, server.Hub.AuthenticationRefusals);
        Assert.DoesNotContain(lines.All, static line => line.Contains("PipeWs.Server.Hosting Information 100:", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_service_of_the_application_may_authenticate_and_use_the_hub(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: static builder => builder.UseAuthenticator<OnceOnly>(), hasBystander: false);
        await using RawPeer first = await server.OpenAsync(Tokens.Handshake("ann"));
        await first.SettleAsync();

        HttpAnswer second = await RefusedAsync(server, Tokens.Handshake("ann"));

        Assert.Contains("already connected", second.Body, StringComparison.Ordinal);
        await using RawPeer other = await server.OpenAsync(Tokens.Handshake("bob"));
    }

    [Fact]
    public async Task The_mapped_door_takes_the_applications_user_first_and_the_hubs_token_where_there_is_none()
    {
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped, build: static builder => builder.UseStaticTokens(s_users), services: UserFromQuery.AddTo, app: UserFromQuery.Use, hasBystander: false);

        await using RawPeer application = await server.OpenAsync(UserFromQuery.Handshake("carl"));
        await using RawPeer hub = await server.OpenAsync(Tokens.Handshake("ann-token"));
        Assert.Equal(["ann", "carl"], server.Hub.Connections.Select(static connection => connection.UserId).Order(StringComparer.Ordinal));
        Assert.Equal(401, (await RefusedAsync(server, RawPeer.Handshake())).StatusCode);
    }

    [Fact]
    public async Task The_mapped_door_may_leave_authentication_to_the_application_alone()
    {
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped, build: static builder => builder.RequireAuthentication(), services: UserFromQuery.AddTo, app: UserFromQuery.Use, hasBystander: false);

        Assert.Equal(401, (await RefusedAsync(server, RawPeer.Handshake())).StatusCode);
        await using RawPeer application = await server.OpenAsync(UserFromQuery.Handshake("carl"));
        await application.AskAsync("""{"id":"1","type":"auth","data":{"token":"x"}}""", """{"id":"1","type":"error","code":404,"data":"unknown action \"auth\""}""");
    }

    [Fact]
    public async Task A_token_in_the_query_stays_where_the_application_looks_for_it()
    {
        string? query = null;
        string? token = null;
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped,
            build: static builder => builder.UseStaticTokens(s_users),
            app: app => app.Use((Microsoft.AspNetCore.Http.HttpContext context, Func<Task> next) =>
            {
                (query, token) = (context.Request.QueryString.Value, context.Request.Query["token"]);
                return next();
            }),
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake("GET /ws?a=b&token=ann-token HTTP/1.1"));

        Assert.Equal(("?a=b&token=[redacted]", "ann-token"), (query, token));

        // Other requests are none of our business.
        using HttpClient http = server.Server.CreateHttpClient();
        await http.GetStringAsync("/page?token=mine");
        Assert.Equal(("?token=mine", "mine"), (query, token));
    }

    [Fact]
    public async Task A_hub_has_one_authenticator()
    {
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            HubServer.JsonAsync(build: static builder => builder.UseStaticTokens(s_users).UseJwtBearer(Tokens.Configure)));
        Assert.Contains("one at most", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task What_is_wrong_with_an_authenticator_is_found_when_the_application_starts(Door door)
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => HubServer.JsonAsync(door, build: static builder => builder.UseJwtBearer(static options => options.Keys.Add(WsJwtKey.Hmac(Tokens.Secret)))));
        await Assert.ThrowsAsync<InvalidOperationException>(() => HubServer.JsonAsync(
            door, configure: static options => options.Authentication.TokenSources = WsTokenSources.None, build: static builder => builder.UseStaticTokens(s_users)));
        await Assert.ThrowsAsync<ArgumentException>(() => HubServer.JsonAsync(
            door, build: static builder => builder.UseStaticTokens(s_users).MapAction("auth", static context => default)));
    }

    private static Task<HubServer> StartAsync(Door door, bool isSecure, Action<PipeWsOptions>? configure = null) =>
        HubServer.JsonAsync(door, isSecure, configure, static builder => builder.UseStaticTokens(s_users), hasBystander: false);

    private static async Task<HttpAnswer> RefusedAsync(HubServer server, string handshake)
    {
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(handshake);
        HttpAnswer answer = await peer.ReadAnswerAsync();
        Assert.NotEqual(101, answer.StatusCode);
        await peer.AssertClosedAsync();
        return answer;
    }

    private static ClaimsPrincipal Principal(string id) => new(new ClaimsIdentity([new Claim("sub", id)], "test"));

    private sealed class OnceOnly(IWsHub hub) : IConnectionAuthenticator
    {
        public ValueTask<WsAuthenticationResult> AuthenticateAsync(WsAuthenticationRequest request, CancellationToken cancellationToken) => new(
            request.Token is null ? WsAuthenticationResult.NoCredentials
            : hub.UserConnections(request.Token).Count > 0 ? WsAuthenticationResult.Refuse("already connected")
            : WsAuthenticationResult.Success(Principal(request.Token)));
    }
}
