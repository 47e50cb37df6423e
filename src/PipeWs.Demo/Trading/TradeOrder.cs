using System.Text.Json.Serialization;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Trading;

/// <summary>How an order names its price.</summary>
public enum OrderType : byte
{
    /// <summary>Takes whatever the book offers, all of it or nothing.</summary>
    [JsonStringEnumMemberName("market")]
    Market,

    /// <summary>Takes what the book offers at the limit or better, now; the rest is cancelled.</summary>
    [JsonStringEnumMemberName("limit")]
    Limit,
}

/// <summary>An order, whose fields were checked.</summary>
/// <param name="Symbol">What to trade.</param>
/// <param name="Side">Buy or sell.</param>
/// <param name="Quantity">How much of the base asset; more than zero.</param>
/// <param name="LimitPrice">The worst price accepted; null for a market order.</param>
public sealed record TradeOrder(Symbol Symbol, OrderSide Side, decimal Quantity, decimal? LimitPrice = null)
{
    /// <summary>How it names its price.</summary>
    public OrderType Type => LimitPrice is null ? OrderType.Market : OrderType.Limit;
}

/// <summary>What became of an order.</summary>
public enum TradeStatus : byte
{
    /// <summary>All of it was filled.</summary>
    [JsonStringEnumMemberName("filled")]
    Filled,

    /// <summary>A part was filled, the rest is cancelled.</summary>
    [JsonStringEnumMemberName("partially_filled")]
    PartiallyFilled,
}

/// <summary>Why a trade was made.</summary>
public enum TradeReason : byte
{
    /// <summary>The user asked.</summary>
    [JsonStringEnumMemberName("manual")]
    Manual,

    /// <summary>The price fell to the position's stop-loss.</summary>
    [JsonStringEnumMemberName("stop_loss")]
    StopLoss,

    /// <summary>The price rose to the position's take-profit.</summary>
    [JsonStringEnumMemberName("take_profit")]
    TakeProfit,
}

/// <summary>A trade of the desk's.</summary>
/// <param name="TradeId">The desk's own number of the trade.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Order">What was asked.</param>
/// <param name="Reason">Why.</param>
/// <param name="Fill">What was taken from the book.</param>
/// <param name="RealizedPnl">What a sale earned over what was paid; 0 for a buy.</param>
/// <param name="Time">When.</param>
public sealed record Trade(long TradeId, string User, TradeOrder Order, TradeReason Reason, BookFill Fill, decimal RealizedPnl, DateTimeOffset Time)
{
    /// <summary>What became of the order.</summary>
    public TradeStatus Status => Fill.Quantity == Order.Quantity ? TradeStatus.Filled : TradeStatus.PartiallyFilled;

    /// <summary>Paid or received for a unit, on average, rounded to eight decimals.</summary>
    public decimal AveragePrice => Exact.Trim(Math.Round(Fill.Notional / Fill.Quantity, 8));
}

/// <summary>A change of a position's stops.</summary>
/// <param name="ChangesStopLoss">Whether the stop-loss is to change.</param>
/// <param name="StopLoss">The new stop-loss; null for none.</param>
/// <param name="ChangesTakeProfit">Whether the take-profit is to change.</param>
/// <param name="TakeProfit">The new take-profit; null for none.</param>
public sealed record StopChange(bool ChangesStopLoss, decimal? StopLoss, bool ChangesTakeProfit, decimal? TakeProfit);
