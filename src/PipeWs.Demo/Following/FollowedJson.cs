using System.Text.Json;
using PipeWs.Demo.Recording;
using static PipeWs.Demo.Recording.SpanJson;

namespace PipeWs.Demo.Following;

/// <summary>Reads another desk's messages without copying: every value is a span of the message it came in.</summary>
internal static class FollowedJson
{
    /// <summary>Reads a ticker's data.</summary>
    /// <exception cref="JsonException">A member is missing or of the wrong kind.</exception>
    public static BookTickerLine ReadTicker(ReadOnlySpan<byte> json, out long round, out long unixMilliseconds)
    {
        long sequence = 0;
        round = unixMilliseconds = -1;
        ReadOnlySpan<byte> bid = default, bidSize = default, ask = default, askSize = default;
        var reader = Open(json);
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("sequence"u8))
            {
                sequence = Number(ref reader);
            }
            else if (reader.ValueTextEquals("bestBid"u8))
            {
                bid = Text(ref reader);
            }
            else if (reader.ValueTextEquals("bestBidSize"u8))
            {
                bidSize = Text(ref reader);
            }
            else if (reader.ValueTextEquals("bestAsk"u8))
            {
                ask = Text(ref reader);
            }
            else if (reader.ValueTextEquals("bestAskSize"u8))
            {
                askSize = Text(ref reader);
            }
            else if (reader.ValueTextEquals("time"u8))
            {
                unixMilliseconds = Number(ref reader);
            }
            else if (!TryReadRound(ref reader, ref round))
            {
                Skip(ref reader);
            }
        }

        Require(sequence > 0 && round >= 0 && unixMilliseconds > 0 && !bid.IsEmpty && !bidSize.IsEmpty && !ask.IsEmpty && !askSize.IsEmpty);
        return new BookTickerLine { UpdateId = sequence, Bid = bid, BidSize = bidSize, Ask = ask, AskSize = askSize };
    }

    /// <summary>Reads a trade's data.</summary>
    /// <inheritdoc cref="ReadTicker"/>
    public static TradeLine ReadMatch(ReadOnlySpan<byte> json, out long round)
    {
        long tradeId = 0, tradeTime = 0, eventTime = 0;
        bool? sells = null;
        round = -1;
        ReadOnlySpan<byte> price = default, size = default;
        var reader = Open(json);
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("tradeId"u8))
            {
                tradeId = Number(ref reader);
            }
            else if (reader.ValueTextEquals("price"u8))
            {
                price = Text(ref reader);
            }
            else if (reader.ValueTextEquals("size"u8))
            {
                size = Text(ref reader);
            }
            else if (reader.ValueTextEquals("side"u8))
            {
                sells = Text(ref reader).SequenceEqual("sell"u8);
            }
            else if (reader.ValueTextEquals("time"u8))
            {
                tradeTime = Number(ref reader);
            }
            else if (reader.ValueTextEquals("eventTime"u8))
            {
                eventTime = Number(ref reader);
            }
            else if (!TryReadRound(ref reader, ref round))
            {
                Skip(ref reader);
            }
        }

        Require(tradeId > 0 && round >= 0 && tradeTime > 0 && eventTime > 0 && sells is not null && !price.IsEmpty && !size.IsEmpty);
        return new TradeLine
        {
            TradeId = tradeId,
            Price = price,
            Size = size,
            TradeUnixMilliseconds = tradeTime,
            EventUnixMilliseconds = eventTime,
            BuyerIsMaker = sells.GetValueOrDefault(),
        };
    }

    /// <summary>Reads the data of an order book's changes.</summary>
    /// <inheritdoc cref="ReadTicker"/>
    public static DepthLine ReadLevel2(ReadOnlySpan<byte> json, out long round)
    {
        long first = 0, last = 0, time = 0;
        round = -1;
        ReadOnlySpan<byte> bids = default, asks = default;
        var reader = Open(json);
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("sequenceStart"u8))
            {
                first = Number(ref reader);
            }
            else if (reader.ValueTextEquals("sequenceEnd"u8))
            {
                last = Number(ref reader);
            }
            else if (reader.ValueTextEquals("time"u8))
            {
                time = Number(ref reader);
            }
            else if (reader.ValueTextEquals("changes"u8))
            {
                reader.Read();
                Require(reader.TokenType == JsonTokenType.StartObject);
                ReadSides(ref reader, json, ref bids, ref asks);
            }
            else if (!TryReadRound(ref reader, ref round))
            {
                Skip(ref reader);
            }
        }

        Require(first > 0 && last >= first && round >= 0 && time > 0 && !bids.IsEmpty && !asks.IsEmpty);
        return new DepthLine { FirstUpdateId = first, LastUpdateId = last, EventUnixMilliseconds = time, Bids = bids, Asks = asks };
    }

    /// <summary>Reads the answer to <c>get_book</c>.</summary>
    /// <inheritdoc cref="ReadTicker"/>
    public static SnapshotLine ReadBook(ReadOnlySpan<byte> json)
    {
        long last = 0;
        ReadOnlySpan<byte> bids = default, asks = default;
        var reader = Open(json);
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals("sequence"u8))
            {
                last = Number(ref reader);
            }
            else if (!TryReadSide(ref reader, json, ref bids, ref asks))
            {
                Skip(ref reader);
            }
        }

        Require(last > 0 && !bids.IsEmpty && !asks.IsEmpty);
        return new SnapshotLine { LastUpdateId = last, Bids = bids, Asks = asks };
    }

    private static Utf8JsonReader Open(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        Require(reader.Read() && reader.TokenType == JsonTokenType.StartObject);
        return reader;
    }

    private static bool NextMember(scoped ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static bool TryReadRound(scoped ref Utf8JsonReader reader, ref long round)
    {
        if (!reader.ValueTextEquals("round"u8))
        {
            return false;
        }

        round = Number(ref reader);
        return true;
    }

    private static void ReadSides(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref ReadOnlySpan<byte> bids, ref ReadOnlySpan<byte> asks)
    {
        while (NextMember(ref reader))
        {
            if (!TryReadSide(ref reader, json, ref bids, ref asks))
            {
                Skip(ref reader);
            }
        }
    }

    private static bool TryReadSide(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref ReadOnlySpan<byte> bids, ref ReadOnlySpan<byte> asks)
    {
        if (reader.ValueTextEquals("bids"u8))
        {
            bids = Array(ref reader, json);
            return true;
        }

        if (reader.ValueTextEquals("asks"u8))
        {
            asks = Array(ref reader, json);
            return true;
        }

        return false;
    }
}
