using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Market;

/// <summary>Tells the subscribers. One thread at a time; the lines are borrowed for the call.</summary>
public interface IMarketPublisher
{
    /// <summary>Publishes best prices, with the last price and statistics.</summary>
    void PublishTicker(Symbol symbol, in MarketMoment moment, in BookTickerLine line, in MarketQuote quote);

    /// <summary>Publishes a trade.</summary>
    void PublishMatch(Symbol symbol, in MarketMoment moment, in TradeLine line);

    /// <summary>Publishes changes of the book.</summary>
    void PublishLevel2(Symbol symbol, in MarketMoment moment, in DepthLine line);
}
