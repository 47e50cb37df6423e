using System.Globalization;
using System.Text.Json.Serialization;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Alerts;

/// <summary>What an alert is about.</summary>
public enum AlertKind : byte
{
    /// <summary>A price moved far in a short time.</summary>
    [JsonStringEnumMemberName("price_move")]
    PriceMove,

    /// <summary>A stop-loss was triggered.</summary>
    [JsonStringEnumMemberName("stop_loss")]
    StopLoss,

    /// <summary>A take-profit was triggered.</summary>
    [JsonStringEnumMemberName("take_profit")]
    TakeProfit,
}

/// <summary>Something worth looking up for.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Symbol">Which market, such as <c>BTC-USDT</c>.</param>
/// <param name="Message">The same in plain words.</param>
/// <param name="Price">The price that raised it.</param>
/// <param name="Reference">A move: the price it is measured from. A stop: where the stop was.</param>
/// <param name="Direction"><c>up</c> or <c>down</c>; absent for stops.</param>
/// <param name="ChangePercent">How far the price moved, in percent; absent for stops.</param>
/// <param name="WindowSeconds">Within how many seconds of the market's time; absent for stops.</param>
/// <param name="TradeId">The trade a stop made; absent for moves.</param>
/// <param name="Time">When, in milliseconds since 1970.</param>
public sealed record DeskAlert(
    AlertKind Kind, string Symbol, string Message, decimal Price, decimal Reference, string? Direction, decimal? ChangePercent, double? WindowSeconds,
    long? TradeId, long Time)
{
    /// <summary>A price moved far.</summary>
    public static DeskAlert Move(Symbol symbol, decimal price, decimal reference, TimeSpan window, DateTimeOffset time)
    {
        decimal percent = Exact.Percent(price - reference, reference);
        string direction = price > reference ? "up" : "down";
        string message = string.Create(
            CultureInfo.InvariantCulture, $"{symbol.Pair} is {direction} {Math.Abs(percent):0.####} % within {window.TotalSeconds:0.#} s, at {Exact.Trim(price)}");
        return new DeskAlert(
            AlertKind.PriceMove, symbol.Pair, message, price, reference, direction, percent, window.TotalSeconds, null, time.ToUnixTimeMilliseconds());
    }

    /// <summary>A stop sold a position.</summary>
    public static DeskAlert Stop(Trade trade, decimal stop)
    {
        var kind = trade.Reason == TradeReason.StopLoss ? AlertKind.StopLoss : AlertKind.TakeProfit;
        string name = kind == AlertKind.StopLoss ? "Stop-loss" : "Take-profit";
        var symbol = trade.Order.Symbol;
        string message = string.Create(
            CultureInfo.InvariantCulture, $"{name} at {Exact.Trim(stop)}: sold {Exact.Trim(trade.Fill.Quantity)} {symbol.Base} at {trade.AveragePrice}");
        return new DeskAlert(kind, symbol.Pair, message, trade.AveragePrice, stop, null, null, null, trade.TradeId, trade.Time.ToUnixTimeMilliseconds());
    }
}
