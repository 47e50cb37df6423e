using System.Text.Json;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Desk;

/// <summary>A request that names a symbol.</summary>
/// <param name="Symbol"><c>BTCUSDT</c> or <c>BTC-USDT</c>.</param>
public sealed record SymbolRequest(string? Symbol);

/// <summary>A request for an order book.</summary>
/// <param name="Symbol"><c>BTCUSDT</c> or <c>BTC-USDT</c>.</param>
/// <param name="Depth">At most so many levels a side, 1-5,000; default 50.</param>
public sealed record BookRequest(string? Symbol, int? Depth);

/// <summary>An order as it is asked for. Numbers may be strings, so that no client has to round them.</summary>
/// <param name="Symbol"><c>BTCUSDT</c> or <c>BTC-USDT</c>.</param>
/// <param name="Side"><c>buy</c> or <c>sell</c>.</param>
/// <param name="Quantity">How much of the base asset.</param>
/// <param name="Type"><c>market</c> (the default without a price) or <c>limit</c> (the default with one).</param>
/// <param name="Price">A limit order's price.</param>
public sealed record ManualTradeRequest(string? Symbol, string? Side, JsonElement Quantity, string? Type, JsonElement Price);

/// <summary>New stops of a position: what is absent stays, what is null is removed.</summary>
public sealed record UpdatePositionRequest
{
    /// <summary><c>BTCUSDT</c> or <c>BTC-USDT</c>.</summary>
    public string? Symbol { get; init; }

    /// <summary>At this price or below the position is sold.</summary>
    public JsonElement StopLoss { get; init; }

    /// <summary>At this price or above the position is sold.</summary>
    public JsonElement TakeProfit { get; init; }
}

/// <summary>A subscription began or ended.</summary>
/// <param name="Symbol">The symbol, as the request spelled it.</param>
/// <param name="Pair">The symbol as the desk spells it, such as <c>BTC-USDT</c>.</param>
/// <param name="Topic">The topic whose messages follow, or follow no more.</param>
/// <param name="Epoch">The epoch of the topic's log; absent when a subscription ended.</param>
/// <param name="Sn">The sequence number of the newest message before the subscription; absent when one ended.</param>
public sealed record SubscriptionView(string Symbol, string Pair, string Topic, string? Epoch, long? Sn);

/// <summary>A subscription to one's own portfolio began or ended.</summary>
/// <param name="Channel">The type of the messages that follow, or follow no more.</param>
/// <param name="IntervalMilliseconds">How often; absent when it ended.</param>
public sealed record PortfolioSubscriptionView(string Channel, long? IntervalMilliseconds);

/// <summary>A part of a trade at one price.</summary>
public sealed record FillView(decimal Price, decimal Quantity);

/// <summary>The answer to an order.</summary>
/// <param name="TradeId">The desk's number of the trade.</param>
/// <param name="Symbol">Such as <c>BTC-USDT</c>.</param>
/// <param name="Side">Bought or sold.</param>
/// <param name="Type">Market or limit.</param>
/// <param name="Status">Filled, or a part of it.</param>
/// <param name="Quantity">What was asked for.</param>
/// <param name="FilledQuantity">What was traded.</param>
/// <param name="AveragePrice">Of a unit.</param>
/// <param name="Notional">What was paid or received.</param>
/// <param name="RealizedPnl">What a sale earned; absent for a buy.</param>
/// <param name="Fills">Price by price.</param>
/// <param name="Cash">What is left to buy with.</param>
/// <param name="Time">When, in milliseconds since 1970.</param>
public sealed record TradeResultView(
    long TradeId, string Symbol, OrderSide Side, OrderType Type, TradeStatus Status, decimal Quantity, decimal FilledQuantity, decimal AveragePrice,
    decimal Notional, decimal? RealizedPnl, IReadOnlyList<FillView> Fills, decimal Cash, long Time);

/// <summary>What everybody hears of a trade.</summary>
/// <param name="TradeId">The desk's number of the trade.</param>
/// <param name="User">Who, as others see him.</param>
/// <param name="Symbol">Such as <c>BTC-USDT</c>.</param>
/// <param name="Side">Bought or sold.</param>
/// <param name="Quantity">How much.</param>
/// <param name="Price">Of a unit, on average.</param>
/// <param name="Reason">The user's own order, or a stop.</param>
/// <param name="Time">When, in milliseconds since 1970.</param>
public sealed record TradeNotificationView(
    long TradeId, string User, string Symbol, OrderSide Side, decimal Quantity, decimal Price, TradeReason Reason, long Time);

/// <summary>An order book.</summary>
/// <param name="Symbol">Such as <c>BTC-USDT</c>.</param>
/// <param name="Sequence">The update id up to which it holds everything: changes with a greater <c>sequenceEnd</c> follow it.</param>
/// <param name="Bids"><c>["price","quantity"]</c>, the highest first.</param>
/// <param name="Asks"><c>["price","quantity"]</c>, the lowest first.</param>
public sealed record BookReplyView(string Symbol, long Sequence, IReadOnlyList<BookLevel> Bids, IReadOnlyList<BookLevel> Asks);

/// <summary>How a price moved until now.</summary>
/// <param name="Symbol">Such as <c>BTC-USDT</c>.</param>
/// <param name="Points">Oldest first.</param>
public sealed record ChartView(string Symbol, IReadOnlyList<ChartPoint> Points);

/// <summary>A price some time ago, written <c>[age,"price"]</c>.</summary>
/// <param name="AgeMilliseconds">How long ago, by the clock on the wall.</param>
/// <param name="Price">The price.</param>
public readonly record struct ChartPoint(long AgeMilliseconds, decimal Price);

/// <summary>A market of the desk's.</summary>
/// <param name="Symbol">Such as <c>BTC-USDT</c>.</param>
/// <param name="Name">The exchange's name, such as <c>BTCUSDT</c>.</param>
/// <param name="Base">What is traded.</param>
/// <param name="Quote">What it is paid with.</param>
/// <param name="Price">The last price; absent before the first trade.</param>
/// <param name="Topics">Its topics.</param>
public sealed record SymbolView(string Symbol, string Name, string Base, string Quote, decimal? Price, IReadOnlyList<string> Topics);
