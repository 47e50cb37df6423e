namespace PipeWs.Demo.Market;

/// <summary>The order books of all symbols.</summary>
public interface IOrderBooks
{
    /// <summary>A symbol's book.</summary>
    IOrderBook this[Symbol symbol] { get; }
}

/// <summary>One symbol's order book, as it is now. Every member is safe from any thread.</summary>
public interface IOrderBook
{
    /// <summary>Whose book it is.</summary>
    Symbol Symbol { get; }

    /// <summary>Whether it holds the exchange's book: not before the first snapshot, nor after a gap until the next one.</summary>
    bool IsSynchronized { get; }

    /// <summary>The exchange's update id up to which it holds everything; 0 where it holds nothing.</summary>
    long LastUpdateId { get; }

    /// <summary>How often updates were missing since the desk began.</summary>
    long Gaps { get; }

    /// <summary>Copies the best levels of both sides.</summary>
    /// <param name="depth">At most so many levels a side.</param>
    BookView View(int depth);

    /// <summary>
    /// Walks the levels an order would take, the best first. The book stays as it is: it belongs to the exchange.
    /// </summary>
    /// <param name="side">Who takes.</param>
    /// <param name="quantity">How much.</param>
    /// <param name="limit">The worst price accepted; null for any.</param>
    BookFill Walk(OrderSide side, decimal quantity, decimal? limit = null);
}

/// <summary>A price and what is offered for it. The decimals keep the exchange's trailing zeros.</summary>
public readonly record struct BookLevel(decimal Price, decimal Quantity);

/// <summary>A copy of a book's best levels.</summary>
/// <param name="IsSynchronized">Whether the book was in step with the exchange.</param>
/// <param name="LastUpdateId">The update id up to which it holds everything.</param>
/// <param name="Bids">The highest first.</param>
/// <param name="Asks">The lowest first.</param>
public sealed record BookView(bool IsSynchronized, long LastUpdateId, IReadOnlyList<BookLevel> Bids, IReadOnlyList<BookLevel> Asks);

/// <summary>What an order takes from a book.</summary>
/// <param name="Fills">The prices and quantities taken, the best first.</param>
/// <param name="Quantity">Their quantities' sum.</param>
/// <param name="Notional">Their prices' times quantities' sum.</param>
public sealed record BookFill(IReadOnlyList<BookLevel> Fills, decimal Quantity, decimal Notional);
