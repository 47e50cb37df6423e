using System.Diagnostics.CodeAnalysis;

namespace PipeWs.Demo.Market;

/// <summary>What is known of the markets now. Every member is safe from any thread.</summary>
public interface IMarketData
{
    /// <summary>The symbols that are traded.</summary>
    IReadOnlyList<Symbol> Symbols { get; }

    /// <summary>Finds a symbol by <c>BTCUSDT</c> or <c>BTC-USDT</c>, in any case.</summary>
    bool TryFind(string name, [NotNullWhen(true)] out Symbol? symbol);

    /// <summary>A symbol's prices and statistics.</summary>
    MarketQuote Quote(Symbol symbol);

    /// <summary>The prices of the statistics' window, the last one of each slot of time, oldest first; and the market's time now.</summary>
    IReadOnlyList<PricePoint> Prices(Symbol symbol, TimeSpan slot, out TimeSpan now);
}

/// <summary>A symbol's prices and statistics.</summary>
/// <param name="BestBid">The best bid and its quantity; null before the first ticker.</param>
/// <param name="BestAsk">The best ask and its quantity; null before the first ticker.</param>
/// <param name="Statistics">The rolling statistics; null before the first trade.</param>
public readonly record struct MarketQuote(BookLevel? BestBid, BookLevel? BestAsk, MarketStatistics? Statistics)
{
    /// <summary>The last trade's price; null before the first trade.</summary>
    public decimal? LastPrice => Statistics?.Last;

    /// <summary>What a unit is worth: the last trade's price, before the first one the best bid, before that nothing.</summary>
    public decimal MarkPrice => LastPrice ?? BestBid?.Price ?? 0;
}

/// <summary>Hears of every price that was traded, from the feed's thread.</summary>
public interface IPriceObserver
{
    /// <summary>A trade was made at this price.</summary>
    void OnPrice(Symbol symbol, in MarketMoment moment, decimal price);
}
