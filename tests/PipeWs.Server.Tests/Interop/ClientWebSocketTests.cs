using System.Net.WebSockets;
using System.Text;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Interop;

/// <summary>The base library's client, over HTTP/1.1 and HTTP/2, in plain and over TLS.</summary>
public sealed class ClientWebSocketTests
{
    private const int Messages = 1000;

    public static TheoryData<Door, bool> AllDoors
    {
        get
        {
            var doors = new TheoryData<Door, bool>();
            foreach (Door door in Enum.GetValues<Door>())
            {
                doors.Add(door, false);
                doors.Add(door, true);
            }

            return doors;
        }
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Subscribes_gets_everything_in_order_and_closes(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, build: builder => builder.OnBinary(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Binary)), hasBystander: false);
        using (ClientWebSocket socket = await server.Server.OpenAsync())
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            Assert.Contains("\"type\":\"welcome\"", await ReadTextAsync(socket, patience.Token), StringComparison.Ordinal);
            await socket.SendAsync("""{"id":"1","type":"subscribe","topic":"a"}"""u8.ToArray(), WebSocketMessageType.Text, true, patience.Token);
            Assert.StartsWith("""{"id":"1","type":"ack","topic":"a",""", await ReadTextAsync(socket, patience.Token), StringComparison.Ordinal);
            IWsRoom room = server.Hub.Room("a");
            for (int i = 0; i < Messages; i++)
            {
                room.Publish(Encoding.ASCII.GetBytes($"{i}"));
            }

            for (int i = 0; i < Messages; i++)
            {
                Assert.Equal($$"""{"type":"message","topic":"a","sn":{{i + 1}},"data":{{i}}}""", await ReadTextAsync(socket, patience.Token));
            }

            // A message in the client's own fragments, and one that fills every buffer on the way.
            await socket.SendAsync("""{"id":"2","act"""u8.ToArray(), WebSocketMessageType.Text, false, patience.Token);
            await socket.SendAsync("""ion":"echo","data":"x"}"""u8.ToArray(), WebSocketMessageType.Text, true, patience.Token);
            Assert.Equal("""{"id":"2","type":"echo","data":"x"}""", await ReadTextAsync(socket, patience.Token));
            var large = new byte[1024 * 1024];
            Random.Shared.NextBytes(large);
            Task sent = socket.SendAsync(large, WebSocketMessageType.Binary, true, patience.Token);
            (WebSocketMessageType type, byte[] echo) = await ReadAsync(socket, patience.Token);
            await sent;
            Assert.Equal(WebSocketMessageType.Binary, type);
            Assert.True(large.AsSpan().SequenceEqual(echo));

            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", patience.Token);
            Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
            Assert.Equal(WebSocketState.Closed, socket.State);
        }

        await server.AssertConnectionsAsync(0);
        Assert.Empty(server.Server.Log.All);
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Is_closed_by_the_server_with_its_code_and_reason(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            build: builder => builder.MapAction("leave", static context =>
            {
                _ = context.Connection.CloseAsync(4123, "as you wish").AsTask();
                return default;
            }),
            hasBystander: false);
        using (ClientWebSocket socket = await server.Server.OpenAsync())
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await ReadTextAsync(socket, patience.Token);
            await socket.SendAsync("""{"action":"leave"}"""u8.ToArray(), WebSocketMessageType.Text, true, patience.Token);
            (WebSocketMessageType type, _) = await ReadAsync(socket, patience.Token);
            Assert.Equal(WebSocketMessageType.Close, type);
            Assert.Equal(4123, (int)socket.CloseStatus!);
            Assert.Equal("as you wish", socket.CloseStatusDescription);
            await socket.CloseOutputAsync((WebSocketCloseStatus)4123, "", patience.Token);
        }

        await server.AssertConnectionsAsync(0);
    }

    private static async Task<string> ReadTextAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        (WebSocketMessageType type, byte[] payload) = await ReadAsync(socket, cancellationToken);
        Assert.Equal(WebSocketMessageType.Text, type);
        return Encoding.UTF8.GetString(payload);
    }

    private static async Task<(WebSocketMessageType Type, byte[] Payload)> ReadAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        using var payload = new MemoryStream();
        var buffer = new byte[16 * 1024];
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(buffer, cancellationToken);
            payload.Write(buffer, 0, result.Count);
        }
        while (!result.EndOfMessage);
        return (result.MessageType, payload.ToArray());
    }
}
