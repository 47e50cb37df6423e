using System.Net.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using PipeWs.Testing;
using static PipeWs.Repository.Tests.Examples.GuideExamples;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guide to testing, run as it stands.</summary>
public sealed class TestingExamples
{
    [Fact]
    public async Task The_hub_in_memory()
    {
        await using var server = await WsTestServer.StartAsync(services => services.AddPipeWs()
            .MapAction("say", context =>
            {
                context.Hub.Room("lobby").Publish(context.Body);
                return default;
            }));

        var ann = await server.ConnectAsync("ann");
        var bob = await server.ConnectAsync("bob");
        await bob.SubscribeAsync("lobby");

        var answer = await ann.RequestAsync("say", """{"text":"hello"}""");
        var message = await bob.ExpectRoomMessageAsync("lobby");

        Assert.Equal("ack", answer.Type);
        Assert.Equal("hello", message.Data.GetProperty("text").GetString());
        await ann.ExpectNothingAsync();
    }

    [Fact]
    public async Task Handshakes()
    {
        await using var server = await WsTestServer.StartHubAsync(hub => { }, options => options.AllowedOrigins.Add("https://desk.example.com"));

        var peer = await server.ConnectAsync(new WsTestConnectOptions { Path = "/desk", Query = "v=2", Origin = "https://desk.example.com" });
        var refused = await server.HandshakeAsync(new WsTestConnectOptions { Origin = "https://evil.example" });

        Assert.Equal("?v=2", peer.Connection.Query);
        Assert.Equal(403, refused.StatusCode);
    }

    [Fact]
    public async Task Time()
    {
        await using var server = await WsTestServer.StartHubAsync(hub => { });

        var phone = await server.ConnectAsync(new WsTestConnectOptions { AnswersPings = false });
        var desktop = await server.ConnectAsync();
        await server.AdvanceAsync(TimeSpan.FromMinutes(1));

        await phone.ExpectAbortAsync();
        Assert.Same(desktop.Connection, Assert.Single(server.Hub.Connections));
    }

    [Fact]
    public async Task Slow_and_bad_peers()
    {
        await using var server = await WsTestServer.StartHubAsync(hub => { });

        var slow = await server.ConnectAsync(new WsTestConnectOptions { WindowBytes = 1024 });
        slow.StopReading();
        await slow.Connection.SendTextAsync(new string('x', 2048));
        await slow.Connection.SendTextAsync("never taken");
        await server.AdvanceAsync(TimeSpan.FromSeconds(15));
        Assert.Equal(3008, (await slow.GetCloseInfoAsync()).Code);

        var bad = await server.ConnectAsync();
        await bad.SendFrameAsync(WsRawFrame.Text("hello"), isMasked: false);
        await bad.ExpectCloseAsync(1002);

        var halting = await server.ConnectAsync();
        await halting.SendBytesAsync(halting.Encode(WsRawFrame.Text("hello")).AsMemory(0, 7));
        await server.AdvanceAsync(TimeSpan.FromSeconds(31));
        await halting.ExpectCloseAsync(1008);
    }

    [Fact]
    public async Task A_handler_with_fakes()
    {
        var hub = new FakeWsHub();
        var ann = hub.Connect(userId: "ann");
        var context = FakeWsMessageContext.ForAction("order", new Order("BTC-USDT", 2), Json.Default.Order, ann);

        await OrderHandler.HandleAsync(context, new Order("BTC-USDT", 2));

        Assert.Equal("order_accepted", context.Reply.Type);
        Assert.Equal("BTC-USDT", hub.Room("orders:ann").LastPublished.Content.Read(Json.Default.Order).Symbol);
    }

    [Fact]
    public async Task A_scripted_server()
    {
        await using var server = new WsScriptedServer();
        server.Listen();
        using var client = new ClientWebSocket();
        var connecting = client.ConnectAsync(new Uri(server.Uri, "ws?token=t0ken"), default);

        var connection = await server.AcceptAsync();
        Assert.Equal("/ws?token=t0ken", connection.Request!.Target);
        var peer = await connection.AcceptHandshakeAsync(firstFrames: [WsRawFrame.Text("""{"type":"welcome"}""")]);
        await connecting;
        peer.Abort();
    }

    internal static void Factory(IServiceCollection services)
    {
        services.AddPipeWsTestServer();
    }

    internal static async Task Running(IServiceProvider services)
    {
        var server = services.GetRequiredService<WsTestServer>();
        await using var peer = await server.ConnectAsync(new WsTestConnectOptions { UserId = "ann" });
        await server.AdvanceAsync(TimeSpan.FromSeconds(30));
    }

    internal static class OrderHandler
    {
        public static async ValueTask HandleAsync(WsMessageContext context, Order order)
        {
            context.Hub.Room($"orders:{context.Connection.UserId}").PublishJson(order, Json.Default.Order);
            await context.ReplyJsonAsync("order_accepted", order, Json.Default.Order);
        }
    }
}
