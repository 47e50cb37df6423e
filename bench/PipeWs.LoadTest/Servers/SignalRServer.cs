using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;

namespace PipeWs.LoadTest.Servers;

/// <summary>SignalR as it comes: its JSON protocol over WebSockets, for clients that skip the negotiation.</summary>
internal static class SignalRServer
{
    /// <summary>Builds the server.</summary>
    public static WebApplication Build(ServerOptions options)
    {
        WebApplicationBuilder builder = LoadServer.CreateBuilder(options);
        builder.Listen(options.Port);
        builder.Services.AddSignalR(signalR => signalR.MaximumReceiveMessageSize = options.AcceptedMessageBytes);
        WebApplication application = builder.Build();
        application.MapHub<EchoHub>("/echo", connections => connections.Transports = HttpTransportType.WebSockets);
        application.MapHub<BroadcastHub>("/bcast", connections => connections.Transports = HttpTransportType.WebSockets);
        return application;
    }

    /// <summary>Sends every message back to its sender.</summary>
    public sealed class EchoHub : Hub
    {
        /// <summary>Echoes a message.</summary>
        public Task Echo(string message) => Clients.Caller.SendAsync("echoed", message);
    }

    /// <summary>Sends every message to all.</summary>
    public sealed class BroadcastHub : Hub
    {
        /// <summary>Passes a message on.</summary>
        public Task Broadcast(string message) => Clients.All.SendAsync("broadcasted", message);
    }
}
