using System.Text.Json;
using static PipeWs.Demo.Recording.SpanJson;

namespace PipeWs.Demo.Recording;

/// <summary>Reads the exchange's messages without copying: every value is a span of the line it came from.</summary>
public static class RecordedJson
{
    /// <summary>Finds a line's stream (empty where it has none: a REST snapshot), and the update id that places it among its symbol's lines.</summary>
    /// <exception cref="JsonException">It is not one of the exchange's messages.</exception>
    public static ReadOnlySpan<byte> Identify(ReadOnlySpan<byte> json, out long updateId)
    {
        var reader = new Utf8JsonReader(json);
        ReadOnlySpan<byte> stream = default;
        updateId = 0;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth > 2)
            {
                continue;
            }

            if (reader.CurrentDepth == 1 && reader.ValueTextEquals("stream"u8))
            {
                stream = Text(ref reader);
            }
            else if ((reader.CurrentDepth == 1 && reader.ValueTextEquals("lastUpdateId"u8)) || (reader.CurrentDepth == 2 && reader.ValueTextEquals("u"u8)))
            {
                updateId = Number(ref reader);
            }
        }

        return stream;
    }

    /// <summary>Reads a <c>bookTicker</c> line.</summary>
    /// <exception cref="JsonException">A member is missing or of the wrong kind.</exception>
    public static BookTickerLine ReadBookTicker(ReadOnlySpan<byte> json)
    {
        long updateId = 0;
        ReadOnlySpan<byte> bid = default, bidSize = default, ask = default, askSize = default;
        var reader = OpenData(json);
        while (NextMember(ref reader, out byte name))
        {
            switch (name)
            {
                case (byte)'u': updateId = Number(ref reader); break;
                case (byte)'b': bid = Text(ref reader); break;
                case (byte)'B': bidSize = Text(ref reader); break;
                case (byte)'a': ask = Text(ref reader); break;
                case (byte)'A': askSize = Text(ref reader); break;
                default: Skip(ref reader); break;
            }
        }

        Require(updateId > 0 && !bid.IsEmpty && !bidSize.IsEmpty && !ask.IsEmpty && !askSize.IsEmpty);
        return new BookTickerLine { UpdateId = updateId, Bid = bid, BidSize = bidSize, Ask = ask, AskSize = askSize };
    }

    /// <summary>Reads a <c>trade</c> line.</summary>
    /// <exception cref="JsonException">A member is missing or of the wrong kind.</exception>
    public static TradeLine ReadTrade(ReadOnlySpan<byte> json)
    {
        long tradeId = 0, tradeTime = 0, eventTime = 0;
        bool? buyerIsMaker = null;
        ReadOnlySpan<byte> price = default, size = default;
        var reader = OpenData(json);
        while (NextMember(ref reader, out byte name))
        {
            switch (name)
            {
                case (byte)'t': tradeId = Number(ref reader); break;
                case (byte)'p': price = Text(ref reader); break;
                case (byte)'q': size = Text(ref reader); break;
                case (byte)'T': tradeTime = Number(ref reader); break;
                case (byte)'E': eventTime = Number(ref reader); break;
                case (byte)'m':
                    reader.Read();
                    buyerIsMaker = reader.TokenType == JsonTokenType.True;
                    break;
                default: Skip(ref reader); break;
            }
        }

        Require(tradeId > 0 && tradeTime > 0 && eventTime > 0 && buyerIsMaker is not null && !price.IsEmpty && !size.IsEmpty);
        return new TradeLine
        {
            TradeId = tradeId,
            Price = price,
            Size = size,
            TradeUnixMilliseconds = tradeTime,
            EventUnixMilliseconds = eventTime,
            BuyerIsMaker = buyerIsMaker.GetValueOrDefault(),
        };
    }

    /// <summary>Reads a <c>depth@100ms</c> line.</summary>
    /// <exception cref="JsonException">A member is missing or of the wrong kind.</exception>
    public static DepthLine ReadDepth(ReadOnlySpan<byte> json)
    {
        long first = 0, last = 0, eventTime = 0;
        ReadOnlySpan<byte> bids = default, asks = default;
        var reader = OpenData(json);
        while (NextMember(ref reader, out byte name))
        {
            switch (name)
            {
                case (byte)'U': first = Number(ref reader); break;
                case (byte)'u': last = Number(ref reader); break;
                case (byte)'E': eventTime = Number(ref reader); break;
                case (byte)'b': bids = Array(ref reader, json); break;
                case (byte)'a': asks = Array(ref reader, json); break;
                default: Skip(ref reader); break;
            }
        }

        Require(first > 0 && last >= first && eventTime > 0 && !bids.IsEmpty && !asks.IsEmpty);
        return new DepthLine { FirstUpdateId = first, LastUpdateId = last, EventUnixMilliseconds = eventTime, Bids = bids, Asks = asks };
    }

    /// <summary>Reads a REST snapshot.</summary>
    /// <exception cref="JsonException">A member is missing or of the wrong kind.</exception>
    public static SnapshotLine ReadSnapshot(ReadOnlySpan<byte> json)
    {
        long last = 0;
        ReadOnlySpan<byte> bids = default, asks = default;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("lastUpdateId"u8))
            {
                last = Number(ref reader);
            }
            else if (reader.ValueTextEquals("bids"u8))
            {
                bids = Array(ref reader, json);
            }
            else if (reader.ValueTextEquals("asks"u8))
            {
                asks = Array(ref reader, json);
            }
            else
            {
                Skip(ref reader);
            }
        }

        Require(last > 0 && !bids.IsEmpty && !asks.IsEmpty);
        return new SnapshotLine { LastUpdateId = last, Bids = bids, Asks = asks };
    }

    private static Utf8JsonReader OpenData(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("data"u8))
            {
                reader.Read();
                Require(reader.TokenType == JsonTokenType.StartObject);
                return reader;
            }

            Skip(ref reader);
        }

        throw new JsonException("A line of the recording has no data.");
    }

    /// <summary>The exchange's members have names of one letter; others come out as 0.</summary>
    private static bool NextMember(scoped ref Utf8JsonReader reader, out byte name)
    {
        reader.Read();
        name = reader.TokenType == JsonTokenType.PropertyName && reader.ValueSpan.Length == 1 ? reader.ValueSpan[0] : (byte)0;
        return reader.TokenType == JsonTokenType.PropertyName;
    }
}
