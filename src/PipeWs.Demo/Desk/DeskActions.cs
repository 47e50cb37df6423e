using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;
using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>What clients can ask of the desk: a method an action. What cannot be met is answered with an error; the connection lives on.</summary>
public sealed class DeskActions(
    IMarketData market, IOrderBooks books, ITradingService trading, IPortfolioService portfolios, IDeskNotifier notifier, DeskNotifier pusher,
    DeskSessions sessions, DeskOptions options, TimeProvider time)
{
    private static readonly TimeSpan s_chartSlot = TimeSpan.FromMilliseconds(500);

    /// <summary><c>subscribe_ticker</c>: joins the ticker's topic.</summary>
    public ValueTask SubscribeTickerAsync(WsMessageContext context, SymbolRequest request) => RunAsync(context, async session =>
    {
        var symbol = DeskFields.Symbol(request.Symbol, market);
        var join = await session.Connection.JoinAsync(symbol.TickerTopic, WsSince.Head, context.ConnectionClosed);
        if (!join.IsMember)
        {
            throw DeskException.Conflict(join.Reason ?? $"The topic {symbol.TickerTopic} could not be joined: {join.Status}.");
        }

        var view = new SubscriptionView(request.Symbol ?? symbol.Pair, symbol.Pair, symbol.TickerTopic, join.Epoch, join.Head);
        await ReplyAsync(context, "subscription_success", view, DeskJson.Default.SubscriptionView);
    });

    /// <summary><c>unsubscribe_ticker</c>: leaves the ticker's topic.</summary>
    public ValueTask UnsubscribeTickerAsync(WsMessageContext context, SymbolRequest request) => RunAsync(context, async session =>
    {
        var symbol = DeskFields.Symbol(request.Symbol, market);
        if (!await session.Connection.LeaveAsync(symbol.TickerTopic, context.ConnectionClosed))
        {
            throw DeskException.Conflict($"{symbol.TickerTopic} is not subscribed.");
        }

        var view = new SubscriptionView(request.Symbol ?? symbol.Pair, symbol.Pair, symbol.TickerTopic, null, null);
        await ReplyAsync(context, "unsubscription_success", view, DeskJson.Default.SubscriptionView);
    });

    /// <summary><c>manual_trade</c>: fills an order against the live book, answers, and then tells everybody.</summary>
    public ValueTask ManualTradeAsync(WsMessageContext context, ManualTradeRequest request) => RunAsync(context, async session =>
    {
        var order = DeskFields.Order(request, market);
        var trade = trading.Execute(session.User.Id, order);
        try
        {
            decimal cash = portfolios.View(session.User.Id).Cash;
            var view = new TradeResultView(
                trade.TradeId, order.Symbol.Pair, order.Side, order.Type, trade.Status, order.Quantity, Exact.Trim(trade.Fill.Quantity), trade.AveragePrice,
                Exact.Trim(trade.Fill.Notional), order.Side == OrderSide.Sell ? Exact.Trim(trade.RealizedPnl) : null,
                [.. trade.Fill.Fills.Select(fill => new FillView(fill.Price, fill.Quantity))], cash, trade.Time.ToUnixTimeMilliseconds());
            await ReplyAsync(context, "trade_result", view, DeskJson.Default.TradeResultView);
        }
        finally
        {
            // The trade is made, whether or not its owner could still be answered.
            notifier.Traded(trade);
        }
    });

    /// <summary><c>update_position</c>: sets or removes a position's stops.</summary>
    public ValueTask UpdatePositionAsync(WsMessageContext context, UpdatePositionRequest request) => RunAsync(context, async session =>
    {
        var symbol = DeskFields.Symbol(request.Symbol, market);
        trading.UpdateStops(session.User.Id, symbol, DeskFields.Stops(request));
        var position = portfolios.View(session.User.Id).Positions.FirstOrDefault(view => view.Symbol == symbol.Pair)
            ?? throw DeskException.Conflict($"The {symbol.Pair} position was closed meanwhile.");
        await ReplyAsync(context, "position_updated", position, DeskJson.Default.PositionView);
    });

    /// <summary><c>get_portfolio</c>: the portfolio, once.</summary>
    public ValueTask GetPortfolioAsync(WsMessageContext context) => RunAsync(context, session =>
        ReplyAsync(context, "portfolio", portfolios.View(session.User.Id), DeskJson.Default.PortfolioView));

    /// <summary><c>subscribe_portfolio</c>: the portfolio, now and in intervals.</summary>
    public ValueTask SubscribePortfolioAsync(WsMessageContext context) => RunAsync(context, async session =>
    {
        portfolios.Open(session.User.Id);
        var view = new PortfolioSubscriptionView("portfolio_update", (long)options.PortfolioInterval.TotalMilliseconds);
        await ReplyAsync(context, "subscription_success", view, DeskJson.Default.PortfolioSubscriptionView);
        session.SubscribePortfolio(time, options.PortfolioInterval, pusher.PushPortfolio);
        pusher.PushPortfolio(session);
    });

    /// <summary><c>portfolio_update</c>: subscribes too, with the portfolio itself as the answer.</summary>
    public ValueTask PortfolioUpdateAsync(WsMessageContext context) => RunAsync(context, async session =>
    {
        await ReplyAsync(context, "portfolio_update", portfolios.View(session.User.Id), DeskJson.Default.PortfolioView);
        session.SubscribePortfolio(time, options.PortfolioInterval, pusher.PushPortfolio);
    });

    /// <summary><c>unsubscribe_portfolio</c>: the portfolio is pushed no more.</summary>
    public ValueTask UnsubscribePortfolioAsync(WsMessageContext context) => RunAsync(context, async session =>
    {
        if (!session.UnsubscribePortfolio())
        {
            throw DeskException.Conflict("The portfolio is not subscribed.");
        }

        var view = new PortfolioSubscriptionView("portfolio_update", null);
        await ReplyAsync(context, "unsubscription_success", view, DeskJson.Default.PortfolioSubscriptionView);
    });

    /// <summary><c>get_book</c>: an order book to apply the changes of the level2 topic to.</summary>
    public ValueTask GetBookAsync(WsMessageContext context, BookRequest request) => RunAsync(context, _ =>
    {
        var symbol = DeskFields.Symbol(request.Symbol, market);
        var book = books[symbol].View(DeskFields.Depth(request.Depth));
        return book.IsSynchronized
            ? ReplyAsync(context, "book", new BookReplyView(symbol.Pair, book.LastUpdateId, book.Bids, book.Asks), DeskJson.Default.BookReplyView)
            : throw DeskException.Unavailable($"The {symbol.Pair} book is waiting for its snapshot; try again in a moment.");
    });

    /// <summary><c>get_chart</c>: how a price moved until now, so that a page need not begin with an empty chart.</summary>
    public ValueTask GetChartAsync(WsMessageContext context, SymbolRequest request) => RunAsync(context, _ =>
    {
        var symbol = DeskFields.Symbol(request.Symbol, market);
        var prices = market.Prices(symbol, s_chartSlot * options.Speed, out var now);
        ChartPoint[] points = [.. prices.Select(point => new ChartPoint((long)((now - point.At) / options.Speed).TotalMilliseconds, point.Price))];
        return ReplyAsync(context, "chart", new ChartView(symbol.Pair, points), DeskJson.Default.ChartView);
    });

    /// <summary><c>symbols</c>: what is traded, and under which topics.</summary>
    public ValueTask SymbolsAsync(WsMessageContext context) => RunAsync(context, _ =>
    {
        SymbolView[] views =
        [
            .. market.Symbols.Select(symbol => new SymbolView(
                symbol.Pair, symbol.Name, symbol.Base, symbol.Quote, market.Quote(symbol).LastPrice, [symbol.TickerTopic, symbol.MatchTopic, symbol.Level2Topic])),
        ];
        return ReplyAsync(context, "symbols", views, DeskJson.Default.SymbolViewArray);
    });

    private async ValueTask RunAsync(WsMessageContext context, Func<DeskSession, ValueTask> action)
    {
        DeskSession? session = null;
        try
        {
            session = sessions.Of(context.Connection);
            await action(session);
        }
        catch (DeskException exception)
        {
            await context.ReplyErrorAsync(exception.Code, exception.Message);
        }
        finally
        {
            if (session is not null)
            {
                sessions.ForgetIfGone(session);
            }
        }
    }

    private static ValueTask ReplyAsync<T>(WsMessageContext context, string type, T data, JsonTypeInfo<T> info) =>
        context.ReplyAsync(type, JsonSerializer.SerializeToUtf8Bytes(data, info));
}
