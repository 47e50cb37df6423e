using System.Text.Json;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Demo.Trading;
using PipeWs.Server;

namespace PipeWs.Demo.Tests.Desk;

public class DeskActionsTests
{
    private readonly TestDesk _desk = new();
    private readonly FakeConnection _ann;

    public DeskActionsTests()
    {
        _ann = _desk.Hub.Connect("c1", "?user=ann");
        _desk.SetBook(_desk.Btc, "61837.63000000:3.78826000 61837.00000000:0.10000000", "61837.64000000:1.60520000 61840.00000000:1.00000000");
    }

    [Theory]
    [InlineData("BTCUSDT")]
    [InlineData("BTC-USDT")]
    [InlineData("btcusdt")]
    public async Task Subscribe_ticker_joins_the_topic_and_says_so(string symbol)
    {
        var context = await _desk.AskAsync(_ann, "subscribe_ticker", $$"""{"symbol":"{{symbol}}"}""");

        Assert.Equal(
            ("subscription_success", $$"""{"symbol":"{{symbol}}","pair":"BTC-USDT","topic":"/market/ticker:BTC-USDT","epoch":"epoch","sn":0}"""),
            Assert.Single(context.Replies));
        Assert.True(_ann.IsSubscribed("/market/ticker:BTC-USDT"));

        context = await _desk.AskAsync(_ann, "unsubscribe_ticker", $$"""{"symbol":"{{symbol}}"}""");
        Assert.Equal("unsubscription_success", Assert.Single(context.Replies).Type);
        Assert.False(_ann.IsSubscribed("/market/ticker:BTC-USDT"));
        context = await _desk.AskAsync(_ann, "unsubscribe_ticker", $$"""{"symbol":"{{symbol}}"}""");
        Assert.Equal(409, Assert.Single(context.Errors).Code);
    }

    [Theory]
    [InlineData("{}", 400)]
    [InlineData("""{"symbol":""}""", 400)]
    [InlineData("""{"symbol":"DOGEUSDT"}""", 404)]
    public async Task A_symbol_that_is_none_is_refused(string body, int code)
    {
        foreach (string action in new[] { "subscribe_ticker", "unsubscribe_ticker", "get_book", "update_position", "manual_trade" })
        {
            var (got, message) = Assert.Single((await _desk.AskAsync(_ann, action, body)).Errors);
            Assert.Equal(code, got);
            Assert.Contains("BTC-USDT, ETH-USDT", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_room_that_cannot_be_joined_is_an_error()
    {
        _ann.JoinStatus = WsJoinStatus.TooManyRooms;

        var context = await _desk.AskAsync(_ann, "subscribe_ticker", """{"symbol":"BTCUSDT"}""");
        Assert.Empty(context.Replies);
        Assert.Equal(409, Assert.Single(context.Errors).Code);
    }

    [Fact]
    public async Task A_trade_is_answered_then_told_to_everybody_and_its_owner_sees_his_portfolio()
    {
        var other = _desk.Hub.Connect("c2", "?user=ann");
        await _desk.AskAsync(other, "symbols");
        var context = await _desk.AskAsync(_ann, "manual_trade", """{"symbol":"BTCUSDT","side":"buy","quantity":0.1}""");

        var (type, data) = Assert.Single(context.Replies);
        Assert.Equal("trade_result", type);
        long time = _desk.Time.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.Equal(
            $$"""{"tradeId":1,"symbol":"BTC-USDT","side":"buy","type":"market","status":"filled","quantity":"0.1","filledQuantity":"0.1","averagePrice":"61837.64","notional":"6183.764","fills":[{"price":"61837.64000000","quantity":"0.1"}],"cash":"93816.236","time":{{time}}}""",
            data);
        Assert.Equal(
            $$$"""{"type":"trade_notification","data":{"tradeId":1,"user":"ann","symbol":"BTC-USDT","side":"buy","quantity":"0.1","price":"61837.64","reason":"manual","time":{{{time}}}}}""",
            Assert.Single(_desk.Hub.Everybody.Sent));
        Assert.StartsWith("""{"type":"portfolio_update","data":{"user":"ann","cash":"93816.236",""", Assert.Single(_ann.Sent), StringComparison.Ordinal);
        Assert.Equal(_ann.Sent, other.Sent);
    }

    [Theory]
    [InlineData("""{"symbol":"BTCUSDT","quantity":"1"}""", "side is missing")]
    [InlineData("""{"symbol":"BTCUSDT","side":"hold","quantity":"1"}""", "side 'hold'")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy"}""", "quantity is missing")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":null}""", "quantity is missing")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":0}""", "quantity '0': must be more than zero")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"-1"}""", "quantity '-1': must be more than zero")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"NaN"}""", "quantity 'NaN' is not a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"Infinity"}""", "quantity")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"1e3"}""", "quantity '1e3' is not a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":""}""", "quantity '' is not a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":" 1"}""", "quantity ' 1' is not a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"1,5"}""", "quantity '1,5' is not a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1e400}""", "quantity '1e400'")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1e10}""", "quantity '1e10': at most 1000000000")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"99999999999999999999999999999999"}""", "quantity '99999999999999999999999999999999': at most 1000000000")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"0.000000001"}""", "quantity '0.000000001': at most 8 decimals")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":"0.00000000000000000000000000000000000000000001"}""", "quantity: more than 40 digits")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1e-30}""", "quantity")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":true}""", "quantity: give a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":[1]}""", "quantity: give a number")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1,"type":"limit"}""", "price is missing")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1,"type":"market","price":1}""", "price: a market order takes none")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1,"type":"stop"}""", "type 'stop'")]
    [InlineData("""{"symbol":"BTCUSDT","side":"buy","quantity":1,"price":"-3"}""", "price '-3': must be more than zero")]
    public async Task An_order_with_a_bad_field_is_refused_in_plain_words(string body, string said)
    {
        var context = await _desk.AskAsync(_ann, "manual_trade", body);

        Assert.Empty(context.Replies);
        var (code, message) = Assert.Single(context.Errors);
        Assert.Equal(400, code);
        Assert.StartsWith(said, message, StringComparison.Ordinal);
        Assert.Empty(_desk.Hub.Everybody.Sent);
        Assert.Equal(100_000, _desk.Portfolios.View("ann").Cash);
    }

    [Theory]
    [InlineData("0.10000000", "0.1")]
    [InlineData("1", "1")]
    [InlineData("0.00000001", "0.00000001")]
    [InlineData(".5", "0.5")]
    public async Task Quantities_are_exact(string given, string traded)
    {
        var context = await _desk.AskAsync(_ann, "manual_trade", $$"""{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","price":"61837.64","quantity":"{{given}}"}""");

        Assert.Contains($"\"filledQuantity\":\"{traded}\"", Assert.Single(context.Replies).Data, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"symbol":"BTC-USDT"}""", 400, "Give stopLoss, takeProfit or both")]
    [InlineData("""{"symbol":"BTC-USDT","stopLoss":"x"}""", 400, "stopLoss 'x' is not a number")]
    [InlineData("""{"symbol":"BTC-USDT","takeProfit":-1}""", 400, "takeProfit '-1': must be more than zero")]
    [InlineData("""{"symbol":"BTC-USDT","takeProfit":1}""", 404, "You hold no BTC")]
    public async Task Stops_with_a_bad_field_are_refused(string body, int code, string said)
    {
        var error = Assert.Single((await _desk.AskAsync(_ann, "update_position", body)).Errors);

        Assert.Equal(code, error.Code);
        Assert.StartsWith(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_absent_of_the_stops_stays_and_null_removes()
    {
        _desk.TradeAt(_desk.Btc, "61837.63000000");
        await _desk.AskAsync(_ann, "manual_trade", """{"symbol":"BTCUSDT","side":"buy","quantity":1}""");
        await _desk.AskAsync(_ann, "update_position", """{"symbol":"BTCUSDT","stopLoss":"60000","takeProfit":"70000.50"}""");
        var context = await _desk.AskAsync(_ann, "update_position", """{"symbol":"BTCUSDT","stopLoss":null}""");

        var (type, data) = Assert.Single(context.Replies);
        Assert.Equal("position_updated", type);
        Assert.Contains("\"takeProfit\":\"70000.5\"", data, StringComparison.Ordinal);
        Assert.DoesNotContain("stopLoss", data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_book_comes_as_the_exchange_wrote_it()
    {
        var context = await _desk.AskAsync(_ann, "get_book", """{"symbol":"BTC-USDT","depth":1}""");

        Assert.Equal(
            ("book", """{"symbol":"BTC-USDT","sequence":1001,"bids":[["61837.63000000","3.78826000"]],"asks":[["61837.64000000","1.60520000"]]}"""),
            Assert.Single(context.Replies));
    }

    [Theory]
    [InlineData("""{"symbol":"BTC-USDT","depth":0}""", 400)]
    [InlineData("""{"symbol":"BTC-USDT","depth":5001}""", 400)]
    [InlineData("""{"symbol":"ETH-USDT"}""", 503)]
    public async Task A_book_that_cannot_be_given_is_an_error(string body, int code) =>
        Assert.Equal(code, Assert.Single((await _desk.AskAsync(_ann, "get_book", body)).Errors).Code);

    [Theory]
    [InlineData(1, "[10000,\"101.0\"],[9000,\"102.0\"],[0,\"104.0\"]")]
    [InlineData(4, "[2250,\"102.0\"],[0,\"104.0\"]")]
    public async Task A_chart_has_the_last_price_of_each_half_second_of_the_clock(double speed, string points)
    {
        var desk = new TestDesk(new DeskOptions { Speed = speed });
        desk.TradeAt(desk.Btc, "100.0", second: 0.1);
        desk.TradeAt(desk.Btc, "101.0", second: 0.2);
        desk.TradeAt(desk.Btc, "102.0", second: 1.2);
        desk.TradeAt(desk.Btc, "103.0", second: 10.1);
        desk.TradeAt(desk.Btc, "104.0", second: 10.2);
        var context = await desk.AskAsync(desk.Hub.Connect("c"), "get_chart", """{"symbol":"BTCUSDT"}""");

        Assert.Equal(("chart", $$"""{"symbol":"BTC-USDT","points":[{{points}}]}"""), Assert.Single(context.Replies));
    }

    [Fact]
    public async Task Symbols_come_with_their_topics()
    {
        _desk.TradeAt(_desk.Btc, "61837.63000000");
        var context = await _desk.AskAsync(_ann, "symbols");

        Assert.Equal(
            ("symbols", """[{"symbol":"BTC-USDT","name":"BTCUSDT","base":"BTC","quote":"USDT","price":"61837.63000000","topics":["/market/ticker:BTC-USDT","/market/match:BTC-USDT","/market/level2:BTC-USDT"]},{"symbol":"ETH-USDT","name":"ETHUSDT","base":"ETH","quote":"USDT","topics":["/market/ticker:ETH-USDT","/market/match:ETH-USDT","/market/level2:ETH-USDT"]}]"""),
            Assert.Single(context.Replies));
    }

    [Fact]
    public async Task A_portfolio_is_given_once()
    {
        var context = await _desk.AskAsync(_ann, "get_portfolio");

        Assert.Equal(
            ("portfolio", $$"""{"user":"ann","cash":"100000","value":"100000","startingCash":"100000","pnl":"0","pnlPercent":"0","realizedPnl":"0","unrealizedPnl":"0","positions":[],"time":{{_desk.Time.GetUtcNow().ToUnixTimeMilliseconds()}}}"""),
            Assert.Single(context.Replies));
    }

    [Theory]
    [InlineData("subscribe_portfolio", 1)]
    [InlineData("portfolio_update", 0)]
    public async Task A_subscribed_portfolio_is_pushed_every_five_seconds(string action, int atOnce)
    {
        await _desk.AskAsync(_ann, action);
        Assert.Equal(atOnce, _ann.Sent.Count);
        await _desk.AskAsync(_ann, action);
        int before = _ann.Sent.Count;

        _desk.Time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(before, _ann.Sent.Count);
        _desk.Time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(before + 1, _ann.Sent.Count);
        _desk.Time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(before + 11, _ann.Sent.Count);
        Assert.All(_ann.Sent, message => Assert.StartsWith("""{"type":"portfolio_update","data":{"user":"ann",""", message, StringComparison.Ordinal));

        Assert.Equal("unsubscription_success", Assert.Single((await _desk.AskAsync(_ann, "unsubscribe_portfolio")).Replies).Type);
        _desk.Time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(before + 11, _ann.Sent.Count);
        Assert.Equal(409, Assert.Single((await _desk.AskAsync(_ann, "unsubscribe_portfolio")).Errors).Code);
    }

    [Fact]
    public async Task No_portfolio_is_sent_behind_a_newer_one()
    {
        const int Trades = 2_000;
        var session = _desk.Sessions.Of(_ann);
        await _desk.AskAsync(_ann, "get_portfolio");
        using var start = new Barrier(2);
        var trading = Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                for (int i = 0; i < Trades; i++)
                {
                    _desk.Notifier.Traded(_desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 0.0001m)));
                }
            },
            TaskCreationOptions.LongRunning);
        start.SignalAndWait();
        while (!trading.IsCompleted)
        {
            _desk.Notifier.PushPortfolio(session);
        }

        await trading;
        decimal[] cash =
        [
            .. _ann.Sent.Select(message => decimal.Parse(
                JsonDocument.Parse(message).RootElement.GetProperty("data").GetProperty("cash").GetString()!, System.Globalization.CultureInfo.InvariantCulture)),
        ];
        Assert.True(cash.Length >= Trades);
        Assert.Equal(cash.OrderDescending(), cash);
    }

    [Fact]
    public async Task The_portfolio_of_a_guest_who_goes_while_his_trade_is_told_is_not_kept()
    {
        var guest = _desk.Hub.Connect("g7");
        _desk.Hub.Everybody.OnSend = guest.Close;

        await _desk.AskAsync(guest, "manual_trade", """{"symbol":"BTCUSDT","side":"buy","quantity":0.1}""");
        Assert.False(_desk.Portfolios.TryGet("guest:g7", out _));

        // A stop that triggers is told on the market's thread, with no request of the guest's around it.
        var other = _desk.Hub.Connect("g8");
        _desk.Hub.Everybody.OnSend = null;
        await _desk.AskAsync(other, "manual_trade", """{"symbol":"BTCUSDT","side":"buy","quantity":0.1}""");
        _desk.TradeAt(_desk.Btc, "61837.00");
        Assert.Single((await _desk.AskAsync(other, "update_position", """{"symbol":"BTCUSDT","stopLoss":"61000"}""")).Replies);
        _desk.Hub.Everybody.OnSend = other.Close;
        _desk.TradeAt(_desk.Btc, "60999.00");
        Assert.False(_desk.Portfolios.TryGet("guest:g8", out _));
    }

    [Fact]
    public async Task Whoever_logs_in_on_an_open_connection_stays_subscribed_and_gets_his_own_portfolio()
    {
        var connection = _desk.Hub.Connect("g9");
        await _desk.AskAsync(connection, "portfolio_update");
        connection.UserId = "bob";
        await _desk.AskAsync(connection, "symbols");

        _desk.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.StartsWith("""{"type":"portfolio_update","data":{"user":"login:bob",""", Assert.Single(connection.Sent), StringComparison.Ordinal);
        Assert.Equal(1, _desk.Time.WaitingTimers);
        Assert.Equal("unsubscription_success", Assert.Single((await _desk.AskAsync(connection, "unsubscribe_portfolio")).Replies).Type);
        Assert.Equal(0, _desk.Time.WaitingTimers);
    }

    [Fact]
    public async Task A_peer_that_does_not_read_gets_no_second_push_behind_the_first()
    {
        await _desk.AskAsync(_ann, "portfolio_update");
        _ann.Blocked = new TaskCompletionSource();
        _desk.Time.Advance(TimeSpan.FromSeconds(50));
        Assert.Single(_ann.Sent);

        var blocked = _ann.Blocked;
        _ann.Blocked = null;
        blocked.SetResult();
        _desk.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, _ann.Sent.Count);
    }

    [Fact]
    public async Task A_closed_connection_is_pushed_to_no_more()
    {
        await _desk.AskAsync(_ann, "subscribe_portfolio");
        _ann.Close();
        _desk.Time.Advance(TimeSpan.FromSeconds(50));

        Assert.Single(_ann.Sent);
        Assert.Equal(0, _desk.Time.WaitingTimers);
        Assert.Empty(_desk.Sessions.OfUser("ann"));
    }

    [Fact]
    public async Task A_named_user_keeps_his_portfolio_and_a_guest_does_not()
    {
        var guest = _desk.Hub.Connect("g1");
        const string Order = """{"symbol":"BTCUSDT","side":"buy","quantity":"0.1"}""";
        await _desk.AskAsync(_ann, "manual_trade", Order);
        await _desk.AskAsync(guest, "manual_trade", Order);
        Assert.Contains("\"user\":\"guest\"", _desk.Hub.Everybody.Sent[1], StringComparison.Ordinal);
        Assert.True(_desk.Portfolios.TryGet("guest:g1", out _));

        _ann.Close();
        guest.Close();
        Assert.True(_desk.Portfolios.TryGet("ann", out _));
        Assert.False(_desk.Portfolios.TryGet("guest:g1", out _));
        await _desk.AskAsync(guest, "get_portfolio");
        Assert.False(_desk.Portfolios.TryGet("guest:g1", out _));
    }

    [Theory]
    [InlineData("?user=")]
    [InlineData("?user=a&user=b")]
    [InlineData("?user=guest:g1")]
    [InlineData("?user=a%20b")]
    [InlineData("?user=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg")]
    public async Task A_user_whose_name_is_none_is_refused(string query)
    {
        var (code, message) = Assert.Single((await _desk.AskAsync(_desk.Hub.Connect("c9", query), "get_portfolio")).Errors);

        Assert.Equal(400, code);
        Assert.StartsWith("user: give one name", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_desk_says_so()
    {
        var desk = new TestDesk(new DeskOptions { MaxUsers = 1 });
        await desk.AskAsync(desk.Hub.Connect("a", "?user=a"), "get_portfolio");
        var context = await desk.AskAsync(desk.Hub.Connect("b", "?user=b"), "get_portfolio");

        Assert.Equal(503, Assert.Single(context.Errors).Code);
    }

    [Fact]
    public void Decimals_are_read_back_as_they_were_written()
    {
        var view = new BookReplyView("BTC-USDT", 7, [new(1.10m, 2.000m)], []);
        string json = JsonSerializer.Serialize(view, DeskJson.Default.BookReplyView);

        Assert.Equal("""{"symbol":"BTC-USDT","sequence":7,"bids":[["1.10","2.000"]],"asks":[]}""", json);
        Assert.Equal(view.Bids, JsonSerializer.Deserialize(json, DeskJson.Default.BookReplyView)!.Bids);
    }
}
