using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Identity;

/// <summary>What the factory in front of the host's own must not cost the application's other requests.</summary>
public sealed class ReusedContextsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_context_of_a_request_is_used_again_on_its_connection_as_the_host_would_unless_somebody_may_keep_it(bool hasAccessor)
    {
        List<HttpContext> contexts = [];
        List<string?> seen = [];
        await using TestServer server = await TestServer.StartAsync(
            Door.Mapped,
            isSecure: false,
            services =>
            {
                services.AddPipeWs();
                if (hasAccessor)
                {
                    services.AddHttpContextAccessor();
                }
            },
            app: app => app.Use((HttpContext context, Func<Task> next) =>
            {
                contexts.Add(context);
                seen.Add($"{context.Request.QueryString.Value} {context.Items.Count} {context.RequestServices is not null}");
                context.Items["mine"] = "of this request";
                return next();
            }));
        await using RawPeer peer = await server.ConnectAsync();
        for (int i = 1; i <= 3; i++)
        {
            await peer.SendAsync($"GET /page?n={i} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal(200, answer.StatusCode);
        }

        await peer.SendAsync(RawPeer.Handshake("GET /ws?n=4 HTTP/1.1"));
        Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
        Assert.Contains("welcome", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.CloseAsync();

        Assert.Equal(["?n=1 0 True", "?n=2 0 True", "?n=3 0 True", "?n=4 0 True"], seen);
        Assert.Equal(hasAccessor ? 4 : 1, contexts.Distinct().Count());
    }
}
