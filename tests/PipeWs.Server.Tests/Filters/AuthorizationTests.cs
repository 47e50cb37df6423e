using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Filters;

public sealed class AuthorizationTests
{
    private static readonly AuthorizationPolicy s_ann = new AuthorizationPolicyBuilder().RequireClaim(ClaimTypes.NameIdentifier, "ann").Build();

    [Fact]
    public async Task Who_is_not_authenticated_gets_401_and_who_does_not_meet_the_policy_403()
    {
        await using HubServer server = await StartAsync(static builder => builder
            .MapAction("any", static _ => default, static route => route.RequireAuthorization())
            .MapAction("ann", static _ => default, static route => route.RequireAuthorization(s_ann))
            .MapAction("named", static _ => default, static route => route.RequireAuthorization("ann")));
        await using RawPeer nobody = await server.OpenAsync();
        await using RawPeer bob = await server.OpenAsync(UserFromQuery.Handshake("bob"));
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        foreach (string action in (string[])["any", "ann", "named"])
        {
            string request = $$"""{"id":"1","action":"{{action}}"}""";
            await nobody.AskAsync(request, """{"id":"1","type":"error","code":401,"data":"authentication is required"}""");
            await bob.AskAsync(request, action == "any" ? """{"id":"1","type":"ack"}""" : """{"id":"1","type":"error","code":403,"data":"not authorized"}""");
            await ann.AskAsync(request, """{"id":"1","type":"ack"}""");
        }

        Assert.Empty(server.Server.Log.All);
    }

    [Fact]
    public async Task A_policy_of_the_hub_is_asked_about_every_message_with_its_context()
    {
        List<object?> resources = [];
        await using HubServer server = await StartAsync(builder => builder.UseAuthorization(new AuthorizationPolicyBuilder().RequireAssertion(context =>
        {
            resources.Add((context.Resource as WsMessageContext)?.Action);
            return (context.Resource as WsMessageContext)?.Action != "subscribe";
        }).Build()));
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await ann.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        await ann.AskAsync("""{"id":"2","type":"subscribe","topic":"a"}""", """{"id":"2","type":"error","code":403,"data":"not authorized"}""");
        await ann.AskAsync("""{"id":"3","type":"ping"}""", """{"id":"3","type":"pong"}""");
        Assert.Equal(["ping", "subscribe", "ping"], resources);
    }

    [Theory]
    [InlineData(false, 3)]
    [InlineData(true, 1)]
    public async Task A_yes_is_kept_only_where_the_policy_says_so_and_a_no_never(bool caches, int asked)
    {
        int count = 0;
        AuthorizationPolicyBuilder policy = new AuthorizationPolicyBuilder().RequireAssertion(context =>
        {
            count++;
            return context.User.HasClaim(ClaimTypes.NameIdentifier, "ann");
        });
        if (caches)
        {
            policy.CachePerConnection();
        }

        await using HubServer server = await StartAsync(builder => builder.UseAuthorization(policy.Build()));
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await using RawPeer bob = await server.OpenAsync(UserFromQuery.Handshake("bob"));
        for (int i = 0; i < 3; i++)
        {
            await ann.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        }

        Assert.Equal(asked, count);
        for (int i = 0; i < 3; i++)
        {
            await bob.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"error","code":403,"data":"not authorized"}""");
        }

        Assert.Equal(asked + 3, count);
    }

    [Fact]
    public async Task Handlers_of_requirements_may_be_scoped_services()
    {
        await using HubServer server = await StartAsync(
            static builder => builder.UseAuthorization(new AuthorizationPolicyBuilder().AddRequirements(new ScopedRequirement()).Build()),
            static services => services.AddScoped<IAuthorizationHandler, ScopedHandler>());
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        ScopedHandler.Disposed = 0;
        await ann.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        await ann.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        Assert.Equal(2, ScopedHandler.Disposed);
    }

    [Fact]
    public async Task A_policy_that_throws_lets_nobody_through()
    {
        await using HubServer server = await StartAsync(static builder => builder.UseAuthorization(
            new AuthorizationPolicyBuilder().RequireAssertion(static bool (_) => throw new InvalidOperationException()).Build()));
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await ann.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
    }

    [Fact]
    public void A_policy_that_does_not_exist_is_found_when_the_hub_starts()
    {
        var services = new ServiceCollection();
        services.AddPipeWs().MapAction("act", static _ => default, static route => route.RequireAuthorization("nobody's"));
        using ServiceProvider provider = services.BuildServiceProvider();
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => provider.GetRequiredService<IWsHub>());
        Assert.Contains("\"nobody's\"", e.Message, StringComparison.Ordinal);
    }

    private static Task<HubServer> StartAsync(Action<IPipeWsBuilder> build, Action<IServiceCollection>? services = null) => HubServer.JsonAsync(
        Door.Mapped,
        build: build,
        services: all =>
        {
            UserFromQuery.AddTo(all);
            all.AddAuthorization(static options => options.AddPolicy("ann", s_ann));
            services?.Invoke(all);
        },
        app: UserFromQuery.Use,
        hasBystander: false);

    private sealed class ScopedRequirement : IAuthorizationRequirement;

    private sealed class ScopedHandler : AuthorizationHandler<ScopedRequirement>, IDisposable
    {
        public static int Disposed { get; set; }

        public void Dispose() => Disposed++;

        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, ScopedRequirement requirement)
        {
            context.Succeed(requirement);
            return Task.CompletedTask;
        }
    }
}
