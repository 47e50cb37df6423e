using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Trading;

/// <summary>The users' portfolios. Every member is safe from any thread.</summary>
public interface IPortfolioService
{
    /// <summary>A user's portfolio, opened on first use.</summary>
    /// <exception cref="DeskException">503: the desk has as many users as it takes.</exception>
    Portfolio Open(string user);

    /// <summary>A user's portfolio, if it was opened.</summary>
    bool TryGet(string user, [NotNullWhen(true)] out Portfolio? portfolio);

    /// <summary>A portfolio valued at the market's prices.</summary>
    PortfolioView View(string user);

    /// <summary>Lets go of a portfolio that nobody can reach again.</summary>
    void Forget(string user);
}

/// <summary>Keeps portfolios in memory.</summary>
/// <param name="market">Values the positions.</param>
/// <param name="time">Dates the views.</param>
/// <param name="startingCash">What everybody begins with.</param>
/// <param name="maxUsers">At most so many portfolios.</param>
public sealed class PortfolioService(IMarketData market, TimeProvider time, decimal startingCash, int maxUsers) : IPortfolioService
{
    private readonly ConcurrentDictionary<string, Portfolio> _portfolios = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Portfolio Open(string user)
    {
        if (_portfolios.TryGetValue(user, out var portfolio))
        {
            return portfolio;
        }

        if (_portfolios.Count >= maxUsers)
        {
            throw DeskException.Unavailable("The desk is full: it keeps no more portfolios.");
        }

        return _portfolios.GetOrAdd(user, new Portfolio(user, startingCash, market.Symbols.Count));
    }

    /// <inheritdoc/>
    public bool TryGet(string user, [NotNullWhen(true)] out Portfolio? portfolio) => _portfolios.TryGetValue(user, out portfolio);

    /// <inheritdoc/>
    public PortfolioView View(string user)
    {
        var portfolio = Open(user);
        lock (portfolio.Gate)
        {
            var positions = portfolio.Positions.Select(View).ToArray();
            decimal held = positions.Sum(position => position.Value);
            decimal value = portfolio.Cash + held;
            return new PortfolioView(
                user,
                Exact.Trim(portfolio.Cash),
                Exact.Trim(value),
                Exact.Trim(portfolio.StartingCash),
                Exact.Trim(value - portfolio.StartingCash),
                Exact.Percent(value - portfolio.StartingCash, portfolio.StartingCash),
                Exact.Trim(portfolio.RealizedPnl),
                Exact.Trim(positions.Sum(position => position.UnrealizedPnl)),
                positions,
                time.GetUtcNow().ToUnixTimeMilliseconds());
        }
    }

    /// <inheritdoc/>
    public void Forget(string user) => _portfolios.TryRemove(user, out _);

    private PositionView View(Position position)
    {
        decimal price = market.Quote(position.Symbol).MarkPrice;
        decimal value = position.Quantity * price;
        decimal unrealized = value - position.Cost;
        return new PositionView(
            position.Symbol.Pair,
            Exact.Trim(position.Quantity),
            position.AveragePrice,
            price,
            Exact.Trim(value),
            Exact.Trim(unrealized),
            Exact.Percent(unrealized, position.Cost),
            position.StopLoss,
            position.TakeProfit);
    }
}

/// <summary>A portfolio valued at the market's prices.</summary>
/// <param name="User">Whose it is.</param>
/// <param name="Cash">What is left to buy with.</param>
/// <param name="Value">Cash and positions together.</param>
/// <param name="StartingCash">What it began with.</param>
/// <param name="Pnl">Value less what it began with.</param>
/// <param name="PnlPercent">The same in percent.</param>
/// <param name="RealizedPnl">What sales earned.</param>
/// <param name="UnrealizedPnl">What the open positions would earn at the last price.</param>
/// <param name="Positions">The open positions.</param>
/// <param name="Time">When it was valued, in milliseconds since 1970.</param>
public sealed record PortfolioView(
    string User, decimal Cash, decimal Value, decimal StartingCash, decimal Pnl, decimal PnlPercent, decimal RealizedPnl, decimal UnrealizedPnl,
    IReadOnlyList<PositionView> Positions, long Time);

/// <summary>A position valued at the market's price.</summary>
/// <param name="Symbol">What is held, such as <c>BTC-USDT</c>.</param>
/// <param name="Quantity">How much.</param>
/// <param name="AveragePrice">What was paid for a unit.</param>
/// <param name="Price">The market's price of a unit.</param>
/// <param name="Value">What it is worth.</param>
/// <param name="UnrealizedPnl">What it would earn at the market's price.</param>
/// <param name="UnrealizedPnlPercent">The same in percent of what was paid.</param>
/// <param name="StopLoss">At this price or below it is sold; absent for never.</param>
/// <param name="TakeProfit">At this price or above it is sold; absent for never.</param>
public sealed record PositionView(
    string Symbol, decimal Quantity, decimal AveragePrice, decimal Price, decimal Value, decimal UnrealizedPnl, decimal UnrealizedPnlPercent,
    decimal? StopLoss, decimal? TakeProfit);
