using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Market;

/// <summary>A source of market messages. It calls its sink from one thread at a time.</summary>
public interface IMarketFeed
{
    /// <summary>The symbols it speaks of.</summary>
    IReadOnlyList<Symbol> Symbols { get; }

    /// <summary>Where it is.</summary>
    FeedPosition Position { get; }

    /// <summary>Begins. Starting twice changes nothing.</summary>
    void Start();

    /// <summary>Ends; no message follows once it returned.</summary>
    void Stop();
}

/// <summary>Where a feed is.</summary>
/// <param name="Round">How often it began anew; 0 in the first round.</param>
/// <param name="Elapsed">How far into the round, in the recording's time.</param>
/// <param name="Duration">How long a round is, in the recording's time; null where nobody knows.</param>
/// <param name="Speed">The recording's seconds per second.</param>
/// <param name="Messages">How many messages it gave since it began.</param>
public readonly record struct FeedPosition(long Round, TimeSpan Elapsed, TimeSpan? Duration, double Speed, long Messages)
{
    /// <summary>Whom it follows, and whether there is a connection; null for a recording.</summary>
    public string? Source { get; init; }
}

/// <summary>When a message happened.</summary>
/// <param name="Round">The feed's round.</param>
/// <param name="Elapsed">The market's time since the feed began: it runs on over the rounds, and never goes back.</param>
/// <param name="ReceivedUnixNanoseconds">When it was recorded, in nanoseconds since 1970.</param>
public readonly record struct MarketMoment(long Round, TimeSpan Elapsed, long ReceivedUnixNanoseconds)
{
    /// <summary>When it was recorded, in milliseconds since 1970.</summary>
    public long ReceivedUnixMilliseconds => ReceivedUnixNanoseconds / 1_000_000;
}

/// <summary>Takes a feed's messages in their order. The lines are borrowed for the call.</summary>
public interface IMarketSink
{
    /// <summary>A round begins: what was known of the books belongs to another time.</summary>
    void OnRound(long round);

    /// <summary>The best bid and ask.</summary>
    void OnBookTicker(Symbol symbol, in MarketMoment moment, in BookTickerLine line);

    /// <summary>One trade.</summary>
    void OnTrade(Symbol symbol, in MarketMoment moment, in TradeLine line);

    /// <summary>Changes of the order book.</summary>
    void OnDepth(Symbol symbol, in MarketMoment moment, in DepthLine line);

    /// <summary>The whole order book.</summary>
    void OnSnapshot(Symbol symbol, in MarketMoment moment, in SnapshotLine line);
}
