namespace PipeWs.Testing.Tests.Samples;

/// <summary>A handler by itself, with fakes: no hub runs, and every call is synchronous.</summary>
public sealed class OrderDeskUnitTests
{
    private readonly FakeWsHub _hub = new();
    private readonly WsTestClock _clock = new();
    private readonly OrderDesk _desk;

    public OrderDeskUnitTests()
    {
        _desk = new OrderDesk(_hub, _clock);
    }

    [Fact]
    public async Task An_order_is_answered_with_its_id()
    {
        FakeWsMessageContext context = await PlaceAsync(new Order("BTC", 2), _hub.Connect(userId: "ann"));

        Assert.Equal("order_placed", context.Reply.Type);
        Assert.Equal("1", context.Reply.Read(OrderJson.Default.Placed).Id);
        Assert.Equal(1, _desk.OpenOrders);
    }

    [Theory]
    [InlineData(null, 2, 401)]
    [InlineData("ann", 0, 422)]
    [InlineData("ann", -1, 422)]
    public async Task What_is_wrong_with_an_order_is_an_error(string? user, int quantity, int code)
    {
        FakeWsMessageContext context = await PlaceAsync(new Order("BTC", quantity), _hub.Connect(userId: user));

        Assert.Equal(code, context.Reply.Code);
        Assert.Equal(0, _desk.OpenOrders);
    }

    [Fact]
    public async Task A_fill_is_told_to_the_user_on_all_his_connections_and_to_the_room()
    {
        FakeWsConnection phone = _hub.Connect(userId: "ann");
        FakeWsConnection desktop = _hub.Connect(userId: "ann");
        FakeWsConnection bob = _hub.Connect(userId: "bob");
        await bob.JoinAsync("fills");
        await PlaceAsync(new Order("BTC", 2), phone);

        await _desk.FillAsync("1", 50_000);

        Fill fill = new("1", "BTC", 2, 50_000);
        Assert.Equal(fill, phone.LastSent.Read(OrderJson.Default.FillNotice).Data);
        Assert.Equal(fill, desktop.LastSent.Read(OrderJson.Default.FillNotice).Data);
        Assert.Equal(fill, bob.LastSent.ReadData(OrderJson.Default.Fill));
        Assert.Equal(1, _hub.Room("fills").LastPublished.SequenceNumber);
    }

    [Fact]
    public async Task An_order_that_nobody_fills_expires()
    {
        FakeWsConnection ann = _hub.Connect(userId: "ann");
        await PlaceAsync(new Order("BTC", 2), ann);

        _clock.Advance(OrderDesk.Lifetime - TimeSpan.FromTicks(1));
        Assert.Empty(ann.Sent);
        _clock.Advance(TimeSpan.FromTicks(1));

        Assert.Equal("order_expired", ann.LastSent.Type);
        Assert.Equal(0, _desk.OpenOrders);
    }

    private async Task<FakeWsMessageContext> PlaceAsync(Order order, FakeWsConnection connection)
    {
        FakeWsMessageContext context = FakeWsMessageContext.ForAction("place_order", order, OrderJson.Default.Order, connection);
        await _desk.PlaceAsync(context, order);
        return context;
    }
}
