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

        await Assertions.Expect(desk.Page.GetByTestId("book-spread")).ToContainTextAsync("Spread");
        await Assertions.Expect(desk.Page.GetByTestId("trades").Locator("li").First).ToContainTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task A_trade_is_placed_and_everybody_is_told()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await Assertions.Expect(desk.Page.GetByTestId("price-BTC-USDT")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));
        await Assertions.Expect(desk.Page.GetByTestId("book-spread")).ToContainTextAsync("Spread");
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
    public async Task A_limit_price_can_be_deleted_and_typed_anew()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await Assertions.Expect(desk.Page.Locator("#buy-at")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"\d"));
        await desk.Page.GetByTestId("ticket-type-limit").CheckAsync(new() { Force = true });
        ILocator price = desk.Page.GetByTestId("ticket-price");
        await Assertions.Expect(price).ToHaveValueAsync(new System.Text.RegularExpressions.Regex(@"^\d+\.\d\d$"));

        await price.ClearAsync();
        await Assertions.Expect(price).ToHaveValueAsync("");
        await price.PressSequentiallyAsync("59000");
        await Assertions.Expect(price).ToHaveValueAsync("59000");
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task An_order_by_the_Enter_key_leaves_the_focus_where_it_was()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await Assertions.Expect(desk.Page.GetByTestId("book-spread")).ToContainTextAsync("Spread");
        ILocator quantity = desk.Page.GetByTestId("ticket-quantity");
        await quantity.FillAsync("0.25");
        await quantity.PressAsync("Enter");
        await Assertions.Expect(desk.Page.GetByTestId("ticket-result")).ToContainTextAsync("Bought 0.25");
        await Assertions.Expect(quantity).ToBeFocusedAsync();

        await desk.Page.GetByTestId("ticket-buy").FocusAsync();
        await desk.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(desk.Page.GetByTestId("position-quantity")).ToHaveTextAsync("0.5");
        await Assertions.Expect(desk.Page.GetByTestId("ticket-buy")).ToBeFocusedAsync();
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task Only_the_stop_that_was_edited_is_set()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await desk.Page.GotoAsync("about:blank");
        var updates = new ConcurrentQueue<string>();
        desk.Page.WebSocket += (_, socket) => socket.FrameSent += (_, frame) =>
        {
            if (frame.Text?.Contains("update_position", StringComparison.Ordinal) == true)
            {
                updates.Enqueue(JsonDocument.Parse(frame.Text).RootElement.GetProperty("data").GetRawText());
            }
        };
        await desk.Page.GotoAsync(desk.Url);
        await Assertions.Expect(desk.Page.GetByTestId("book-spread")).ToContainTextAsync("Spread");
        await desk.Page.GetByTestId("ticket-buy").ClickAsync();
        ILocator result = desk.Page.GetByTestId("position-result");
        await desk.Page.GetByTestId("position-take-profit").FillAsync("1,000,000.5");
        await desk.Page.GetByTestId("position-save").ClickAsync();
        await Assertions.Expect(result).ToContainTextAsync("take-profit 1,000,000.50");
        await desk.Page.GetByTestId("position-save").ClickAsync();
        await Assertions.Expect(result).ToHaveTextAsync("Nothing was changed.");

        await desk.Page.GetByTestId("position-take-profit").FillAsync("1000000,5");
        await desk.Page.GetByTestId("position-save").ClickAsync();
        await Assertions.Expect(result).ToContainTextAsync("is not a number");
        Assert.Equal(["""{"symbol":"BTC-USDT","takeProfit":"1000000.5"}""", """{"symbol":"BTC-USDT","takeProfit":"1000000,5"}"""], updates);
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task A_book_that_was_asked_for_when_the_connection_was_lost_is_asked_for_again()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        int[] asked = await desk.Page.EvaluateAsync<int[]>(
            """
            async () => {
              const { Market } = await import('/market.js');
              class Desk extends EventTarget {
                isOpen = true;
                asked = 0;
                restarts = [];
                subscribe(topic, take, restart) { if (restart) this.restarts.push(restart); }
                ask() { this.asked++; return this.isOpen && this.asked > 1 ? Promise.resolve({ data: { bids: [['1', '2']], asks: [], sequence: 7 } }) : Promise.reject(new Error('lost')); }
              }
              const desk = new Desk();
              const market = new Market({ symbol: 'X-Y', base: 'X', quote: 'Y', topics: ['a', 'b', 'c'] }, desk);
              desk.isOpen = false;
              desk.restarts[0]();
              await new Promise(resolve => setTimeout(resolve));
              const before = desk.asked;
              desk.isOpen = true;
              desk.dispatchEvent(new Event('open'));
              await new Promise(resolve => setTimeout(resolve));
              return [before, desk.asked, market.book.best('bids', 5).length];
            }
            """);
        Assert.Equal([1, 2, 1], asked);
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task What_was_missed_beyond_the_log_is_told_once()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        int[] missed = await desk.Page.EvaluateAsync<int[]>(
            """
            async () => {
              const { DeskConnection } = await import('/connection.js');
              const sockets = [];
              const Real = window.WebSocket;
              window.WebSocket = class {
                static OPEN = 1;
                readyState = 1;
                sent = [];
                constructor(url, protocols) {
                  if (!url.startsWith('ws://desk.test/')) {
                    return new Real(url, protocols); // The page's own, which may still be logging in.
                  }
                  sockets.push(this);
                }
                send(text) { this.sent.push(JSON.parse(text)); }
                close() { this.onclose?.({ code: 1006, reason: '' }); }
                get(message) { this.onmessage({ data: JSON.stringify(message) }); }
              };
              const until = async condition => { while (!condition()) await new Promise(resolve => setTimeout(resolve, 5)); };
              const joined = socket => socket.sent.find(message => message.type === 'subscribe');
              const connection = new DeskConnection('ws://desk.test/ws', { token: async () => 't', renewInMilliseconds: 1e6, forget() {} });
              const reports = [];
              connection.addEventListener('gap', ({ detail }) => reports.push(detail.count));
              let restarts = 0;
              connection.subscribe('t', () => {}, () => restarts++);
              connection.open();
              await until(() => sockets.length === 1);
              sockets[0].get({ type: 'welcome' });
              sockets[0].get({ type: 'ack', id: joined(sockets[0]).id, topic: 't', epoch: 'e', sn: 4 });
              sockets[0].get({ type: 'message', topic: 't', sn: 5, data: {} });
              sockets[0].close();
              await until(() => sockets.length === 2);
              sockets[1].get({ type: 'welcome' });
              sockets[1].get({ type: 'ack', id: joined(sockets[1]).id, topic: 't', epoch: 'e', sn: 1005, recovered: false, reason: 'expired' });
              sockets[1].get({ type: 'message', topic: 't', sn: 1006, data: {} });
              sockets[1].get({ type: 'message', topic: 't', sn: 1008, data: {} });
              const told = [restarts, connection.missed, ...reports];

              // Another life of the log: it begins behind its head, and that is where it is resumed from though nothing came.
              sockets[1].close();
              await until(() => sockets.length === 3);
              sockets[2].get({ type: 'welcome' });
              sockets[2].get({ type: 'ack', id: joined(sockets[2]).id, topic: 't', epoch: 'f', sn: 3, recovered: false, reason: 'epoch' });
              sockets[2].close();
              await until(() => sockets.length === 4);
              sockets[3].get({ type: 'welcome' });
              window.WebSocket = Real;
              return [...told, joined(sockets[3]).since.epoch === 'f' ? joined(sockets[3]).since.sn : -1];
            }
            """);
        Assert.Equal([3, 1_001, 1_000, 1, 3], missed);
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task A_phone_shows_the_desk_without_scrolling_sideways()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await desk.Page.SetViewportSizeAsync(375, 800);
        await Assertions.Expect(desk.Page.GetByTestId("book-spread")).ToContainTextAsync("Spread");
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
