using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Tests.Trading;

public class StopTests
{
    private readonly TestDesk _desk = new();

    public StopTests()
    {
        _desk.SetBook(_desk.Btc, "100.0:5 99.0:5", "101.0:5");
        _desk.TradeAt(_desk.Btc, "100.5");
    }

    [Theory]
    [InlineData("95.1", "110", "95", "stop_loss")]
    [InlineData("94.9", "110", "94", "stop_loss")]
    [InlineData("94", "109.9", "110", "take_profit")]
    [InlineData("94", "109", "120", "take_profit")]
    public async Task A_price_that_reaches_a_stop_sells_the_position(string stopLoss, string takeProfit, string price, string kind)
    {
        var ann = _desk.Hub.Connect("c1", "?user=ann");
        await _desk.AskAsync(ann, "manual_trade", """{"symbol":"BTC-USDT","side":"buy","quantity":"2"}""");
        var updated = await _desk.AskAsync(
            ann, "update_position", $$"""{"symbol":"BTC-USDT","stopLoss":"{{stopLoss}}","takeProfit":{{takeProfit}}}""");
        Assert.Equal("position_updated", Assert.Single(updated.Replies).Type);

        _desk.TradeAt(_desk.Btc, "100.0");
        Assert.NotNull(_desk.Portfolios.Open("ann")[_desk.Btc]);
        Assert.Equal(1, _desk.Trading.ArmedCount(_desk.Btc));
        int before = _desk.Hub.Everybody.Sent.Count;
        int mine = ann.Sent.Count;

        _desk.TradeAt(_desk.Btc, price, second: 100);

        Assert.Null(_desk.Portfolios.Open("ann")[_desk.Btc]);
        Assert.Equal(0, _desk.Trading.ArmedCount(_desk.Btc));
        Assert.Equal(100_000 - 202 + 200, _desk.Portfolios.View("ann").Cash);
        string notification = _desk.Hub.Everybody.Sent[before];
        Assert.StartsWith("""{"type":"trade_notification","data":{"tradeId":2,"user":"ann","symbol":"BTC-USDT","side":"sell","quantity":"2","price":"100",""", notification, StringComparison.Ordinal);
        Assert.Contains($"\"reason\":\"{kind}\"", notification, StringComparison.Ordinal);
        Assert.StartsWith("""{"type":"portfolio_update","data":{"user":"ann","cash":"99998",""", ann.Sent[mine], StringComparison.Ordinal);
        Assert.StartsWith($$"""{"type":"alert","data":{"kind":"{{kind}}","symbol":"BTC-USDT",""", ann.Sent[mine + 1], StringComparison.Ordinal);

        _desk.TradeAt(_desk.Btc, price, second: 101);
        Assert.Equal(mine + 2, ann.Sent.Count);
    }

    [Fact]
    public void A_book_that_is_too_thin_leaves_the_stop_for_the_next_price()
    {
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 5));
        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, 90, false, null));
        _desk.SetBook(_desk.Btc, "89.0:1", "101.0:5");
        _desk.TradeAt(_desk.Btc, "89");
        Assert.NotNull(_desk.Portfolios.Open("ann")[_desk.Btc]);

        _desk.SetBook(_desk.Btc, "88.0:5", "101.0:5");
        _desk.TradeAt(_desk.Btc, "89");
        Assert.Null(_desk.Portfolios.Open("ann")[_desk.Btc]);
        Assert.Equal(100_000 - 505 + 440, _desk.Portfolios.View("ann").Cash);
    }

    [Fact]
    public void Without_a_book_stops_wait()
    {
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 5));
        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, 90, false, null));
        _desk.Pipeline.OnRound(1);
        _desk.TradeAt(_desk.Btc, "80");

        Assert.NotNull(_desk.Portfolios.Open("ann")[_desk.Btc]);
    }

    [Fact]
    public void A_removed_stop_does_not_trigger()
    {
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 5));
        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, 90, true, 120));
        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, null, false, null));
        _desk.TradeAt(_desk.Btc, "80");
        Assert.Equal(5, _desk.Portfolios.Open("ann")[_desk.Btc]!.Quantity);

        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(false, null, true, null));
        _desk.TradeAt(_desk.Btc, "130");
        Assert.Equal(5, _desk.Portfolios.Open("ann")[_desk.Btc]!.Quantity);
        Assert.Equal(0, _desk.Trading.ArmedCount(_desk.Btc));
    }

    [Fact]
    public void A_position_bought_anew_has_no_stops_of_the_one_before()
    {
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 5));
        _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, 90, true, 120));
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Sell, 5));
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 1));
        _desk.TradeAt(_desk.Btc, "80");

        Assert.Equal(1, _desk.Portfolios.Open("ann")[_desk.Btc]!.Quantity);
    }

    [Theory]
    [InlineData("100.5", null, "stopLoss 100.5 must lie below the price, 100.5")]
    [InlineData(null, "100.5", "takeProfit 100.5 must lie above the price, 100.5")]
    public void A_stop_on_the_wrong_side_of_the_price_is_refused(string? stopLoss, string? takeProfit, string said)
    {
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 5));
        var change = new StopChange(stopLoss is not null, Parse(stopLoss), takeProfit is not null, Parse(takeProfit));

        var exception = Assert.Throws<DeskException>(() => _desk.Trading.UpdateStops("ann", _desk.Btc, change));
        Assert.Equal(409, exception.Code);
        Assert.StartsWith(said, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_position_there_is_nothing_to_protect() =>
        Assert.Equal(404, Assert.Throws<DeskException>(() => _desk.Trading.UpdateStops("ann", _desk.Btc, new StopChange(true, 90, false, null))).Code);

    private static decimal? Parse(string? text) => text is null ? null : decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
