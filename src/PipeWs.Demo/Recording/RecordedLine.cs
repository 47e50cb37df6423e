namespace PipeWs.Demo.Recording;

/// <summary>What a line of a recording holds.</summary>
public enum RecordedKind : byte
{
    /// <summary>The best bid and ask (<c>bookTicker</c>).</summary>
    BookTicker,

    /// <summary>One trade (<c>trade</c>).</summary>
    Trade,

    /// <summary>Changes of the order book (<c>depth@100ms</c>).</summary>
    Depth,

    /// <summary>The order book as the exchange's REST API gave it, without a stream's name.</summary>
    Snapshot,
}

/// <summary>Where one line of a recording lies, and what it is.</summary>
/// <param name="ReceivedUnixNanoseconds">When it was received, in nanoseconds since 1970.</param>
/// <param name="Start">The first byte of its JSON in the recording's text.</param>
/// <param name="Length">The length of its JSON, in bytes.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Symbol">The index of its symbol in <see cref="MarketRecording.Symbols"/>.</param>
public readonly record struct RecordedLine(long ReceivedUnixNanoseconds, int Start, int Length, RecordedKind Kind, int Symbol);

/// <summary>A <c>bookTicker</c> line. The spans are the recording's own bytes.</summary>
public readonly ref struct BookTickerLine
{
    /// <summary>The book's update id (<c>u</c>).</summary>
    public required long UpdateId { get; init; }

    /// <summary>The best bid's price.</summary>
    public required ReadOnlySpan<byte> Bid { get; init; }

    /// <summary>The best bid's quantity.</summary>
    public required ReadOnlySpan<byte> BidSize { get; init; }

    /// <summary>The best ask's price.</summary>
    public required ReadOnlySpan<byte> Ask { get; init; }

    /// <summary>The best ask's quantity.</summary>
    public required ReadOnlySpan<byte> AskSize { get; init; }
}

/// <summary>A <c>trade</c> line. The spans are the recording's own bytes.</summary>
public readonly ref struct TradeLine
{
    /// <summary>The exchange's id of the trade (<c>t</c>).</summary>
    public required long TradeId { get; init; }

    /// <summary>The price.</summary>
    public required ReadOnlySpan<byte> Price { get; init; }

    /// <summary>The quantity.</summary>
    public required ReadOnlySpan<byte> Size { get; init; }

    /// <summary>When it was traded (<c>T</c>), in milliseconds since 1970.</summary>
    public required long TradeUnixMilliseconds { get; init; }

    /// <summary>When the exchange sent it (<c>E</c>), in milliseconds since 1970.</summary>
    public required long EventUnixMilliseconds { get; init; }

    /// <summary>Whether the buyer's order was the one that waited in the book (<c>m</c>): then the seller took.</summary>
    public required bool BuyerIsMaker { get; init; }
}

/// <summary>A <c>depth@100ms</c> line: levels that changed; a quantity of zero removes the level. The spans are the recording's own bytes.</summary>
public readonly ref struct DepthLine
{
    /// <summary>The first update id it covers (<c>U</c>).</summary>
    public required long FirstUpdateId { get; init; }

    /// <summary>The last update id it covers (<c>u</c>).</summary>
    public required long LastUpdateId { get; init; }

    /// <summary>When the exchange sent it (<c>E</c>), in milliseconds since 1970.</summary>
    public required long EventUnixMilliseconds { get; init; }

    /// <summary>The changed bids, as a JSON array of <c>["price","quantity"]</c>.</summary>
    public required ReadOnlySpan<byte> Bids { get; init; }

    /// <summary>The changed asks, as a JSON array of <c>["price","quantity"]</c>.</summary>
    public required ReadOnlySpan<byte> Asks { get; init; }
}

/// <summary>A REST snapshot of the order book. The spans are the recording's own bytes.</summary>
public readonly ref struct SnapshotLine
{
    /// <summary>The update id up to which it holds everything.</summary>
    public required long LastUpdateId { get; init; }

    /// <summary>The bids, as a JSON array of <c>["price","quantity"]</c>.</summary>
    public required ReadOnlySpan<byte> Bids { get; init; }

    /// <summary>The asks, as a JSON array of <c>["price","quantity"]</c>.</summary>
    public required ReadOnlySpan<byte> Asks { get; init; }
}
