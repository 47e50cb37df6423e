using System.Net;
using Microsoft.AspNetCore.Connections;
using PipeWs.Server;

namespace PipeWs.LoadTest.Servers;

/// <summary>PipeWs with raw handlers, through any of its doors.</summary>
internal static class PipeWsServer
{
    private const string EchoHub = "echo";
    private const string BroadcastHub = "bcast";

    /// <summary>Builds the server.</summary>
    public static WebApplication Build(ServerOptions options)
    {
        WebApplicationBuilder builder = LoadServer.CreateBuilder(options);
        builder.Services.AddPipeWs(EchoHub, hub => Configure(hub, "/echo")).OnText(EchoAsync).OnBinary(EchoAsync);
        builder.Services.AddPipeWs(BroadcastHub, hub => Configure(hub, "/bcast")).OnText(BroadcastAsync).OnBinary(BroadcastAsync);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, options.Port, listen =>
        {
            switch (options.Door)
            {
                case Door.Fast:
                    listen.UsePipeWs("/echo", EchoHub);
                    listen.UsePipeWs("/bcast", BroadcastHub);
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
            application.MapPipeWs("/bcast", BroadcastHub);
        }

        return application;
    }

    private static void Configure(PipeWsOptions options, string handlerPath)
    {
        options.MaxMessageBytes = ServerOptions.MaxMessageBytes;
        options.HandlerPaths.Add(handlerPath);
    }

    private static ValueTask EchoAsync(WsMessageContext context) => context.Connection.SendAsync(context.Payload, context.Type);

    private static ValueTask BroadcastAsync(WsMessageContext context) => context.Hub.All.SendAsync(context.Payload, context.Type);
}
