using System.Collections.Concurrent;
using System.Globalization;
using PipeWs.Demo.Alerts;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Trading;

/// <summary>Fills orders against the live books, and watches the prices for stops.</summary>
public sealed class TradingService(
    IMarketData market, IOrderBooks books, IPortfolioService portfolios, IDeskNotifier notifier, TimeProvider time) : ITradingService, IPriceObserver
{
    // Portfolios with a stop, by symbol: what a price has to be compared with. A portfolio that no longer has one is weeded out when a price meets it.
    private readonly ConcurrentDictionary<string, Portfolio>[] _armed =
        [.. market.Symbols.Select(_ => new ConcurrentDictionary<string, Portfolio>(StringComparer.Ordinal))];

    private long _tradeId;

    /// <inheritdoc/>
    public Trade Execute(string user, TradeOrder order)
    {
        var portfolio = portfolios.Open(user);
        lock (portfolio.Gate)
        {
            return ExecuteUnsynchronized(portfolio, order, TradeReason.Manual);
        }
    }

    /// <inheritdoc/>
    public void UpdateStops(string user, Symbol symbol, StopChange change)
    {
        var portfolio = portfolios.Open(user);
        lock (portfolio.Gate)
        {
            var position = portfolio[symbol] ?? throw DeskException.NotFound($"You hold no {symbol.Base}: there is no {symbol.Pair} position to protect.");
            decimal price = market.Quote(symbol).MarkPrice;
            if (change is { ChangesStopLoss: true, StopLoss: { } stopLoss } && stopLoss >= price)
            {
                throw DeskException.Conflict($"stopLoss {Text(stopLoss)} must lie below the price, {Text(price)}.");
            }

            if (change is { ChangesTakeProfit: true, TakeProfit: { } takeProfit } && takeProfit <= price)
            {
                throw DeskException.Conflict($"takeProfit {Text(takeProfit)} must lie above the price, {Text(price)}.");
            }

            position.StopLoss = change.ChangesStopLoss ? change.StopLoss : position.StopLoss;
            position.TakeProfit = change.ChangesTakeProfit ? change.TakeProfit : position.TakeProfit;
            if (position.StopLoss is not null || position.TakeProfit is not null)
            {
                _armed[symbol.Index][user] = portfolio;
            }
        }
    }

    /// <inheritdoc/>
    public void OnPrice(Symbol symbol, in MarketMoment moment, decimal price)
    {
        var armed = _armed[symbol.Index];
        if (armed.IsEmpty || !books[symbol].IsSynchronized)
        {
            return;
        }

        foreach (var (user, portfolio) in armed)
        {
            if (TryTrigger(user, portfolio, symbol, price, out decimal stop) is { } trade)
            {
                notifier.Traded(trade);
                notifier.Alert(user, DeskAlert.Stop(trade, stop));
            }
        }
    }

    /// <summary>How many portfolios have a stop on a symbol, or had one when a price last met it.</summary>
    internal int ArmedCount(Symbol symbol) => _armed[symbol.Index].Count;

    private Trade? TryTrigger(string user, Portfolio portfolio, Symbol symbol, decimal price, out decimal stop)
    {
        stop = 0;
        lock (portfolio.Gate)
        {
            bool isGone = !portfolios.TryGet(user, out var current) || current != portfolio;
            if (isGone || portfolio[symbol] is not { } position || (position.StopLoss is null && position.TakeProfit is null))
            {
                _armed[symbol.Index].TryRemove(KeyValuePair.Create(user, portfolio));
                return null;
            }

            TradeReason reason;
            if (price <= position.StopLoss)
            {
                (reason, stop) = (TradeReason.StopLoss, position.StopLoss.GetValueOrDefault());
            }
            else if (price >= position.TakeProfit)
            {
                (reason, stop) = (TradeReason.TakeProfit, position.TakeProfit.GetValueOrDefault());
            }
            else
            {
                return null;
            }

            var order = new TradeOrder(symbol, OrderSide.Sell, position.Quantity);
            var fill = books[symbol].Walk(OrderSide.Sell, position.Quantity);
            if (fill.Quantity < position.Quantity)
            {
                // A book too thin for all of it: the stop stays, and the next price tries again.
                return null;
            }

            var trade = Settle(portfolio, order, reason, fill);
            _armed[symbol.Index].TryRemove(KeyValuePair.Create(user, portfolio));
            return trade;
        }
    }

    private Trade ExecuteUnsynchronized(Portfolio portfolio, TradeOrder order, TradeReason reason)
    {
        var symbol = order.Symbol;
        var book = books[symbol];
        if (!book.IsSynchronized)
        {
            throw DeskException.Unavailable($"The {symbol.Pair} book is waiting for its snapshot; try again in a moment.");
        }

        if (order.Side == OrderSide.Sell && (portfolio[symbol]?.Quantity ?? 0) is var held && held < order.Quantity)
        {
            throw DeskException.Conflict($"Insufficient {symbol.Base}: you hold {Text(held)}, and the desk does not sell short.");
        }

        var fill = book.Walk(order.Side, order.Quantity, order.LimitPrice);
        if (order.LimitPrice is { } limit && fill.Quantity == 0)
        {
            throw DeskException.Conflict($"Nothing to fill: the {symbol.Pair} book offers nothing at {Text(limit)} or better now.");
        }

        if (order.LimitPrice is null && fill.Quantity < order.Quantity)
        {
            throw DeskException.Conflict($"Insufficient liquidity: the {symbol.Pair} book holds {Text(fill.Quantity)} of {Text(order.Quantity)}.");
        }

        if (order.Side == OrderSide.Buy && fill.Notional > portfolio.Cash)
        {
            throw DeskException.Conflict(
                $"Insufficient funds: this costs {Text(Math.Round(fill.Notional, 8))} {symbol.Quote}, you have {Text(Math.Round(portfolio.Cash, 8))}.");
        }

        return Settle(portfolio, order, reason, fill);
    }

    private Trade Settle(Portfolio portfolio, TradeOrder order, TradeReason reason, BookFill fill)
    {
        decimal earned = 0;
        if (order.Side == OrderSide.Buy)
        {
            portfolio.Buy(order.Symbol, fill);
        }
        else
        {
            earned = portfolio.Sell(order.Symbol, fill);
        }

        return new Trade(Interlocked.Increment(ref _tradeId), portfolio.User, order, reason, fill, earned, time.GetUtcNow());
    }

    private static string Text(decimal value) => Exact.Trim(value).ToString(CultureInfo.InvariantCulture);
}
