using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Tests.Trading;

public class TradingServiceTests
{
    private readonly TestDesk _desk = new();

    public TradingServiceTests()
    {
        _desk.SetBook(_desk.Btc, "50000.00000000:1.00000000 49990.00000000:2.00000000", "50010.00000000:0.50000000 50020.00000000:1.50000000");
        _desk.TradeAt(_desk.Btc, "50005.00000000");
    }

    [Fact]
    public void A_market_order_walks_the_levels_and_pays_their_average()
    {
        var trade = Buy("0.75");

        Assert.Equal(TradeStatus.Filled, trade.Status);
        Assert.Equal([new BookLevel(50_010m, 0.5m), new BookLevel(50_020m, 0.25m)], trade.Fill.Fills);
        Assert.Equal(37_510m, trade.Fill.Notional);
        Assert.Equal(50_013.33333333m, trade.AveragePrice);
        var view = _desk.Portfolios.View("ann");
        Assert.Equal(62_490m, view.Cash);
        var position = Assert.Single(view.Positions);
        Assert.Equal(0.75m, position.Quantity);
        Assert.Equal(50_013.33333333m, position.AveragePrice);
        Assert.Equal(37_503.75m, position.Value);
        Assert.Equal(-6.25m, position.UnrealizedPnl);
        Assert.Equal(99_993.75m, view.Value);
        Assert.Equal(-6.25m, view.Pnl);
    }

    [Fact]
    public void The_book_keeps_what_is_taken_from_it()
    {
        Buy("0.75");

        Assert.Equal(50_010m, Buy("0.1").AveragePrice);
    }

    [Fact]
    public void Sales_realize_their_part_of_the_cost_and_nothing_gets_lost()
    {
        Buy("0.3");
        Buy("0.7");
        var first = Sell("0.9");
        var last = Sell("0.1");

        decimal bought = 0.3m * 50_010 + 0.5m * 50_010 + 0.2m * 50_020;
        decimal sold = 0.9m * 50_000 + 0.1m * 50_000;
        Assert.Equal(sold - bought, first.RealizedPnl + last.RealizedPnl);
        Assert.Equal(45_000 - bought * 0.9m, first.RealizedPnl);
        var view = _desk.Portfolios.View("ann");
        Assert.Empty(view.Positions);
        Assert.Equal(100_000 + sold - bought, view.Cash);
        Assert.Equal(sold - bought, view.RealizedPnl);
        Assert.Equal(view.Pnl, view.RealizedPnl);
    }

    [Fact]
    public void Any_walk_of_buys_and_sells_keeps_value_equal_to_cash_and_results()
    {
        var random = new Random(11);
        for (int i = 0; i < 500; i++)
        {
            decimal held = _desk.Portfolios.View("ann").Positions is [var position, ..] ? position.Quantity : 0;
            decimal quantity = random.Next(1, 20_000) / 100_000m;
            if (random.Next(2) == 0 && held + quantity < 1)
            {
                _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, quantity));
            }
            else if (held > 0)
            {
                _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Sell, Math.Min(held, quantity)));
            }

            var view = _desk.Portfolios.View("ann");
            Assert.Equal(view.Pnl, view.RealizedPnl + view.UnrealizedPnl, 10);
            Assert.True(view.Cash >= 0);
        }
    }

    [Fact]
    public void A_limit_order_takes_what_is_there_at_its_limit_and_cancels_the_rest()
    {
        var trade = _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, OrderSide.Buy, 1, LimitPrice: 50_015));

        Assert.Equal(TradeStatus.PartiallyFilled, trade.Status);
        Assert.Equal(0.5m, trade.Fill.Quantity);
        Assert.Equal(50_010m, trade.AveragePrice);
    }

    [Theory]
    [InlineData("buy", "0.5", "49000", 409, "Nothing to fill")]
    [InlineData("buy", "3", null, 409, "Insufficient liquidity: the BTC-USDT book holds 2 of 3")]
    [InlineData("buy", "2", null, 409, "Insufficient funds: this costs 100035 USDT, you have 100000")]
    [InlineData("sell", "0.1", null, 409, "Insufficient BTC: you hold 0")]
    public void What_cannot_be_filled_is_refused_and_changes_nothing(string side, string quantity, string? limit, int code, string said)
    {
        var order = new TradeOrder(
            _desk.Btc, side == "buy" ? OrderSide.Buy : OrderSide.Sell, decimal.Parse(quantity, System.Globalization.CultureInfo.InvariantCulture),
            limit is null ? null : decimal.Parse(limit, System.Globalization.CultureInfo.InvariantCulture));
        var exception = Assert.Throws<DeskException>(() => _desk.Trading.Execute("ann", order));

        Assert.Equal(code, exception.Code);
        Assert.StartsWith(said, exception.Message, StringComparison.Ordinal);
        Assert.Equal(100_000, _desk.Portfolios.View("ann").Cash);
    }

    [Fact]
    public void Nobody_sells_more_than_he_holds()
    {
        Buy("0.5");

        var exception = Assert.Throws<DeskException>(() => Sell("0.50000001"));
        Assert.Contains("you hold 0.5", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_book_there_is_no_trade()
    {
        var exception = Assert.Throws<DeskException>(() => _desk.Trading.Execute("ann", new TradeOrder(_desk.Eth, OrderSide.Buy, 1)));

        Assert.Equal(503, exception.Code);
    }

    [Fact]
    public void Users_have_portfolios_of_their_own()
    {
        Buy("0.5");

        Assert.Empty(_desk.Portfolios.View("bob").Positions);
        Assert.Equal(100_000, _desk.Portfolios.View("bob").Value);
    }

    [Fact]
    public async Task Orders_of_one_user_from_many_threads_never_spend_more_than_there_is()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 2_000), (_, _) =>
        {
            try
            {
                Buy("0.01");
            }
            catch (DeskException exception)
            {
                Assert.StartsWith("Insufficient funds", exception.Message, StringComparison.Ordinal);
            }

            return ValueTask.CompletedTask;
        });

        var view = _desk.Portfolios.View("ann");
        Assert.Equal(1.99m, view.Positions[0].Quantity);
        Assert.Equal(100_000 - (1.99m * 50_010), view.Cash);
    }

    private Trade Buy(string quantity) => Execute(OrderSide.Buy, quantity);

    private Trade Sell(string quantity) => Execute(OrderSide.Sell, quantity);

    private Trade Execute(OrderSide side, string quantity) =>
        _desk.Trading.Execute("ann", new TradeOrder(_desk.Btc, side, decimal.Parse(quantity, System.Globalization.CultureInfo.InvariantCulture)));
}
