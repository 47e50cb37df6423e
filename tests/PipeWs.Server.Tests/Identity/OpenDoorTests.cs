using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Tests.Support;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Identity;

/// <summary>What is protected on one door is not open on another: the application does not start, or every door asks for as much.</summary>
public sealed class OpenDoorTests
{
    private static readonly AuthorizationPolicy s_own = new AuthorizationPolicyBuilder().RequireClaim("desk").Build();

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task A_raw_door_beside_an_endpoint_with_authorization_needs_a_hub_that_asks_for_as_much(Door door)
    {
        // The endpoint, what the hub asks for, and whether that is enough.
        (Action<IEndpointConventionBuilder> Endpoint, Action<IPipeWsBuilder> Hub, bool Starts)[] cases =
        [
            (static endpoint => endpoint.RequireAuthorization(), static hub => { }, false),
            (static endpoint => endpoint.RequireAuthorization(), static hub => Authenticate(hub), true),
            (static endpoint => endpoint.RequireAuthorization(), static hub => Authenticate(hub, WsAuthenticationMode.FirstMessage), true),
            (static endpoint => endpoint.RequireAuthorization(), static hub => Authenticate(hub, WsAuthenticationMode.Optional), false),
            (static endpoint => endpoint.RequireAuthorization(), static hub => Authenticate(hub, WsAuthenticationMode.Optional).RequireAuthorization(), true),
            (static endpoint => endpoint.RequireAuthorization("traders"), static hub => Authenticate(hub), false),
            (static endpoint => endpoint.RequireAuthorization("traders"), static hub => Authenticate(hub).RequireAuthorization("traders"), true),
            (static endpoint => endpoint.RequireAuthorization("traders", "chiefs"), static hub => Authenticate(hub).RequireAuthorization("traders"), false),
            (static endpoint => endpoint.RequireAuthorization("traders", "chiefs"), static hub => Authenticate(hub).RequireAuthorization("chiefs", "traders"), true),
            (static endpoint => endpoint.RequireAuthorization(s_own), static hub => Authenticate(hub).RequireAuthorization("traders"), false),
            (static endpoint => endpoint.RequireAuthorization(s_own), static hub => Authenticate(hub).RequireAuthorization(s_own), true),
            (static endpoint => endpoint.RequireAuthorization(new AuthorizeAttribute { Roles = "a,b" }), static hub => Authenticate(hub).RequireAuthorization(Roles("b", "a")), true),
            (static endpoint => endpoint.RequireAuthorization(new AuthorizeAttribute { Roles = "a" }), static hub => Authenticate(hub).RequireAuthorization(Roles("a", "b")), false),
            (static endpoint => endpoint.WithMetadata(new NeedsDesk()), static hub => Authenticate(hub), false),
            (static endpoint => endpoint.RequireAuthorization("traders").AllowAnonymous(), static hub => { }, true),
        ];
        for (int i = 0; i < cases.Length; i++)
        {
            (Action<IEndpointConventionBuilder> endpoint, Action<IPipeWsBuilder> hub, bool starts) = cases[i];
            Exception? refused = await Record.ExceptionAsync(async () => await (await StartAsync(door, hub, app => endpoint(app.MapPipeWs("/ws")))).DisposeAsync());
            Assert.True(starts == refused is null, $"case {i}: {refused}");
            Assert.True(refused is null or InvalidOperationException, $"case {i}: {refused}");
        }
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task A_fallback_policy_counts_as_the_endpoints_own(Door door)
    {
        AuthorizationPolicy fallback = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build();
        await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(door, static hub => { }, static app => app.MapPipeWs("/ws"), fallback));
        await (await StartAsync(door, static hub => Authenticate(hub), static app => app.MapPipeWs("/ws"), fallback)).DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(door, static hub => Authenticate(hub), static app => app.MapPipeWs("/ws"), s_own));
    }

    [Fact]
    public async Task An_anonymous_endpoint_of_a_hub_that_requires_users_is_not_open_either()
    {
        await using TestServer server = await StartAsync(Door.Fast, static hub => Authenticate(hub), static app => app.MapPipeWs("/mapped").AllowAnonymous());
        foreach ((string path, int status) in new[] { ("/ws", 401), ("/mapped", 401), ("/ws?token=t", 101), ("/mapped?token=t", 101) })
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.SendAsync(RawPeer.Handshake($"GET {path} HTTP/1.1"));
            Assert.Equal(status, (await peer.ReadAnswerAsync()).StatusCode);
        }
    }

    [Fact]
    public async Task A_raw_door_to_a_hub_that_requires_users_and_cannot_know_any_refuses_to_start()
    {
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(Door.Fast, static hub => hub.RequireAuthentication(), static app => { }));
        Assert.Contains("has no authenticator", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Any_origin_is_a_warning_in_the_log(Door door)
    {
        await using TestServer open = await TestServer.StartAsync(door, isSecure: false, static services => services.AddPipeWs(static options => options.AllowAnyOrigin()));
        await using TestServer strict = await TestServer.StartAsync(door, isSecure: false, static services => services.AddPipeWs(static options => options.AllowedOrigins.Add("https://a.example")));
        LogLines.Line line = Assert.Single(open.Log.All, static line => line.Id.Id == 2200);
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.DoesNotContain(strict.Log.All, static line => line.Id.Id == 2200);
    }

    private static IPipeWsBuilder Authenticate(IPipeWsBuilder hub, WsAuthenticationMode mode = WsAuthenticationMode.Required)
    {
        hub.Services.Configure<PipeWsOptions>(options => options.Authentication.Mode = mode);
        return hub.UseStaticTokens(new Dictionary<string, string> { ["t"] = "ann" });
    }

    private static AuthorizationPolicy Roles(params string[] roles) => new AuthorizationPolicyBuilder().RequireRole(roles).Build();

    private static Task<TestServer> StartAsync(Door door, Action<IPipeWsBuilder> hub, Action<WebApplication> app, AuthorizationPolicy? fallback = null) => TestServer.StartAsync(
        door,
        isSecure: false,
        services =>
        {
            services.AddAuthentication();
            AuthorizationBuilder authorization = services.AddAuthorizationBuilder()
                .AddPolicy("traders", static policy => policy.RequireRole("trader"))
                .AddPolicy("chiefs", static policy => policy.RequireClaim("chief"));
            if (fallback is not null)
            {
                authorization.SetFallbackPolicy(fallback);
            }

            hub(services.AddPipeWs());
        },
        app: app);

    private sealed class NeedsDesk : IAuthorizationRequirement, IAuthorizationRequirementData
    {
        public IEnumerable<IAuthorizationRequirement> GetRequirements() => [this];
    }
}
