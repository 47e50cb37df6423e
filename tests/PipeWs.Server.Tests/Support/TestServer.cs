using System.Net;
using System.Net.WebSockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server.Tests.Support;

/// <summary>A real Kestrel on a port of its own, with one hub behind one door at <see cref="Path"/>, and a page at /page where HTTP is spoken.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string Path = "/ws";

    public const string Page = "the page";

    private TestServer(Door door, bool isSecure, WebApplication app, LogLines log)
    {
        Door = door;
        IsSecure = isSecure;
        App = app;
        Log = log;
        Port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
    }

    public Door Door { get; }

    public bool IsSecure { get; }

    public int Port { get; }

    public WebApplication App { get; }

    /// <summary>What the server logged, warnings and PipeWs's own lines.</summary>
    public LogLines Log { get; }

    /// <summary>Starts a server. <paramref name="services"/> adds the hub.</summary>
    public static async Task<TestServer> StartAsync(
        Door door,
        bool isSecure,
        Action<IServiceCollection> services,
        Action<KestrelServerOptions>? kestrel = null,
        Action<WebApplication>? app = null,
        Action<ListenOptions>? listen = null)
    {
        var log = new LogLines();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Information);
        builder.Services.AddRouting();
        services(builder.Services);
        builder.WebHost.UseKestrelCore().UseTestTransport().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            kestrel?.Invoke(options);
            options.Listen(IPAddress.Loopback, 0, endpoint =>
            {
                endpoint.Protocols = (door, isSecure) switch
                {
                    (Door.MappedH2, _) => HttpProtocols.Http2,
                    (_, true) => HttpProtocols.Http1AndHttp2,
                    _ => HttpProtocols.Http1,
                };
                if (isSecure)
                {
                    endpoint.UseHttps(TestCertificate.Localhost);
                }

                listen?.Invoke(endpoint);
                if (door == Door.Fast)
                {
                    endpoint.UsePipeWs(Path);
                }
                else if (door == Door.Handler)
                {
                    endpoint.UseConnectionHandler<PipeWsConnectionHandler>();
                }
            });
        });

        WebApplication built = builder.Build();
        app?.Invoke(built);
        built.MapGet("/page", static () => Results.Text(Page));
        built.MapPost("/page", static async (HttpRequest request) =>
        {
            using var body = new StreamReader(request.Body);
            return Results.Text(await body.ReadToEndAsync());
        });
        if (door is Door.Mapped or Door.MappedH2)
        {
            built.MapPipeWs(Path);
        }

        try
        {
            await built.StartAsync();
        }
        catch
        {
            await built.DisposeAsync();
            throw;
        }

        return new TestServer(door, isSecure, built, log);
    }

    /// <summary>A raw connection, after TLS where there is TLS.</summary>
    public Task<RawPeer> ConnectAsync() => RawPeer.ConnectAsync(Port, IsSecure);

    /// <summary>A WebSocket of the base library, over the HTTP version of the door.</summary>
    public async Task<ClientWebSocket> OpenAsync(string path = Path, Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        configure?.Invoke(socket.Options);
        if (Door == Door.MappedH2)
        {
            socket.Options.HttpVersion = HttpVersion.Version20;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }

        using HttpMessageInvoker invoker = new(Handler());
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        await socket.ConnectAsync(new Uri($"{(IsSecure ? "wss" : "ws")}://localhost:{Port}{path}"), invoker, patience.Token);
        return socket;
    }

    /// <summary>An HTTP client of the base library.</summary>
    public HttpClient CreateHttpClient() => new(Handler()) { BaseAddress = new Uri($"{(IsSecure ? "https" : "http")}://localhost:{Port}"), Timeout = RawPeer.Patience };

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        await App.StopAsync(patience.Token);
        await App.DisposeAsync();
    }

    private static SocketsHttpHandler Handler() => new()
    {
        SslOptions = new()
        {
            EnabledSslProtocols = SslProtocols.None,
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => TestCertificate.IsIt(certificate),
        },
    };
}
