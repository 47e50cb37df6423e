using System.Globalization;
using PipeWs.Demo.Market;
using PipeWs.Server;

namespace PipeWs.Demo.Display;

/// <summary>How the desk is doing, with rates since the last look. One reader.</summary>
public sealed class DeskStatus(IWsHub hub, IMarketFeed feed, IMarketData market, DeskCounters counters, TimeProvider time)
{
    private long _lookedAt = time.GetTimestamp();
    private long _published;
    private long _deliveries;

    /// <summary>Looks.</summary>
    public StatusView Look()
    {
        long now = time.GetTimestamp();
        double seconds = Math.Max(0.001, time.GetElapsedTime(_lookedAt, now).TotalSeconds);
        long published = counters.PublishedMessages, deliveries = counters.Deliveries;
        var view = new StatusView(
            hub.ConnectionCount,
            (published - _published) / seconds,
            (deliveries - _deliveries) / seconds,
            feed.Position,
            [.. market.Symbols.Select(symbol => (symbol.Pair, market.Quote(symbol)))]);
        (_lookedAt, _published, _deliveries) = (now, published, deliveries);
        return view;
    }
}

/// <summary>How the desk is doing.</summary>
/// <param name="Connections">Open connections.</param>
/// <param name="PublishedPerSecond">Messages published a second.</param>
/// <param name="DeliveredPerSecond">The same times their subscribers.</param>
/// <param name="Position">Where the feed is.</param>
/// <param name="Quotes">The prices.</param>
public sealed record StatusView(
    int Connections, double PublishedPerSecond, double DeliveredPerSecond, FeedPosition Position, IReadOnlyList<(string Pair, MarketQuote Quote)> Quotes)
{
    /// <summary>Where the replay is, such as <c>00:42 of 05:46, round 2, 1x</c>; or whom the desk follows.</summary>
    public string Replay => Position.Source is { } source
        ? $"follows {source}"
        : string.Create(CultureInfo.InvariantCulture, $"{Position.Elapsed:mm\\:ss} of {Position.Duration:mm\\:ss}, round {Position.Round + 1}, {Position.Speed:0.###}x");

    /// <summary>A price with two decimals; a dash before the first trade.</summary>
    public static string Price(MarketQuote quote) => quote.LastPrice is { } price ? price.ToString("0.00", CultureInfo.InvariantCulture) : "-";

    /// <summary>All of it in one line.</summary>
    public string Line => string.Create(
        CultureInfo.InvariantCulture,
        $"{Connections} connections | {PublishedPerSecond:0} published/s | {DeliveredPerSecond:0} delivered/s | {Replay} | {string.Join(" | ", Quotes.Select(quote => $"{quote.Pair} {Price(quote.Quote)}"))}");
}
