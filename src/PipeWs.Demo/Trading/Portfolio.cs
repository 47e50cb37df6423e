using PipeWs.Demo.Market;

namespace PipeWs.Demo.Trading;

/// <summary>One user's money and positions. Whoever reads or changes it holds <see cref="Gate"/>.</summary>
public sealed class Portfolio
{
    private readonly Position?[] _positions;

    /// <summary>Opens a portfolio.</summary>
    public Portfolio(string user, decimal startingCash, int symbols)
    {
        User = user;
        StartingCash = startingCash;
        Cash = startingCash;
        _positions = new Position?[symbols];
    }

    /// <summary>Guards everything in it.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Whose it is.</summary>
    public string User { get; }

    /// <summary>What it began with.</summary>
    public decimal StartingCash { get; }

    /// <summary>What is left to buy with.</summary>
    public decimal Cash { get; private set; }

    /// <summary>What sales earned so far.</summary>
    public decimal RealizedPnl { get; private set; }

    /// <summary>The open positions.</summary>
    public IEnumerable<Position> Positions => _positions.OfType<Position>();

    /// <summary>The position in a symbol; null where there is none.</summary>
    public Position? this[Symbol symbol] => _positions[symbol.Index];

    /// <summary>Pays for what was bought.</summary>
    public void Buy(Symbol symbol, BookFill fill)
    {
        Cash -= fill.Notional;
        var position = _positions[symbol.Index] ??= new Position(symbol);
        position.Quantity += fill.Quantity;
        position.Cost += fill.Notional;
    }

    /// <summary>Takes the proceeds of what was sold; closes the position where nothing is left.</summary>
    /// <returns>What the sale earned over what was paid.</returns>
    public decimal Sell(Symbol symbol, BookFill fill)
    {
        var position = _positions[symbol.Index] ?? throw new InvalidOperationException("There is no position.");
        decimal cost = fill.Quantity == position.Quantity ? position.Cost : position.Cost * fill.Quantity / position.Quantity;
        decimal earned = fill.Notional - cost;
        Cash += fill.Notional;
        RealizedPnl += earned;
        position.Quantity -= fill.Quantity;
        position.Cost -= cost;
        if (position.Quantity == 0)
        {
            _positions[symbol.Index] = null;
        }

        return earned;
    }
}

/// <summary>What a user holds of an asset. Guarded by its portfolio.</summary>
public sealed class Position(Symbol symbol)
{
    /// <summary>What is held.</summary>
    public Symbol Symbol => symbol;

    /// <summary>How much.</summary>
    public decimal Quantity { get; internal set; }

    /// <summary>What was paid for it.</summary>
    public decimal Cost { get; internal set; }

    /// <summary>What was paid for a unit, on average, rounded to eight decimals.</summary>
    public decimal AveragePrice => Exact.Trim(Math.Round(Cost / Quantity, 8));

    /// <summary>At this price or below it is sold; null for never.</summary>
    public decimal? StopLoss { get; internal set; }

    /// <summary>At this price or above it is sold; null for never.</summary>
    public decimal? TakeProfit { get; internal set; }
}
