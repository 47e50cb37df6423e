using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Demo.Market;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Market;

public class MarketPublisherTests
{
    [Fact]
    public void A_whole_round_of_the_shipped_recording_is_published_exactly_and_in_order()
    {
        var desk = new TestDesk(symbols: Recordings.Shipped.Symbols);
        using var feed = new ReplayFeed(Recordings.Shipped, desk.Pipeline, desk.Time, 100, NullLogger<ReplayFeed>.Instance);
        feed.Start();
        desk.Time.Advance(TimeSpan.FromSeconds(3.465));

        foreach (var symbol in Recordings.Shipped.Symbols)
        {
            var lines = Recordings.ShippedLines.Where(line => line.Json.TryGetProperty("stream", out var stream)
                && stream.GetString()!.StartsWith(symbol.Name, StringComparison.OrdinalIgnoreCase)).ToArray();
            Compare(desk.Hub.RoomOf(symbol.TickerTopic), lines, "@bookTicker", "ticker", line => Ticker(symbol, line), "symbol sequence bestBid bestBidSize bestAsk bestAskSize time round");
            Compare(desk.Hub.RoomOf(symbol.MatchTopic), lines, "@trade", "match", line => Match(symbol, line), null);
            Compare(desk.Hub.RoomOf(symbol.Level2Topic), lines, "@depth@100ms", "level2", line => Level2(symbol, line), null);
        }

        Assert.Equal(74_865, desk.Counters.PublishedMessages);
    }

    [Fact]
    public void A_ticker_carries_the_last_trade_as_it_was_recorded_and_the_statistics()
    {
        var desk = new TestDesk();
        desk.TradeAt(desk.Btc, "61837.63000000", second: 1, size: "0.02000000");
        desk.TradeAt(desk.Btc, "61837.60000000", second: 2, size: "0.10000000");
        var line = new BookTickerLine { UpdateId = 5, Bid = "61837.5"u8, BidSize = "1.0"u8, Ask = "61837.70"u8, AskSize = "2.00"u8 };
        desk.Pipeline.OnBookTicker(desk.Btc, new MarketMoment(3, TimeSpan.FromSeconds(3), 1_723_161_254_087_891_268), line);

        var (data, options) = Assert.Single(desk.Hub.RoomOf("/market/ticker:BTC-USDT").Published);
        Assert.Equal("ticker", options.Subject);
        Assert.Equal(
            """{"symbol":"BTC-USDT","sequence":5,"bestBid":"61837.5","bestBidSize":"1.0","bestAsk":"61837.70","bestAskSize":"2.00","price":"61837.60000000","size":"0.10000000","open":"61837.63000000","high":"61837.63000000","low":"61837.60000000","change":"-0.03000000","changePercent":"0","volume":"0.12000000","quoteVolume":"7420.51260000","trades":2,"time":1723161254087,"round":3}""",
            data);
    }

    [Fact]
    public void Before_the_first_trade_a_ticker_has_no_price()
    {
        var desk = new TestDesk();
        desk.Pipeline.OnBookTicker(desk.Btc, default, new BookTickerLine { UpdateId = 5, Bid = "1.0"u8, BidSize = "1.0"u8, Ask = "2.0"u8, AskSize = "2.00"u8 });

        Assert.DoesNotContain("price", desk.Hub.RoomOf("/market/ticker:BTC-USDT").Published[0].Data, StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_are_of_messages_and_of_their_subscribers()
    {
        var desk = new TestDesk();
        desk.TradeAt(desk.Btc, "1.0");
        desk.Hub.RoomOf("/market/match:BTC-USDT").MembersById["a"] = desk.Hub.Connect("a");
        desk.Hub.RoomOf("/market/match:BTC-USDT").MembersById["b"] = desk.Hub.Connect("b");
        desk.TradeAt(desk.Btc, "1.0");

        Assert.Equal(2, desk.Counters.PublishedMessages);
        Assert.Equal(2, desk.Counters.Deliveries);
    }

    [Fact]
    public void Publishing_a_ticker_allocates_nothing_of_its_own()
    {
        var symbols = new[] { new Symbol(0, "BTC", "USDT") };
        var hub = NSubstitute.Substitute.For<PipeWs.Server.IWsHub>();
        NSubstitute.SubstituteExtensions.ReturnsForAnyArgs(hub.Room("x"), new SilentRoom());
        using var publisher = new MarketPublisher(hub, symbols, new DeskCounters());
        var quote = new MarketQuote(null, null, new MarketStatistics(1, 2, 1, 2, 1, 3, 4, 5));

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                Publish(publisher, symbols[0], quote);
            }
        }));
    }

    private static void Publish(MarketPublisher publisher, Symbol symbol, in MarketQuote quote)
    {
        publisher.PublishTicker(
            symbol, default, new BookTickerLine { UpdateId = 1, Bid = "1.0"u8, BidSize = "1.0"u8, Ask = "2.0"u8, AskSize = "2.0"u8 }, quote);
        publisher.PublishLevel2(
            symbol, default, new DepthLine { FirstUpdateId = 1, LastUpdateId = 2, EventUnixMilliseconds = 3, Bids = "[[\"1.0\",\"2.0\"]]"u8, Asks = "[]"u8 });
    }

    private static void Compare(
        FakeRoom room, (long Received, JsonElement Json)[] lines, string stream, string subject, Func<(long Received, JsonElement Json), string> expected, string? members)
    {
        var mine = lines.Where(line => line.Json.GetProperty("stream").GetString()!.EndsWith(stream, StringComparison.Ordinal)).ToArray();
        Assert.Equal(mine.Length, room.Published.Count);
        var published = room.Published;
        for (int i = 0; i < mine.Length; i++)
        {
            Assert.Equal(subject, published[i].Options.Subject);
            string data = published[i].Data;
            if (members is not null)
            {
                var kept = members.Split(' ');
                using var document = JsonDocument.Parse(data);
                data = "{" + string.Join(',', document.RootElement.EnumerateObject().Where(member => kept.Contains(member.Name)).Select(member => $"\"{member.Name}\":{member.Value.GetRawText()}")) + "}";
            }

            Assert.Equal(expected(mine[i]), data);
        }
    }

    private static string Ticker(Symbol symbol, (long Received, JsonElement Json) line)
    {
        var data = line.Json.GetProperty("data");
        return $$"""{"symbol":"{{symbol.Pair}}","sequence":{{Raw(data, "u")}},"bestBid":{{Raw(data, "b")}},"bestBidSize":{{Raw(data, "B")}},"bestAsk":{{Raw(data, "a")}},"bestAskSize":{{Raw(data, "A")}},"time":{{line.Received / 1_000_000}},"round":0}""";
    }

    private static string Match(Symbol symbol, (long Received, JsonElement Json) line)
    {
        var data = line.Json.GetProperty("data");
        string side = data.GetProperty("m").GetBoolean() ? "sell" : "buy";
        return $$"""{"symbol":"{{symbol.Pair}}","tradeId":{{Raw(data, "t")}},"price":{{Raw(data, "p")}},"size":{{Raw(data, "q")}},"side":"{{side}}","time":{{Raw(data, "T")}},"eventTime":{{Raw(data, "E")}},"round":0}""";
    }

    private static string Level2(Symbol symbol, (long Received, JsonElement Json) line)
    {
        var data = line.Json.GetProperty("data");
        return $$"""{"symbol":"{{symbol.Pair}}","sequenceStart":{{Raw(data, "U")}},"sequenceEnd":{{Raw(data, "u")}},"changes":{"bids":{{Raw(data, "b")}},"asks":{{Raw(data, "a")}}},"time":{{Raw(data, "E")}},"round":0}""";
    }

    private static string Raw(JsonElement data, string name) => data.GetProperty(name).GetRawText();

    /// <summary>A room that keeps nothing, so that what is measured is the publisher.</summary>
    private sealed class SilentRoom : FakeSender, PipeWs.Server.IWsRoom
    {
        public string Name => "";

        public string Epoch => "";

        public long Head => 0;

        public int MemberCount => 1;

        public IReadOnlyList<PipeWs.Server.IWsConnection> Members => [];

        public long Publish(ReadOnlyMemory<byte> data, PipeWs.Server.WsPublishOptions options = default) => data.Length;

        public long PublishRaw(ReadOnlyMemory<byte> payload, WsMessageType type, PipeWs.Server.WsPublishOptions options = default) => 0;

        public PipeWs.Server.IWsSender Except(params IReadOnlyList<string> connectionIds) => throw new NotSupportedException();
    }
}
