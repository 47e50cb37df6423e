using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using IPNetwork = System.Net.IPNetwork;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guides to limits, proxies and the end, compiled.</summary>
internal static class LimitExamples
{
    internal static void Limits(IServiceCollection services)
    {
        services.AddPipeWs(options =>
        {
            options.MaxConnectionsPerAddress = 100;
            options.MaxConnectionsPerUser = 10;
            options.InboundMessagesPerSecond = 20;
            options.InboundMessageBurst = 100;
            options.InboundRatePolicy = WsRateLimitPolicy.ReplyError;
            options.IdleTimeout = TimeSpan.FromMinutes(10);
        });
    }

    internal static void Proxy(WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(8080, listen =>
        {
            listen.UseProxyProtocol(proxy => proxy.KnownNetworks.Add(IPNetwork.Parse("10.0.0.0/8")));
            listen.UsePipeWs("/ws");
        }));
    }

    internal static void Drain(WebApplication app)
    {
        app.MapPost("/admin/drain", (IWsHub hub) =>
        {
            _ = hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.FromSeconds(30), ReconnectWindow = TimeSpan.FromSeconds(5) });
            return Results.Accepted();
        }).RequireAuthorization("operator");
    }
}
