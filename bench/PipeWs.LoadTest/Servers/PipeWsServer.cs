using System.Net;
using Microsoft.AspNetCore.Connections;
using PipeWs.Server;

namespace PipeWs.LoadTest.Servers;

/// <summary>PipeWs with raw handlers, and with JSON actions that behave and that do not, through any of its doors.</summary>
internal static class PipeWsServer
{
    private const string EchoHub = "echo";
    private const string CompressedEchoHub = "echoz";
    private const string BroadcastHub = "bcast";
    private const string JsonHub = "json";
    private const int FloodMessages = 50;
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    private static readonly string s_flood = new('x', 1024);

    /// <summary>Builds the server.</summary>
    public static WebApplication Build(ServerOptions options)
    {
        WebApplicationBuilder builder = LoadServer.CreateBuilder(options);
        builder.Services.AddPipeWs(EchoHub, hub => Configure(hub, options, "/echo")).OnText(EchoAsync).OnBinary(EchoAsync);
        builder.Services.AddPipeWs(CompressedEchoHub, hub => Configure(hub, options, "/echoz", compresses: true)).OnText(EchoAsync).OnBinary(EchoAsync);
        builder.Services.AddPipeWs(BroadcastHub, hub => Configure(hub, options, "/bcast")).OnText(BroadcastAsync).OnBinary(BroadcastAsync);
        builder.Services.AddPipeWs(JsonHub, hub => Configure(hub, options, "/json"))
            .MapAction("echo", static context => context.ReplyAsync("echo", context.Body))
            .MapAction("throw", static _ => throw new InvalidOperationException("A handler that fails."))
            .MapAction("hang", static async context => await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed))
            .MapAction("flood", FloodAsync);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, options.Port, listen =>
        {
            switch (options.Door)
            {
                case Door.Fast:
                    listen.UsePipeWs("/echo", EchoHub);
                    listen.UsePipeWs("/echoz", CompressedEchoHub);
                    listen.UsePipeWs("/bcast", BroadcastHub);
                    listen.UsePipeWs("/json", JsonHub);
                    break;
                case Door.Handler:
                    listen.UseConnectionHandler<PipeWsConnectionHandler>();
                    break;
            }
        }));
        WebApplication application = builder.Build();
        if (options.Door == Door.Mapped)
        {
            application.MapPipeWs("/echo", EchoHub);
            application.MapPipeWs("/echoz", CompressedEchoHub);
            application.MapPipeWs("/bcast", BroadcastHub);
            application.MapPipeWs("/json", JsonHub);
        }

        return application;
    }

    private static void Configure(PipeWsOptions hub, ServerOptions options, string handlerPath, bool compresses = false)
    {
        hub.MaxMessageBytes = options.AcceptedMessageBytes;
        hub.HandlerPaths.Add(handlerPath);
        hub.LatencyMode = options.Scheduling == Scheduling.Inline ? WsLatencyMode.LowLatency : WsLatencyMode.Balanced;
        if (options.OpensLimits)
        {
            hub.PingInterval = Timeout.InfiniteTimeSpan;
            hub.SendTimeout = hub.FrameTimeout = Patience;
            hub.MaxPendingBytes = long.MaxValue;
            hub.AllowsAnyOrigin = true;
        }

        // Whatever the client asks for is granted, and what it does not ask for is not imposed.
        hub.Compression = compresses ? new WsCompressionOptions { ServerContextTakeover = true, ClientContextTakeover = true } : null;
    }

    private static ValueTask EchoAsync(WsMessageContext context) => context.Connection.SendAsync(context.Payload, context.Type);

    private static ValueTask BroadcastAsync(WsMessageContext context) => context.Hub.All.SendAsync(context.Payload, context.Type);

    private static async ValueTask FloodAsync(WsMessageContext context)
    {
        for (int i = 0; i < FloodMessages; i++)
        {
            await context.Connection.SendTextAsync(s_flood);
        }
    }
}
