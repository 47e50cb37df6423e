using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using PipeWs.LoadTest.Servers;

namespace PipeWs.LoadTest.Tests.Servers;

/// <summary>The echo paths of every server and door, and the limit that opens them.</summary>
public sealed class EchoPathTests
{
    private const int OpenedBytes = 16 * 1024 * 1024;

    public static TheoryData<string, string> Servers => new()
    {
        { "pipews", "fast" },
        { "pipews", "mapped" },
        { "pipews", "handler" },
        { "aspnet", "fast" },
    };

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task Both_echo_paths_take_16_MiB_where_the_limit_is_opened(string server, string door)
    {
        await using WebApplication application = await StartAsync(server, door, OpenedBytes);
        byte[] message = [.. Enumerable.Range(0, OpenedBytes).Select(static i => (byte)(i % 251))];
        foreach (string path in (string[])["/echo", "/echoz"])
        {
            foreach (bool offers in (bool[])[false, true])
            {
                using ClientWebSocket socket = await OpenAsync(application, path, offers);
                Task sending = socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);
                byte[] echo = await ReceiveAsync(socket);
                await sending;

                Assert.True(message.AsSpan().SequenceEqual(echo));
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_message_over_the_limit_is_refused_with_1009(string server, string door)
    {
        await using WebApplication application = await StartAsync(server, door, 1000);
        using ClientWebSocket socket = await OpenAsync(application, "/echoz", offers: false);
        await socket.SendAsync(new byte[1001], WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);

        WebSocketReceiveResult received = await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken);

        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.MessageTooBig), (received.MessageType, received.CloseStatus));
    }

    private static async Task<WebApplication> StartAsync(string server, string door, int maxMessageBytes)
    {
        ServerKind kind = server == "pipews" ? ServerKind.PipeWs : ServerKind.AspNet;
        WebApplication application = LoadServer.Build(new ServerOptions(kind, 0, Enum.Parse<Door>(door, ignoreCase: true), MaxMessageBytes: maxMessageBytes));
        await application.StartAsync(TestContext.Current.CancellationToken);
        return application;
    }

    private static async Task<ClientWebSocket> OpenAsync(WebApplication application, string path, bool offers)
    {
        var socket = new ClientWebSocket();
        socket.Options.DangerousDeflateOptions = offers ? new WebSocketDeflateOptions() : null;
        socket.Options.CollectHttpResponseDetails = true;
        await socket.ConnectAsync(new Uri(application.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + path), TestContext.Current.CancellationToken);
        string agreed = socket.HttpResponseHeaders?.TryGetValue("Sec-WebSocket-Extensions", out IEnumerable<string>? values) == true ? string.Join(", ", values) : "";
        Assert.Equal(offers && path == "/echoz", agreed.StartsWith("permessage-deflate", StringComparison.Ordinal));
        return socket;
    }

    private static async Task<byte[]> ReceiveAsync(ClientWebSocket socket)
    {
        byte[] message = new byte[OpenedBytes + 1];
        int length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(message.AsMemory(length), TestContext.Current.CancellationToken);
            length += received.Count;
            if (received.EndOfMessage)
            {
                return message[..length];
            }
        }
    }
}
