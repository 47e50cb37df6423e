using System.Buffers;
using System.Net.WebSockets;

namespace PipeWs.LoadTest.Servers;

/// <summary>
/// ASP.NET Core's WebSockets as a competent developer uses them: pooled buffers, whole messages sent as one frame, compression off but on <c>/echoz</c>, one sender for each subscriber.
/// </summary>
internal static class AspNetServer
{
    private const int BufferBytes = 4096;

    /// <summary>Builds the server.</summary>
    public static WebApplication Build(ServerOptions options)
    {
        WebApplicationBuilder builder = LoadServer.CreateBuilder(options);
        builder.Listen(options.Port);
        builder.Services.AddSingleton(new AspNetRoom(options));
        WebApplication application = builder.Build();
        application.UseWebSockets(options.OpensLimits ? new WebSocketOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan } : new WebSocketOptions());
        Func<WebSocket, CancellationToken, Task> echo = new Echo(options.AcceptedMessageBytes).RunAsync;
        application.Map("/echo", (HttpContext context, IHostApplicationLifetime lifetime) => ServeAsync(context, lifetime, echo));
        application.Map("/echoz", (HttpContext context, IHostApplicationLifetime lifetime) => ServeAsync(context, lifetime, echo, compresses: true));
        application.Map("/bcast", (HttpContext context, IHostApplicationLifetime lifetime, AspNetRoom room) => ServeAsync(context, lifetime, room.RunAsync));
        return application;
    }

    private static async Task ServeAsync(HttpContext context, IHostApplicationLifetime lifetime, Func<WebSocket, CancellationToken, Task> conversation, bool compresses = false)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            return;
        }

        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { DangerousEnableCompression = compresses });
        try
        {
            await conversation(socket, lifetime.ApplicationStopping);
            if (socket.State == WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, lifetime.ApplicationStopping);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The peer has gone, or the server is stopping.
        }
    }

    private sealed class Echo(int maxMessageBytes)
    {
        public async Task RunAsync(WebSocket socket, CancellationToken stopping)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            try
            {
                int messageBytes = 0;
                while (true)
                {
                    ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(messageBytes), stopping);
                    if (received.MessageType == WebSocketMessageType.Close)
                    {
                        return;
                    }

                    messageBytes += received.Count;
                    if (messageBytes > maxMessageBytes)
                    {
                        await socket.CloseOutputAsync(WebSocketCloseStatus.MessageTooBig, null, stopping);
                        return;
                    }

                    if (received.EndOfMessage)
                    {
                        await socket.SendAsync(buffer.AsMemory(0, messageBytes), received.MessageType, endOfMessage: true, stopping);
                        messageBytes = 0;
                    }
                    else if (messageBytes == buffer.Length)
                    {
                        // Who sends one message of that size sends more: the larger buffer stays.
                        byte[] larger = ArrayPool<byte>.Shared.Rent(2 * buffer.Length);
                        buffer.CopyTo(larger, 0);
                        ArrayPool<byte>.Shared.Return(buffer);
                        buffer = larger;
                    }
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
