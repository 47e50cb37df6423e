using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Market;

/// <summary>Keeps each symbol's book, best prices, last price and statistics. The feed writes, anybody reads.</summary>
public sealed class MarketData : IMarketData, IOrderBooks
{
    private readonly State[] _states;

    /// <summary>Begins with empty books.</summary>
    /// <param name="symbols">The symbols; their indexes are their places in this list.</param>
    /// <param name="statisticsWindow">How far back the statistics reach, in the market's time.</param>
    public MarketData(IReadOnlyList<Symbol> symbols, TimeSpan statisticsWindow)
    {
        Symbols = symbols;
        _states = [.. symbols.Select(symbol => new State(symbol, statisticsWindow))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<Symbol> Symbols { get; }

    /// <inheritdoc/>
    public IOrderBook this[Symbol symbol] => _states[symbol.Index].Book;

    /// <inheritdoc/>
    public bool TryFind(string name, [NotNullWhen(true)] out Symbol? symbol)
    {
        foreach (var candidate in Symbols)
        {
            if (candidate.IsNamed(name))
            {
                symbol = candidate;
                return true;
            }
        }

        symbol = null;
        return false;
    }

    /// <inheritdoc/>
    public MarketQuote Quote(Symbol symbol)
    {
        var state = _states[symbol.Index];
        lock (state.Gate)
        {
            return new MarketQuote(state.BestBid, state.BestAsk, state.HasTraded ? state.Statistics.Current : null);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<PricePoint> Prices(Symbol symbol, TimeSpan slot, out TimeSpan now)
    {
        var state = _states[symbol.Index];
        lock (state.Gate)
        {
            now = state.Now;
            return state.Statistics.Prices(slot);
        }
    }

    /// <summary>A round begins: the books wait for its snapshots.</summary>
    public void BeginRound()
    {
        foreach (var state in _states)
        {
            state.Book.Reset();
        }
    }

    /// <summary>Takes best prices.</summary>
    /// <returns>The quote with them.</returns>
    public MarketQuote Apply(Symbol symbol, in MarketMoment moment, in BookTickerLine line)
    {
        var state = _states[symbol.Index];
        lock (state.Gate)
        {
            state.BestBid = new BookLevel(Parse(line.Bid), Parse(line.BidSize));
            state.BestAsk = new BookLevel(Parse(line.Ask), Parse(line.AskSize));
            state.Now = moment.Elapsed;
            state.Statistics.Expire(moment.Elapsed);
            return new MarketQuote(state.BestBid, state.BestAsk, state.HasTraded ? state.Statistics.Current : null);
        }
    }

    /// <summary>Takes a trade.</summary>
    /// <returns>Its price.</returns>
    public decimal Apply(Symbol symbol, in MarketMoment moment, in TradeLine line)
    {
        var state = _states[symbol.Index];
        decimal price = Parse(line.Price);
        decimal size = Parse(line.Size);
        lock (state.Gate)
        {
            state.Now = moment.Elapsed;
            state.HasTraded = true;
            state.Statistics.Add(moment.Elapsed, price, size);
        }

        return price;
    }

    /// <summary>Takes changes of a book.</summary>
    public void Apply(Symbol symbol, in DepthLine line) => _states[symbol.Index].Book.Apply(line);

    /// <summary>Takes a whole book.</summary>
    public void Apply(Symbol symbol, in SnapshotLine line) => _states[symbol.Index].Book.Apply(line);

    private static decimal Parse(ReadOnlySpan<byte> text) => decimal.Parse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);

    private sealed class State(Symbol symbol, TimeSpan statisticsWindow)
    {
        public Lock Gate { get; } = new();

        public OrderBook Book { get; } = new(symbol);

        public RollingStatistics Statistics { get; } = new(statisticsWindow);

        public BookLevel? BestBid { get; set; }

        public BookLevel? BestAsk { get; set; }

        public TimeSpan Now { get; set; }

        public bool HasTraded { get; set; }
    }
}
