using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

public class PipeWsListenOptionsExtensionsTests
{
    [Fact]
    public async Task Refuses_to_start_where_the_fast_door_would_pass_an_authorization_by()
    {
        await AssertRefusesAsync(app => app.MapPipeWs("/ws").RequireAuthorization());
        await AssertRefusesAsync(app => app.MapGet("/WS", () => "").RequireAuthorization());
        await AssertRefusesAsync(app => app.MapPipeWs("/{name}").RequireAuthorization());
        await AssertRefusesAsync(app => app.MapPipeWs("/ws"), services => services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build()));

        static async Task AssertRefusesAsync(Action<WebApplication> app, Action<IServiceCollection>? more = null)
        {
            InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(app, more));
            Assert.Contains("UsePipeWs(\"/ws\")", refused.Message);
            Assert.Contains("authorization", refused.Message);
        }
    }

    [Fact]
    public async Task Refuses_to_start_where_the_handler_door_would_pass_an_authorization_by()
    {
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => StartHandlerAsync("/ws"));
        Assert.Contains("PipeWsConnectionHandler", refused.Message);
        Assert.Contains("HandlerPaths", refused.Message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => StartHandlerAsync(null));
        await using TestServer elsewhere = await StartHandlerAsync("/inside");

        static Task<TestServer> StartHandlerAsync(string? handlerPath) => TestServer.StartAsync(
            Door.Handler,
            isSecure: false,
            services =>
            {
                new EchoEntrance().AddTo(services);
                services.AddAuthorization().AddAuthentication();
                if (handlerPath is not null)
                {
                    services.Configure<PipeWsOptions>(options => options.HandlerPaths.Add(handlerPath));
                }
            },
            app: app => app.MapPipeWs("/ws").RequireAuthorization());
    }

    [Fact]
    public async Task Starts_where_nothing_is_passed_by()
    {
        await using TestServer open = await StartAsync(app => app.MapPipeWs("/ws"));
        await using TestServer elsewhere = await StartAsync(app => app.MapPipeWs("/private").RequireAuthorization());
        await using TestServer anonymous = await StartAsync(app => app.MapPipeWs("/ws").RequireAuthorization().AllowAnonymous());
        await using TestServer pages = await StartAsync(app => app.MapGet("/{**page}", () => "").RequireAuthorization());
    }

    [Fact]
    public async Task Refuses_to_start_without_the_hub()
    {
        InvalidOperationException none = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(Door.Fast, isSecure: false, _ => { }));
        Assert.Contains("services.AddPipeWs()", none.Message);
        InvalidOperationException other = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(
            Door.Fast, isSecure: false, services => new EchoEntrance().AddTo(services), listen: endpoint => endpoint.UsePipeWs("/other", "other")));
        Assert.Contains("AddPipeWs(\"other\")", other.Message);
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("//ws")]
    [InlineData("/ws?x")]
    [InlineData("/w s")]
    [InlineData("")]
    public async Task Refuses_to_start_with_what_is_no_path(string path) =>
        await Assert.ThrowsAsync<ArgumentException>(() => TestServer.StartAsync(
            Door.Fast, isSecure: false, services => new EchoEntrance().AddTo(services), listen: endpoint => endpoint.UsePipeWs(path)));

    private static Task<TestServer> StartAsync(Action<WebApplication> app, Action<IServiceCollection>? more = null) => TestServer.StartAsync(
        Door.Fast,
        isSecure: false,
        services =>
        {
            new EchoEntrance().AddTo(services);
            services.AddAuthorization().AddAuthentication();
            more?.Invoke(services);
        },
        app: app);
}
