using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Market;

/// <summary>What happens to a feed's message: it changes what is known, is published, and then moves whoever watches prices.</summary>
public sealed class MarketPipeline(MarketData data, IMarketPublisher publisher, IEnumerable<IPriceObserver> observers) : IMarketSink
{
    private readonly IPriceObserver[] _observers = [.. observers];

    /// <inheritdoc/>
    public void OnRound(long round) => data.BeginRound();

    /// <inheritdoc/>
    public void OnBookTicker(Symbol symbol, in MarketMoment moment, in BookTickerLine line)
    {
        var quote = data.Apply(symbol, moment, line);
        publisher.PublishTicker(symbol, moment, line, quote);
    }

    /// <inheritdoc/>
    public void OnTrade(Symbol symbol, in MarketMoment moment, in TradeLine line)
    {
        decimal price = data.Apply(symbol, moment, line);
        publisher.PublishMatch(symbol, moment, line);
        foreach (var observer in _observers)
        {
            observer.OnPrice(symbol, moment, price);
        }
    }

    /// <inheritdoc/>
    public void OnDepth(Symbol symbol, in MarketMoment moment, in DepthLine line)
    {
        data.Apply(symbol, line);
        publisher.PublishLevel2(symbol, moment, line);
    }

    /// <inheritdoc/>
    public void OnSnapshot(Symbol symbol, in MarketMoment moment, in SnapshotLine line) => data.Apply(symbol, line);
}
