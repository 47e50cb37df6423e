using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Demo.Display;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;

namespace PipeWs.Demo.Tests.Display;

public class DeskStatusTests
{
    [Fact]
    public void Rates_are_since_the_last_look()
    {
        var recording = Recordings.Of([.. Enumerable.Range(0, 101).Select(i => Recordings.Trade(i * 0.1, "BTCUSDT", i + 1, "61837.63000000", "1.0"))]);
        var desk = new TestDesk(symbols: recording.Symbols);
        using var feed = new ReplayFeed(recording, desk.Pipeline, desk.Time, 1, NullLogger<ReplayFeed>.Instance);
        var status = new DeskStatus(desk.Hub, feed, desk.Market, desk.Counters, desk.Time);
        desk.Hub.RoomOf("/market/match:BTC-USDT").MembersById["a"] = desk.Hub.Connect("a");
        desk.Hub.RoomOf("/market/match:BTC-USDT").MembersById["b"] = desk.Hub.Connect("b");
        Assert.Equal("2 connections | 0 published/s | 0 delivered/s | 00:00 of 00:10, round 1, 1x | BTC-USDT -", status.Look().Line);

        feed.Start();
        desk.Time.Advance(TimeSpan.FromSeconds(4));
        status.Look();
        desk.Time.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal("2 connections | 10 published/s | 20 delivered/s | 00:08 of 00:10, round 1, 1x | BTC-USDT 61837.63", status.Look().Line);
    }
}
