using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Interop;

/// <summary>The client speaks with servers that nobody here wrote.</summary>
public sealed class ForeignServerTests
{
    public enum Compressed
    {
        Not,
        WithoutContext,
        WithContext,
        InSmallWindows,
    }

    public static TheoryData<Compressed> Ways => [.. Enum.GetValues<Compressed>()];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task It_speaks_with_npm_s_ws(Compressed compressed)
    {
        await using ForeignServer server = await ForeignServer.StartAsync("node", "server.mjs", "apt-get install node-ws");
        await SpeakAsync(server.Uri, compressed);
        Assert.StartsWith("closed 4001", await server.ReadLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("closed 1000", await server.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task It_speaks_with_Python_s_websockets(Compressed compressed)
    {
        await using ForeignServer server = await ForeignServer.StartAsync("python3", "server.py", "apt-get install python3-websockets");
        await SpeakAsync(server.Uri, compressed);
        Assert.StartsWith("closed 4001", await server.ReadLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("closed 1000", await server.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task It_speaks_with_ASP_NET_Core_s_WebSockets(Compressed compressed)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using WebApplication application = builder.Build();
        application.UseWebSockets();
        application.Map("/", static async context =>
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = "v2", KeepAliveInterval = TimeSpan.FromMilliseconds(50), DangerousEnableCompression = true });
            await EchoAsync(socket);
        });
        await application.StartAsync();

        await SpeakAsync(new UriBuilder(application.Urls.Single()) { Scheme = "ws" }.Uri, compressed, hasPing: false);
    }

    private static async Task SpeakAsync(Uri uri, Compressed compressed, bool hasPing = true)
    {
        await using var client = new WsClient(new WsClientOptions
        {
            Endpoints = { uri },
            Subprotocols = { "v1", "v2" },
            ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero),
            MaxMessageBytes = 4 * 1024 * 1024,
            Compression = compressed switch
            {
                Compressed.Not => null,
                Compressed.InSmallWindows => new() { ServerMaxWindowBits = 9, ClientMaxWindowBits = 9, ServerContextTakeover = true, ClientContextTakeover = true, ThresholdBytes = 0 },
                _ => new() { ServerContextTakeover = compressed == Compressed.WithContext, ClientContextTakeover = compressed == Compressed.WithContext, ThresholdBytes = 0 },
            },
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        Assert.Equal("v2", client.Connection!.Subprotocol);
        Assert.Equal(compressed != Compressed.Not, client.Connection.IsCompressed);

        // Lengths around where the header grows, and one that is fragmented by some.
        foreach (int length in (int[])[0, 1, 125, 126, 65535, 65536, 900_000])
        {
            await client.SendTextAsync(new string('λ', length / 2) + new string('x', length % 2));
            await client.SendAsync(new byte[length], WsMessageType.Binary);
            Assert.Equal(length, (await ReadAsync(client, WsMessageType.Text)).Length);
            Assert.Equal(length, (await ReadAsync(client, WsMessageType.Binary)).Length);
        }

        for (int i = 0; i < 500; i++)
        {
            await client.SendTextAsync($"{i}");
        }

        for (int i = 0; i < 500; i++)
        {
            Assert.Equal($"{i}", Encoding.UTF8.GetString(await ReadAsync(client, WsMessageType.Text)));
        }

        if (hasPing)
        {
            await client.SendTextAsync("ping");
            Assert.Equal("pong are you there", Encoding.UTF8.GetString(await ReadAsync(client, WsMessageType.Text)));
        }

        await client.Connection.Connection.PingAsync().Soon();
        await client.SendTextAsync("close 4001 come back");
        Assert.True(await events.MoveNextAsync().Soon());
        var disconnect = ((WsDisconnectedEvent)events.Current).Disconnect;
        Assert.Equal((4001, "come back", WsCloseInitiator.Remote), (disconnect.Code, disconnect.Reason, disconnect.Initiator));
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
        await client.SendTextAsync("again");
        Assert.Equal("again", Encoding.UTF8.GetString(await ReadAsync(client, WsMessageType.Text)));
        await client.StopAsync().Soon();
        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(1000, ((WsDisconnectedEvent)events.Current).Disconnect.Code);
    }

    private static async Task<byte[]> ReadAsync(WsClient client, WsMessageType type)
    {
        Assert.True(await client.WaitToReadAsync().Soon());
        Assert.True(client.TryRead(out WsClientMessage message));
        using (message)
        {
            Assert.Equal(type, message.Type);
            return message.Payload.ToArray();
        }
    }

    private static async Task EchoAsync(WebSocket socket)
    {
        var buffer = new byte[32 * 1024];
        while (true)
        {
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(socket.CloseStatus ?? WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
                return;
            }

            string text = result.EndOfMessage && result.Count < 100 ? Encoding.UTF8.GetString(buffer, 0, result.Count) : "";
            if (text.StartsWith("close ", StringComparison.Ordinal))
            {
                await socket.CloseAsync((WebSocketCloseStatus)4001, "come back", CancellationToken.None);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, result.Count), result.MessageType, result.EndOfMessage, CancellationToken.None);
        }
    }
}
