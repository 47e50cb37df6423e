using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Client.Tests.Support;

/// <summary>A real hub behind a real Kestrel on loopback.</summary>
internal sealed class LiveHub : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LiveHub(WebApplication app)
    {
        _app = app;
        Port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        Hub = app.Services.GetRequiredService<IWsHub>();
    }

    public int Port { get; }

    public IWsHub Hub { get; }

    public Uri Uri => new($"ws://127.0.0.1:{Port}/ws");

    public static async Task<LiveHub> StartAsync(Action<IPipeWsBuilder>? build = null, Action<PipeWsOptions>? configure = null, int port = 0, bool isFast = false)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRouting();
        IPipeWsBuilder hub = builder.Services.AddPipeWs(configure).MapAction("echo", static context => context.ReplyAsync("echo", context.Body));
        build?.Invoke(hub);
        builder.WebHost.UseKestrelCore().UseTestTransport().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, port, listen =>
        {
            if (isFast)
            {
                listen.UsePipeWs("/ws");
            }
        }));
        WebApplication app = builder.Build();
        app.Use((context, next) =>
        {
            // Believes what the query says about who it is.
            if (context.Request.Query["user"] is [{ } user])
            {
                context.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, user)], "query"));
            }

            return next(context);
        });
        app.UseRouting();
        if (!isFast)
        {
            app.MapPipeWs("/ws");
        }

        await app.StartAsync();
        return new LiveHub(app);
    }

    /// <summary>A message whose data is its number, so that a reader can tell it from every other.</summary>
    public long Publish(string room, long number) => Hub.Room(room).Publish(System.Text.Encoding.UTF8.GetBytes($"{number}"));

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        try
        {
            await _app.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // It was killed, more or less.
        }

        await _app.DisposeAsync();
    }
}
