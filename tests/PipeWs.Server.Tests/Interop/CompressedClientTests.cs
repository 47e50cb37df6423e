using System.Net.WebSockets;
using System.Text;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Interop;

/// <summary>Compressed messages to and from clients that nobody here wrote, through every door.</summary>
public sealed class CompressedClientTests
{
    public static TheoryData<Door, bool, bool, int, int> Agreements
    {
        get
        {
            var data = new TheoryData<Door, bool, bool, int, int>();
            foreach (Door door in Enum.GetValues<Door>())
            {
                foreach ((int server, int client) in ((int, int)[])[(15, 15), (9, 9), (12, 10)])
                {
                    data.Add(door, false, false, server, client);
                    data.Add(door, true, true, server, client);
                }

                data.Add(door, true, false, 15, 15);
                data.Add(door, false, true, 15, 15);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Agreements))]
    public async Task The_base_library_s_client_hears_a_room_and_is_answered(Door door, bool serverTakesOver, bool clientTakesOver, int serverBits, int clientBits)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        await using HubServer server = await HubServer.JsonAsync(
            door,
            configure: options => options.Compression = new() { ServerContextTakeover = serverTakesOver, ClientContextTakeover = clientTakesOver, ThresholdBytes = 32 },
            build: builder => builder.OnBinary(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Binary)),
            hasBystander: false);
        using ClientWebSocket socket = await server.Server.OpenAsync(configure: options => options.DangerousDeflateOptions = new WebSocketDeflateOptions
        {
            ServerMaxWindowBits = serverBits,
            ClientMaxWindowBits = clientBits,
            ServerContextTakeover = serverTakesOver,
            ClientContextTakeover = clientTakesOver,
        });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await ReadAsync(socket, patience.Token);
        await socket.SendAsync("""{"id":"1","type":"subscribe","topic":"a"}"""u8.ToArray(), WebSocketMessageType.Text, true, patience.Token);
        await ReadAsync(socket, patience.Token);
        Assert.True(Assert.Single(server.Hub.Connections).IsCompressed);
        IWsRoom room = server.Hub.Room("a");
        for (int i = 0; i < 60; i++)
        {
            // The room's and the connection's own, in turns, so that they share one history.
            string data = string.Concat(Enumerable.Repeat($"\u00E9 {random.Next(20)} ", random.Next(1, 3_000)));
            long number = room.Publish(Encoding.UTF8.GetBytes($"\"{data}\""));
            Assert.Equal($$"""{"type":"message","topic":"a","sn":{{number}},"data":"{{data}}"}""", Encoding.UTF8.GetString(await ReadAsync(socket, patience.Token)));
            byte[] binary = Encoding.UTF8.GetBytes(data[..(data.Length / 2)] + "\0" + seed);
            int cut = random.Next(binary.Length);
            await socket.SendAsync(binary.AsMemory(0, cut), WebSocketMessageType.Binary, false, patience.Token);
            await socket.SendAsync(binary.AsMemory(cut), WebSocketMessageType.Binary, true, patience.Token);
            Assert.Equal(binary, await ReadAsync(socket, patience.Token));
            await socket.SendAsync(Encoding.UTF8.GetBytes($$"""{"id":"{{i}}","action":"echo","data":"{{data}}"}"""), WebSocketMessageType.Text, WebSocketMessageFlags.EndOfMessage | (i % 2 == 0 ? WebSocketMessageFlags.DisableCompression : 0), patience.Token);
            Assert.Equal($$"""{"id":"{{i}}","type":"echo","data":"{{data}}"}""", Encoding.UTF8.GetString(await ReadAsync(socket, patience.Token)));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", patience.Token);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Assert.Empty(server.Server.Log.All);
    }

    [Theory]
    [InlineData(Door.Fast, "", true)]
    [InlineData(Door.Fast, "server_no_context_takeover client_no_context_takeover", false)]
    [InlineData(Door.Handler, "server_max_window_bits=9 client_max_window_bits=9", true)]
    [InlineData(Door.Mapped, "server_max_window_bits=8 client_max_window_bits=12", true)]
    public async Task Python_s_websockets_echoes(Door door, string offer, bool takesOver)
    {
        await using HubServer server = await HubServer.EchoAsync(door, configure: options => options.Compression = new() { ServerContextTakeover = takesOver, ClientContextTakeover = takesOver });
        string[] lines = await ForeignProgram.RunAsync("python3", "apt-get install python3 python3-websockets", ["Interop/echo.py", $"ws://127.0.0.1:{server.Server.Port}/ws", .. offer.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        if (lines is ["missing"])
        {
            Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), "apt-get install python3-websockets");
            Assert.Skip("Python has no websockets: apt-get install python3-websockets");
        }

        Assert.StartsWith("PerMessageDeflate(", lines[0], StringComparison.Ordinal);
        Assert.Equal("echoed 302", lines[1]);
        Assert.Equal("closed 1000", lines[2]);
        await server.AssertUndisturbedAsync(0);
    }

    [Fact]
    public async Task Node_s_ws_echoes()
    {
        await using HubServer server = await HubServer.EchoAsync(Door.Fast, configure: static options => options.Compression = new() { ServerContextTakeover = true, ClientContextTakeover = true });
        string[] lines = await ForeignProgram.RunAsync("node", "apt-get install nodejs node-ws", "Interop/echo.mjs", $"ws://127.0.0.1:{server.Server.Port}/ws");
        if (lines is ["missing"])
        {
            Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), "apt-get install node-ws");
            Assert.Skip("Node has no ws: apt-get install node-ws");
        }

        Assert.Equal(["permessage-deflate", "echoed 302", "closed 1000"], lines);
    }

    private static async Task<byte[]> ReadAsync(ClientWebSocket socket, CancellationToken cancellationToken)
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
        return payload.ToArray();
    }
}
