using System.Net.WebSockets;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>The host stops: 1001 to everyone, after what was sent before.</summary>
public sealed class ShutdownTests
{
    private const int Messages = 200;

    /// <summary>Well below the host's own 30 s, after which it would abort.</summary>
    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(15);

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Clients_get_what_is_pending_and_then_1001(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false);
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await first.SubscribeAsync("last words");
        await second.SubscribeAsync("last words");
        for (int i = 0; i < Messages; i++)
        {
            server.Hub.Room("last words").Publish(Encoding.ASCII.GetBytes($"\"{new string('x', 1000)}\""));
        }

        Task stopped = server.Server.App.StopAsync();

        foreach (RawPeer peer in new[] { first, second })
        {
            for (int i = 1; i <= Messages; i++)
            {
                Assert.Equal(i, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
            }

            await peer.ReadCloseAsync(1001);
            await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
            await peer.AssertClosedAsync();
        }

        await stopped.WaitAsync(s_promptly);
        await server.AssertConnectionsAsync(0);
        Assert.Empty(server.Hub.Rooms);
        Assert.Empty(server.Server.Log.All);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Who_does_not_answer_does_not_hold_the_host_up(Door door, bool isSecure)
    {
        var running = new TaskCompletionSource();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            options => options.CloseTimeout = TimeSpan.FromSeconds(0.5),
            builder => builder.MapAction("wait", async context =>
            {
                running.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed);
            }),
            hasBystander: false);
        await using RawPeer silent = await server.OpenAsync();
        await using RawPeer busy = await server.OpenAsync();
        await busy.SendTextAsync("""{"action":"wait"}""");
        await running.Task.Soon();

        await server.Server.App.StopAsync().WaitAsync(s_promptly);

        await server.AssertConnectionsAsync(0);
        await silent.ReadCloseAsync(1001);
        await busy.ReadCloseAsync(1001);
    }

    [Fact]
    public async Task Clients_over_HTTP_2_get_1001_too()
    {
        await using HubServer server = await HubServer.JsonAsync(Door.MappedH2, hasBystander: false);
        using ClientWebSocket socket = await server.Server.OpenAsync();
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        var buffer = new byte[1000];
        Assert.Contains("welcome", Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, patience.Token)).Count), StringComparison.Ordinal);
        await server.Hub.All.SendTextAsync("last words");

        Task stopped = server.Server.App.StopAsync();

        Assert.Equal("last words", Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, patience.Token)).Count));
        WebSocketReceiveResult close = await socket.ReceiveAsync(buffer, patience.Token);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, close.CloseStatus);
        await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, "", patience.Token);
        await stopped.WaitAsync(s_promptly);
        await server.AssertConnectionsAsync(0);
    }
}
