using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Testing.Tests.Samples;

/// <summary>The application end to end in memory: its own registration, the real hub, peers instead of clients, and the clock in the test's hands.</summary>
public sealed class OrderDeskEndToEndTests : IAsyncLifetime
{
    private WsTestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await WsTestServer.StartAsync(OrderDesk.Register);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_order_goes_from_the_request_to_the_fill()
    {
        WsTestPeer ann = await _server.ConnectAsync("ann");
        WsTestPeer bob = await _server.ConnectAsync("bob");
        await bob.SubscribeAsync("fills");

        WsTestMessage placed = await ann.RequestAsync("place_order", new Order("BTC", 2), OrderJson.Default.Order);
        string id = placed.ReadData(OrderJson.Default.Placed).Id;
        await _server.Services.GetRequiredService<OrderDesk>().FillAsync(id, 50_000);

        Fill fill = new(id, "BTC", 2, 50_000);
        Assert.Equal(fill, (await ann.ExpectAsync("order_filled")).ReadData(OrderJson.Default.Fill));
        Assert.Equal(fill, (await bob.ExpectRoomMessageAsync("fills")).ReadData(OrderJson.Default.Fill));
        await bob.ExpectNothingAsync();
    }

    [Fact]
    public async Task Who_comes_back_gets_the_fills_that_he_missed()
    {
        OrderDesk desk = _server.Services.GetRequiredService<OrderDesk>();
        WsTestPeer ann = await _server.ConnectAsync("ann");
        WsTestMessage ack = await ann.SubscribeAsync("fills");
        await ann.RequestAsync("place_order", """{"symbol":"BTC","quantity":2}""");
        await ann.RequestAsync("place_order", """{"symbol":"ETH","quantity":5}""");
        await desk.FillAsync("1", 50_000);
        long seen = (await ann.UntilAsync("message")).SequenceNumber!.Value;
        ann.Abort();
        await desk.FillAsync("2", 3_000);

        WsTestPeer back = await _server.ConnectAsync("ann");
        WsTestMessage resumed = await back.SubscribeAsync("fills", ack.Epoch, seen);

        Assert.True(resumed.Recovered);
        Assert.Equal("ETH", (await back.ExpectRoomMessageAsync("fills")).ReadData(OrderJson.Default.Fill).Symbol);
    }

    [Fact]
    public async Task A_bad_request_is_an_error_and_the_connection_lives()
    {
        WsTestPeer ann = await _server.ConnectAsync("ann");

        await ann.SendActionAsync("place_order", """{"symbol":"BTC","quantity":0}""");
        await ann.ExpectErrorAsync(422);
        Assert.Equal("pong", (await ann.RequestAsync("ping")).Type);
    }

    [Fact]
    public async Task An_order_that_nobody_fills_expires_and_its_user_hears_of_it()
    {
        WsTestPeer ann = await _server.ConnectAsync("ann");
        await ann.RequestAsync("place_order", new Order("BTC", 2), OrderJson.Default.Order);

        await _server.AdvanceAsync(TimeSpan.FromSeconds(29));
        await ann.ExpectNothingAsync();
        await _server.AdvanceAsync(TimeSpan.FromSeconds(1));

        await ann.ExpectAsync("order_expired");
    }

    [Fact]
    public async Task A_phone_that_lost_its_network_is_dropped_within_a_minute()
    {
        WsTestPeer phone = await _server.ConnectAsync(new WsTestConnectOptions { UserId = "ann", AnswersPings = false });

        await _server.AdvanceAsync(TimeSpan.FromMinutes(1));

        await phone.ExpectAbortAsync();
        Assert.Empty(_server.Hub.UserConnections("ann"));
    }

    [Fact]
    public async Task Foreign_pages_are_kept_out()
    {
        WsHandshakeAnswer own = await _server.HandshakeAsync(new WsTestConnectOptions { Origin = "https://desk.example.com" });
        WsHandshakeAnswer foreign = await _server.HandshakeAsync(new WsTestConnectOptions { Origin = "https://evil.example" });

        Assert.True(own.IsAccepted);
        Assert.Equal(403, foreign.StatusCode);
    }
}
