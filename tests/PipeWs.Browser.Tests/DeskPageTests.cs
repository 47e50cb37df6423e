using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;
using PipeWs.Demo.Recording;
using PipeWs.Shared;

namespace PipeWs.Browser.Tests;

/// <summary>The desk's page in a real browser.</summary>
public sealed class DeskPageTests
{
    [Fact]
    public async Task Prices_move()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        ILocator price = desk.Page.GetByTestId("price-BTC-USDT");
        await Assertions.Expect(price).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));
        string first = await price.InnerTextAsync();
        await Assertions.Expect(price).Not.ToHaveTextAsync(first, new() { Timeout = 30_000 });

        await Assertions.Expect(desk.Page.GetByTestId("book-asks").Locator("li").First).ToBeVisibleAsync();
        await Assertions.Expect(desk.Page.GetByTestId("trades").Locator("li").First).ToBeVisibleAsync();
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task A_trade_is_placed_and_everybody_is_told()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await Assertions.Expect(desk.Page.GetByTestId("price-BTC-USDT")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));
        await Assertions.Expect(desk.Page.GetByTestId("book-asks").Locator("li").First).ToBeVisibleAsync();
        await desk.Page.GetByTestId("ticket-quantity").FillAsync("0.25");
        await desk.Page.GetByTestId("ticket-buy").ClickAsync();

        await Assertions.Expect(desk.Page.GetByTestId("notification-list")).ToContainTextAsync("0.25");
        await Assertions.Expect(desk.Page.GetByTestId("position-BTC-USDT")).ToContainTextAsync("0.25");
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task The_page_logs_in_and_renews_its_token_on_the_same_socket()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5", "--token-seconds", "6");
        await desk.Page.GotoAsync("about:blank");
        var renewals = new ConcurrentDictionary<IWebSocket, int>();
        desk.Page.WebSocket += (_, socket) =>
        {
            renewals[socket] = 0;
            socket.FrameSent += (_, frame) => renewals[socket] += frame.Text?.Contains("\"action\":\"auth\"", StringComparison.Ordinal) == true ? 1 : 0;
        };
        await desk.Page.GotoAsync(desk.Url);
        await Assertions.Expect(desk.Page.GetByTestId("price-BTC-USDT")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));

        // Two renewals, of tokens that last six seconds each: without them the socket would have been closed. A machine that stands still for so long lets one expire, and the page begins anew.
        await Conditions.UntilAsync(() => renewals.Any(one => one.Value >= 2 && !one.Key.IsClosed), "the page has renewed its token twice on one socket");
        IWebSocket socket = renewals.MaxBy(one => one.Value).Key;
        Assert.DoesNotContain("token", socket.Url, StringComparison.Ordinal);
        await Assertions.Expect(desk.Page.GetByTestId("connection-state")).ToHaveTextAsync("Connected");
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task The_chart_draws_a_price_that_is_newer_than_its_frame()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");

        // A frame's time is that of its beginning; a page that was busy gets prices after it.
        await desk.Page.EvaluateAsync(
            """
            async () => {
              const { Chart } = await import('/chart.js');
              const canvas = document.body.appendChild(document.createElement('div')).appendChild(document.createElement('canvas'));
              canvas.style.width = '400px';
              canvas.style.height = '200px';
              const chart = new Chart(canvas);
              for (const age of [-60000, -500, 0, 500, 60000]) {
                chart.draw({ symbol: 'X', points: [{ at: 100000 - age, price: 1 }] }, [], 100000);
              }
            }
            """);
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task A_phone_shows_the_desk_without_scrolling_sideways()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await desk.Page.SetViewportSizeAsync(375, 800);
        await Assertions.Expect(desk.Page.GetByTestId("book-asks").Locator("li").First).ToBeVisibleAsync();
        await desk.Page.GetByTestId("ticket-buy").ClickAsync();
        await Assertions.Expect(desk.Page.GetByTestId("position-BTC-USDT")).ToBeVisibleAsync();

        Assert.True(await desk.Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= window.innerWidth"), "The page is wider than the phone.");
    }

    [Fact]
    public async Task A_browsers_own_WebSocket_gets_the_recordings_trades_exactly_and_in_order()
    {
        const int Wanted = 300;
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "20");
        string json = await desk.Page.EvaluateAsync<string>(
            """
            (wanted) => new Promise((resolve, reject) => {
              const socket = new WebSocket(`ws://${location.host}/api/v1/ws`);
              const seen = [];
              socket.onerror = () => reject(new Error("the socket failed"));
              socket.onclose = (event) => reject(new Error(`closed with ${event.code}`));
              socket.onopen = () => socket.send(JSON.stringify({ id: "1", type: "subscribe", topic: "/market/match:BTC-USDT", response: true }));
              socket.onmessage = (event) => {
                const message = JSON.parse(event.data);
                if (message.type === "message") {
                  seen.push([message.sn, message.data.tradeId, message.data.price, message.data.size]);
                  if (seen.length === wanted) {
                    resolve(JSON.stringify(seen));
                  }
                }
              };
            })
            """,
            Wanted);
        (long Number, long Id, string Price, string Size)[] seen =
        [
            .. JsonDocument.Parse(json).RootElement.EnumerateArray().Select(trade => (trade[0].GetInt64(), trade[1].GetInt64(), trade[2].GetString()!, trade[3].GetString()!)),
        ];

        (long Id, string Price, string Size)[] recorded = RecordedTrades();
        int start = Array.FindIndex(recorded, trade => trade.Id == seen[0].Id);
        Assert.True(start >= 0, "The first trade is not in the recording.");
        for (int i = 0; i < Wanted; i++)
        {
            Assert.Equal(seen[0].Number + i, seen[i].Number);
            Assert.Equal(recorded[(start + i) % recorded.Length], (seen[i].Id, seen[i].Price, seen[i].Size));
        }
    }

    private static (long Id, string Price, string Size)[] RecordedTrades()
    {
        MarketRecording recording = MarketRecording.Load(Path.Combine(AppContext.BaseDirectory, "Data", "binance-spot-2024-08-08.txt.gz"));
        var trades = new List<(long, string, string)>();
        foreach (RecordedLine line in recording.Lines)
        {
            using JsonDocument document = JsonDocument.Parse(recording.Json(line).ToArray());
            if (document.RootElement.TryGetProperty("stream", out JsonElement stream) && stream.GetString() == "btcusdt@trade")
            {
                JsonElement data = document.RootElement.GetProperty("data");
                trades.Add((data.GetProperty("t").GetInt64(), data.GetProperty("p").GetString()!, data.GetProperty("q").GetString()!));
            }
        }

        return [.. trades];
    }
}
