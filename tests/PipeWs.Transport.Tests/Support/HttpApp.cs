using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PipeWs.Transport.Tests.Support;

/// <summary>An application behind Kestrel on the transport.</summary>
internal sealed class HttpApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HttpApp(WebApplication app, LogLines log)
    {
        _app = app;
        Log = log;
    }

    public LogLines Log { get; }

    public WebApplication App => _app;

    public int Port => new Uri(_app.Urls.First()).Port;

    public static async Task<HttpApp> StartAsync(
        Action<KestrelServerOptions>? kestrel = null,
        Action<PipeWsTransportOptions>? transport = null,
        Action<WebApplication>? map = null,
        Action<ListenOptions>? listen = null,
        IPAddress? address = null)
    {
        var log = new LogLines();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug);
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UsePipeWsTransport(transport).ConfigureKestrel(options =>
        {
            if (kestrel is not null)
            {
                kestrel(options);
            }
            else
            {
                options.Listen(address ?? IPAddress.Loopback, 0, endpoint => listen?.Invoke(endpoint));
            }
        });
        WebApplication app = builder.Build();
        app.MapGet("/hello", static () => "Hello");
        app.MapGet("/big/{bytes:int}", static async (int bytes, HttpContext context) =>
        {
            context.Response.ContentLength = bytes;
            byte[] piece = new byte[100_000];
            for (int sent = 0; sent < bytes;)
            {
                int length = Math.Min(piece.Length, bytes - sent);
                for (int i = 0; i < length; i++)
                {
                    piece[i] = (byte)(sent + i);
                }

                await context.Response.Body.WriteAsync(piece.AsMemory(0, length), context.RequestAborted);
                sent += length;
            }
        });
        app.MapPost("/hash", static async (HttpContext context) =>
        {
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
            return Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body));
        });
        map?.Invoke(app);
        await app.StartAsync();
        return new HttpApp(app, log);
    }

    /// <summary>Opens a connection to it.</summary>
    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        return socket;
    }

    /// <summary>A client without a connection yet.</summary>
    public HttpClient CreateClient() => new(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { BaseAddress = new Uri($"http://127.0.0.1:{Port}") };

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
