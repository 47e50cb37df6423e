namespace PipeWs.Demo.Market;

/// <summary>What the trades of a window amount to. <c>default</c> before the first trade.</summary>
/// <param name="Open">The price of the window's oldest trade.</param>
/// <param name="High">The highest price.</param>
/// <param name="Low">The lowest price.</param>
/// <param name="Last">The price of the newest trade.</param>
/// <param name="LastSize">The quantity of the newest trade.</param>
/// <param name="Volume">The quantities' sum.</param>
/// <param name="QuoteVolume">The sum of prices times quantities.</param>
/// <param name="Trades">How many trades the window holds.</param>
public readonly record struct MarketStatistics(
    decimal Open, decimal High, decimal Low, decimal Last, decimal LastSize, decimal Volume, decimal QuoteVolume, int Trades)
{
    /// <summary>From the oldest trade's price to the newest one's.</summary>
    public decimal Change => Last - Open;

    /// <summary>The same in percent of the oldest, rounded to four decimals.</summary>
    public decimal ChangePercent => Exact.Percent(Change, Open);
}

/// <summary>A price at a moment of the market's time.</summary>
public readonly record struct PricePoint(TimeSpan At, decimal Price);

/// <summary>
/// Exact statistics over the trades of a rolling window, in constant time a trade: sums that add and take away, and monotone queues for the extremes.
/// One thread at a time.
/// </summary>
public sealed class RollingStatistics(TimeSpan window)
{
    private readonly Deque<Trade> _trades = new();
    private readonly Deque<Extreme> _highs = new();
    private readonly Deque<Extreme> _lows = new();
    private decimal _last;
    private decimal _lastSize;
    private decimal _volume;
    private decimal _quoteVolume;

    private readonly record struct Trade(TimeSpan At, decimal Price, decimal Size);

    private readonly record struct Extreme(TimeSpan At, decimal Price);

    /// <summary>What the window holds now. Once it is empty the last price stands for open, high and low.</summary>
    public MarketStatistics Current => _trades.Count == 0
        ? new MarketStatistics(_last, _last, _last, _last, _lastSize, 0, 0, 0)
        : new MarketStatistics(_trades.First.Price, _highs.First.Price, _lows.First.Price, _last, _lastSize, _volume, _quoteVolume, _trades.Count);

    /// <summary>Takes a trade; times never go back.</summary>
    public void Add(TimeSpan at, decimal price, decimal size)
    {
        Expire(at);
        _trades.Add(new Trade(at, price, size));
        _volume += size;
        _quoteVolume += price * size;
        _last = price;
        _lastSize = size;
        while (_highs.Count > 0 && _highs.Last.Price <= price)
        {
            _highs.RemoveLast();
        }

        while (_lows.Count > 0 && _lows.Last.Price >= price)
        {
            _lows.RemoveLast();
        }

        _highs.Add(new Extreme(at, price));
        _lows.Add(new Extreme(at, price));
    }

    /// <summary>Lets go of what is as old as the window or older.</summary>
    public void Expire(TimeSpan now)
    {
        var oldest = now - window;
        while (_trades.Count > 0 && _trades.First.At <= oldest)
        {
            var trade = _trades.First;
            _volume -= trade.Size;
            _quoteVolume -= trade.Price * trade.Size;
            _trades.RemoveFirst();
        }

        while (_highs.Count > 0 && _highs.First.At <= oldest)
        {
            _highs.RemoveFirst();
        }

        while (_lows.Count > 0 && _lows.First.At <= oldest)
        {
            _lows.RemoveFirst();
        }
    }

    /// <summary>The window's prices as they moved: the last one of each slot of time, oldest first.</summary>
    /// <param name="slot">How long a slot is.</param>
    public IReadOnlyList<PricePoint> Prices(TimeSpan slot)
    {
        var prices = new List<PricePoint>();
        long current = -1;
        for (int i = 0; i < _trades.Count; i++)
        {
            var trade = _trades[i];
            long index = trade.At.Ticks / slot.Ticks;
            if (index == current)
            {
                prices[^1] = new PricePoint(trade.At, trade.Price);
            }
            else
            {
                prices.Add(new PricePoint(trade.At, trade.Price));
                current = index;
            }
        }

        return prices;
    }

    /// <summary>Forgets the window, but not the last price.</summary>
    public void Clear()
    {
        _trades.Clear();
        _highs.Clear();
        _lows.Clear();
        _volume = 0;
        _quoteVolume = 0;
    }
}
