using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Trading;

/// <summary>Trades against the live books. Every member is safe from any thread.</summary>
/// <remarks>
/// The rules of the desk: spot only, so nobody sells more than he holds; no fees; the book is the exchange's and keeps what is taken from it.
/// A market order is filled as a whole or not at all; a limit order takes what is there at its limit or better, and the rest is cancelled.
/// </remarks>
public interface ITradingService
{
    /// <summary>Executes an order, and changes the user's portfolio by it.</summary>
    /// <exception cref="DeskException">409: funds, holdings or the book do not suffice; 503: the book is not ready. Nothing was traded.</exception>
    Trade Execute(string user, TradeOrder order);

    /// <summary>Sets or removes a position's stop-loss and take-profit.</summary>
    /// <exception cref="DeskException">404: there is no position; 409: a stop lies on the wrong side of the price.</exception>
    void UpdateStops(string user, Symbol symbol, StopChange change);
}

/// <summary>Hears of what the desk did by itself and of what was traded.</summary>
public interface IDeskNotifier
{
    /// <summary>A trade was made: tells everybody, and its owner what he has now.</summary>
    void Traded(Trade trade);

    /// <summary>An alert for everybody.</summary>
    void Alert(Alerts.DeskAlert alert);

    /// <summary>An alert for one user.</summary>
    void Alert(string user, Alerts.DeskAlert alert);
}
