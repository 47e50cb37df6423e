using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;

namespace PipeWs.Demo.Tests.Recording;

public class MarketRecordingTests
{
    [Fact]
    public void Shipped_recording_holds_every_line_of_every_stream()
    {
        var recording = Recordings.Shipped;
        var counts = recording.Lines.ToArray().CountBy(line => (recording.Symbols[line.Symbol].Name, line.Kind)).ToDictionary();

        Assert.Equal(74_867, recording.Lines.Length);
        Assert.Equal(28_040, counts[("BTCUSDT", RecordedKind.BookTicker)]);
        Assert.Equal(24_077, counts[("ETHUSDT", RecordedKind.BookTicker)]);
        Assert.Equal(9_757, counts[("BTCUSDT", RecordedKind.Trade)]);
        Assert.Equal(6_106, counts[("ETHUSDT", RecordedKind.Trade)]);
        Assert.Equal(3_451, counts[("BTCUSDT", RecordedKind.Depth)]);
        Assert.Equal(3_434, counts[("ETHUSDT", RecordedKind.Depth)]);
        Assert.Equal(1, counts[("BTCUSDT", RecordedKind.Snapshot)]);
        Assert.Equal(1, counts[("ETHUSDT", RecordedKind.Snapshot)]);
    }

    [Fact]
    public void Shipped_recording_lasts_346_seconds()
    {
        Assert.Equal(346.062, Recordings.Shipped.Duration.TotalSeconds, 3);
        Assert.Equal(1_723_161_253_937_085_768, Recordings.Shipped.Lines[0].ReceivedUnixNanoseconds);
    }

    [Fact]
    public void Snapshots_belong_to_the_symbol_whose_update_ids_they_continue()
    {
        var snapshots = Recordings.Shipped.Lines.ToArray().Where(line => line.Kind == RecordedKind.Snapshot).ToArray();

        Assert.Equal("ETH-USDT", Recordings.Shipped.Symbols[snapshots[0].Symbol].Pair);
        Assert.Equal(35_346_513_512, RecordedJson.ReadSnapshot(Recordings.Shipped.Json(snapshots[0])).LastUpdateId);
        Assert.Equal("BTC-USDT", Recordings.Shipped.Symbols[snapshots[1].Symbol].Pair);
        Assert.Equal(50_093_239_218, RecordedJson.ReadSnapshot(Recordings.Shipped.Json(snapshots[1])).LastUpdateId);
    }

    [Fact]
    public void A_snapshot_before_all_else_finds_its_symbol_too()
    {
        var recording = Recordings.Of(
            Recordings.Snapshot(0, 5_000, "[]", "[]"),
            Recordings.Ticker(1, "BTCUSDT", 100, "1.0", "2.0"),
            Recordings.Ticker(2, "ETHUSDT", 5_010, "1.0", "2.0"));

        Assert.Equal("ETH-USDT", recording.Symbols[recording.Lines[0].Symbol].Pair);
    }

    [Fact]
    public void A_last_line_without_a_line_feed_is_read()
    {
        var recording = MarketRecording.Read(new MemoryStream(System.Text.Encoding.ASCII.GetBytes(Recordings.Trade(0, "BTCUSDT", 7, "1.0", "2.0"))));

        Assert.Equal(7, RecordedJson.ReadTrade(recording.Json(recording.Lines[0])).TradeId);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("x {}\n", "Line 1")]
    [InlineData("12\n", "Line 1")]
    [InlineData("12 {\"stream\":\"btcusdt@kline\",\"data\":{}}\n", "none that is known")]
    [InlineData("12 {\"stream\":\"btcusdt\",\"data\":{}}\n", "symbol@name")]
    [InlineData("12 {\"stream\":\"abc@trade\",\"data\":{}}\n", "ABC")]
    [InlineData("12 {\"stream\":\"btcusdt@trade\",\"data\":{\"t\":1}}\n", "missing")]
    [InlineData("12 {\"stream\":\"btcusdt@trade\"}\n", "no data")]
    [InlineData("12 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":\"1\"}}\n", "wrong kind")]
    [InlineData("12 {\"lastUpdateId\":1,\"bids\":{}}\n", "wrong kind")]
    [InlineData("12 {\"stream\":\n", "Line 1")]
    public void A_line_that_is_none_is_refused_with_its_number(string text, string said)
    {
        var exception = Assert.Throws<InvalidDataException>(() => MarketRecording.Read(new MemoryStream(System.Text.Encoding.ASCII.GetBytes(text))));

        Assert.Contains(said, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_snapshot_that_could_be_anybodys_is_refused()
    {
        var exception = Assert.Throws<InvalidDataException>(() => Recordings.Of("""12 {"lastUpdateId":1,"bids":[],"asks":[]}"""));

        Assert.Contains("snapshot", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_older_than_the_one_before_it_is_refused()
    {
        var exception = Assert.Throws<InvalidDataException>(() => Recordings.Of(
            Recordings.Trade(2, "BTCUSDT", 1, "1.0", "1.0"), Recordings.Trade(1, "BTCUSDT", 2, "1.0", "1.0")));

        Assert.Contains("Line 2", exception.Message, StringComparison.Ordinal);
    }
}
