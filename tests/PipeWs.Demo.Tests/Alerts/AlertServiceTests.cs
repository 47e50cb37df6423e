using System.Text.Json;
using PipeWs.Demo.Alerts;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Tests.Fakes;

namespace PipeWs.Demo.Tests.Alerts;

public class AlertServiceTests
{
    private readonly TestDesk _desk = new();

    [Fact]
    public void A_rise_over_the_threshold_within_the_window_alerts_everybody_once()
    {
        _desk.TradeAt(_desk.Btc, "100000", second: 0);
        _desk.TradeAt(_desk.Btc, "100099", second: 5);
        Assert.Empty(_desk.Hub.Everybody.Sent);
        _desk.TradeAt(_desk.Btc, "100100", second: 9.9);
        _desk.TradeAt(_desk.Btc, "100110", second: 9.95);

        using var message = JsonDocument.Parse(Assert.Single(_desk.Hub.Everybody.Sent));
        Assert.Equal("alert", message.RootElement.GetProperty("type").GetString());
        var data = message.RootElement.GetProperty("data");
        Assert.Equal("price_move", data.GetProperty("kind").GetString());
        Assert.Equal("BTC-USDT", data.GetProperty("symbol").GetString());
        Assert.Equal("up", data.GetProperty("direction").GetString());
        Assert.Equal("0.1", data.GetProperty("changePercent").GetString());
        Assert.Equal("100100", data.GetProperty("price").GetString());
        Assert.Equal("100000", data.GetProperty("reference").GetString());
        Assert.Equal(10, data.GetProperty("windowSeconds").GetDouble());
        Assert.Equal("BTC-USDT is up 0.1 % within 10 s, at 100100", data.GetProperty("message").GetString());
        Assert.False(data.TryGetProperty("tradeId", out _));
    }

    [Fact]
    public void A_fall_alerts_too_and_a_move_that_goes_on_alerts_again()
    {
        _desk.TradeAt(_desk.Btc, "100000", second: 0);
        _desk.TradeAt(_desk.Btc, "99900", second: 1);
        _desk.TradeAt(_desk.Btc, "99800", second: 2);

        Assert.Equal([99_900m, 99_800m], _desk.Alerts.Recent.Select(alert => alert.Price));
        Assert.All(_desk.Alerts.Recent, alert => Assert.Equal("down", alert.Direction));
    }

    [Fact]
    public void A_slow_move_is_no_alert()
    {
        for (int second = 0; second < 100; second++)
        {
            _desk.TradeAt(_desk.Btc, (100_000 + (9 * second)).ToString(System.Globalization.CultureInfo.InvariantCulture), second);
        }

        Assert.Empty(_desk.Alerts.Recent);
    }

    [Fact]
    public void From_the_end_of_a_round_to_the_beginning_of_the_next_is_no_move()
    {
        _desk.TradeAt(_desk.Btc, "100000", second: 346);
        _desk.TradeAt(_desk.Btc, "100250", second: 347, round: 1);
        Assert.Empty(_desk.Alerts.Recent);

        _desk.TradeAt(_desk.Btc, "100400", second: 348, round: 1);
        Assert.Equal(100_250, Assert.Single(_desk.Alerts.Recent).Reference);
    }

    [Fact]
    public void Symbols_are_watched_apart()
    {
        _desk.TradeAt(_desk.Btc, "100000", second: 0);
        _desk.TradeAt(_desk.Eth, "2000", second: 1);
        _desk.TradeAt(_desk.Btc, "100001", second: 2);

        Assert.Empty(_desk.Alerts.Recent);
    }

    [Fact]
    public void Threshold_and_window_are_options()
    {
        var desk = new TestDesk(new DeskOptions { AlertThresholdPercent = 5, AlertWindow = TimeSpan.FromSeconds(2) });
        desk.TradeAt(desk.Btc, "100", second: 0);
        desk.TradeAt(desk.Btc, "104.9", second: 1);
        desk.TradeAt(desk.Btc, "105", second: 2);
        Assert.Empty(desk.Alerts.Recent);
        desk.TradeAt(desk.Btc, "110.2", second: 2.5);

        Assert.Equal(AlertKind.PriceMove, Assert.Single(desk.Alerts.Recent).Kind);
    }

    [Fact]
    public void Only_the_newest_alerts_are_kept()
    {
        for (int i = 0; i < 200; i++)
        {
            _desk.TradeAt(_desk.Btc, i % 2 == 0 ? "100" : "200", second: i);
        }

        Assert.Equal(50, _desk.Alerts.Recent.Count);
    }
}
