using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Testing.Tests.Hosting;

public sealed class WsTestServerTests
{
    [Fact]
    public async Task A_peer_talks_to_a_hub_without_a_socket()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.MapAction("say", static context =>
        {
            context.Hub.Room("lobby").Publish(context.Body);
            return default;
        }));
        await using WsTestPeer ann = await server.ConnectAsync();
        await using WsTestPeer bob = await server.ConnectAsync();

        WsTestMessage ack = await ann.SubscribeAsync("lobby");
        await bob.SendActionAsync("say", """{"text":"hello"}""");
        WsTestMessage message = await ann.ExpectRoomMessageAsync("lobby");

        Assert.Equal(0, ack.SequenceNumber);
        Assert.Equal(1, message.SequenceNumber);
        Assert.Equal("hello", message.Data.GetProperty("text").GetString());
        await bob.ExpectNothingAsync();
        Assert.Equal(2, server.Hub.ConnectionCount);
        Assert.Equal(ann.Welcome!.Id, ann.Connection.Id);
    }

    [Fact]
    public async Task A_refused_handshake_is_an_answer_with_status_headers_and_body()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });

        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions { Origin = "https://evil.example" });

        Assert.False(answer.IsAccepted);
        Assert.Equal(403, answer.StatusCode);
        Assert.Equal("close", answer.Headers["connection"]);
        Assert.NotEqual("", answer.Body);
        WsHandshakeRefusedException refused = await Assert.ThrowsAsync<WsHandshakeRefusedException>(() => server.ConnectAsync(new WsTestConnectOptions { Origin = "https://evil.example" }));
        Assert.Equal(403, refused.Answer!.StatusCode);
        Assert.Equal(0, server.Hub.ConnectionCount);
    }

    [Fact]
    public async Task Limits_on_connections_hold_with_the_handshake_and_past_it()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { }, static options => options.MaxConnections = 1);
        WsTestPeer first = await server.ConnectAsync();

        Assert.Equal(503, (await server.HandshakeAsync()).StatusCode);
        Assert.Equal(503, (await server.HandshakeAsync(new WsTestConnectOptions { UserId = "ann" })).StatusCode);

        await first.CloseAsync();
        await server.WaitUntilIdleAsync();
        await using WsTestPeer second = await server.ConnectAsync("ann");
        Assert.Equal("ann", second.Connection.UserId);
    }

    [Fact]
    public async Task Who_connects_and_how_comes_to_the_hub()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { }, static options => options.Subprotocols.Add("v2.desk"));
        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions { Path = "/desk", Query = "room=1", Subprotocols = { "v1.desk", "v2.desk" } });

        IWsConnection connection = answer.Peer!.Connection;

        Assert.Equal("/desk", connection.Path);
        Assert.Equal("?room=1", connection.Query);
        Assert.Equal("v2.desk", connection.Subprotocol);
        Assert.Equal("v2.desk", answer.Subprotocol);
        Assert.Equal(server.Clock.UtcNow, connection.ConnectedAt);
    }

    [Fact]
    public async Task A_malformed_request_gets_the_doors_own_answer()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });

        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions
        {
            Request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        });

        Assert.Equal(426, answer.StatusCode);
        Assert.Equal("13", answer.Headers["Sec-WebSocket-Version"]);
    }

    [Fact]
    public async Task Several_hubs_are_found_by_their_names()
    {
        await using WsTestServer server = await WsTestServer.StartAsync(static services =>
        {
            services.AddPipeWs();
            services.AddPipeWs("echo").OnText(static context => context.Connection.SendAsync(context.Payload, context.Type));
        });
        await using WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { Hub = "echo" });

        await peer.SendTextAsync("hello");
        await peer.ExpectTextAsync("hello");

        Assert.Equal(1, server.GetHub("echo").ConnectionCount);
        Assert.Equal(0, server.Hub.ConnectionCount);
        Assert.Throws<InvalidOperationException>(() => server.GetHub("none"));
    }

    [Fact]
    public async Task Options_are_validated_as_in_a_real_application()
    {
        await Assert.ThrowsAnyAsync<Exception>(() => WsTestServer.StartHubAsync(static _ => { }, static options => options.MaxMessageBytes = -1));
    }

    [Fact]
    public async Task Stopping_closes_with_1001()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync();

        await server.StopAsync(TestContext.Current.CancellationToken);

        await peer.ExpectCloseAsync(1001);
        await peer.Ended;
    }
}
