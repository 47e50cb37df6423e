using System.Buffers;
using System.Globalization;
using System.Text.Json;
using PipeWs.Demo.Recording;
using PipeWs.Server;

namespace PipeWs.Demo.Market;

/// <summary>
/// Publishes to the hub's rooms. Prices and quantities pass through as the recording's own bytes; the JSON is written into one buffer that is used again
/// for every message.
/// </summary>
public sealed class MarketPublisher : IMarketPublisher, IDisposable
{
    private static readonly WsPublishOptions s_ticker = new(Subject: "ticker");
    private static readonly WsPublishOptions s_match = new(Subject: "match");
    private static readonly WsPublishOptions s_level2 = new(Subject: "level2");

    private readonly ArrayBufferWriter<byte> _buffer = new(64 * 1024);
    private readonly Utf8JsonWriter _json;
    private readonly Topics[] _topics;
    private readonly DeskCounters _counters;

    private sealed record Topics(IWsRoom Ticker, IWsRoom Match, IWsRoom Level2, JsonEncodedText Pair);

    /// <summary>Prepares the rooms of each symbol.</summary>
    public MarketPublisher(IWsHub hub, IReadOnlyList<Symbol> symbols, DeskCounters counters)
    {
        _counters = counters;
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { SkipValidation = true });
        _topics =
        [
            .. symbols.Select(symbol => new Topics(
                hub.Room(symbol.TickerTopic), hub.Room(symbol.MatchTopic), hub.Room(symbol.Level2Topic), JsonEncodedText.Encode(symbol.Pair))),
        ];
    }

    /// <inheritdoc/>
    public void PublishTicker(Symbol symbol, in MarketMoment moment, in BookTickerLine line, in MarketQuote quote)
    {
        var topics = _topics[symbol.Index];
        Begin(topics);
        _json.WriteNumber("sequence"u8, line.UpdateId);
        _json.WriteString("bestBid"u8, line.Bid);
        _json.WriteString("bestBidSize"u8, line.BidSize);
        _json.WriteString("bestAsk"u8, line.Ask);
        _json.WriteString("bestAskSize"u8, line.AskSize);
        if (quote.Statistics is { } statistics)
        {
            WriteDecimal("price"u8, statistics.Last);
            WriteDecimal("size"u8, statistics.LastSize);
            WriteDecimal("open"u8, statistics.Open);
            WriteDecimal("high"u8, statistics.High);
            WriteDecimal("low"u8, statistics.Low);
            WriteDecimal("change"u8, statistics.Change);
            WriteDecimal("changePercent"u8, statistics.ChangePercent);
            WriteDecimal("volume"u8, statistics.Volume);
            WriteDecimal("quoteVolume"u8, Math.Round(statistics.QuoteVolume, 8));
            _json.WriteNumber("trades"u8, statistics.Trades);
        }

        _json.WriteNumber("time"u8, moment.ReceivedUnixMilliseconds);
        Publish(topics.Ticker, moment, s_ticker);
    }

    /// <inheritdoc/>
    public void PublishMatch(Symbol symbol, in MarketMoment moment, in TradeLine line)
    {
        var topics = _topics[symbol.Index];
        Begin(topics);
        _json.WriteNumber("tradeId"u8, line.TradeId);
        _json.WriteString("price"u8, line.Price);
        _json.WriteString("size"u8, line.Size);
        _json.WriteString("side"u8, line.BuyerIsMaker ? "sell"u8 : "buy"u8);
        _json.WriteNumber("time"u8, line.TradeUnixMilliseconds);
        _json.WriteNumber("eventTime"u8, line.EventUnixMilliseconds);
        Publish(topics.Match, moment, s_match);
    }

    /// <inheritdoc/>
    public void PublishLevel2(Symbol symbol, in MarketMoment moment, in DepthLine line)
    {
        var topics = _topics[symbol.Index];
        Begin(topics);
        _json.WriteNumber("sequenceStart"u8, line.FirstUpdateId);
        _json.WriteNumber("sequenceEnd"u8, line.LastUpdateId);
        _json.WriteStartObject("changes"u8);
        _json.WritePropertyName("bids"u8);
        _json.WriteRawValue(line.Bids, skipInputValidation: true);
        _json.WritePropertyName("asks"u8);
        _json.WriteRawValue(line.Asks, skipInputValidation: true);
        _json.WriteEndObject();
        _json.WriteNumber("time"u8, line.EventUnixMilliseconds);
        Publish(topics.Level2, moment, s_level2);
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private void Begin(Topics topics)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteString("symbol"u8, topics.Pair);
    }

    private void Publish(IWsRoom room, in MarketMoment moment, in WsPublishOptions options)
    {
        _json.WriteNumber("round"u8, moment.Round);
        _json.WriteEndObject();
        _json.Flush();
        room.Publish(_buffer.WrittenMemory, options);
        _counters.Published(room.MemberCount);
    }

    private void WriteDecimal(ReadOnlySpan<byte> name, decimal value)
    {
        Span<byte> text = stackalloc byte[32];
        value.TryFormat(text, out int written, default, CultureInfo.InvariantCulture);
        _json.WriteString(name, text[..written]);
    }
}
