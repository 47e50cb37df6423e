using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Desk;

/// <summary>The desk over real sockets, as its clients meet it.</summary>
public class DeskAppTests
{
    [Theory]
    [InlineData("fast", "/ws")]
    [InlineData("fast", "/api/v1/ws")]
    [InlineData("mapped", "/ws")]
    [InlineData("mapped", "/api/v1/ws")]
    public async Task A_subscriber_gets_the_recordings_values_exactly_and_in_order(string door, string path)
    {
        await using var app = await StartAsync("--door", door, "--speed", "20");
        using var client = await Client.ConnectAsync(app, path);
        await client.SendAsync("""{"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT","response":true}""");
        await client.SendAsync("""{"id":"2","type":"subscribe","topic":"/market/ticker:ETH-USDT","response":true}""");
        await client.SendAsync("""{"id":"3","type":"subscribe","topic":"/market/level2:BTC-USDT","response":true}""");
        var matches = new List<JsonElement>();
        var tickers = new List<JsonElement>();
        var changes = new List<JsonElement>();
        while (matches.Count < 200 || tickers.Count < 400 || changes.Count < 100)
        {
            var message = await client.NextAsync();
            if (message.GetProperty("type").GetString() == "message")
            {
                (message.GetProperty("subject").GetString() switch
                {
                    "match" => matches,
                    "ticker" => tickers,
                    _ => changes,
                }).Add(message.GetProperty("data"));
            }
        }

        AssertFollows("btcusdt@trade", matches, ("t", "tradeId"), ("p", "price"), ("q", "size"), ("T", "time"), ("E", "eventTime"));
        AssertFollows("ethusdt@bookTicker", tickers, ("u", "sequence"), ("b", "bestBid"), ("B", "bestBidSize"), ("a", "bestAsk"), ("A", "bestAskSize"));
        AssertFollows("btcusdt@depth@100ms", changes, ("u", "sequenceEnd"), ("U", "sequenceStart"), ("E", "time"));
    }

    [Theory]
    [InlineData("node")]
    [InlineData("python")]
    public async Task Clients_of_other_makers_get_the_recordings_trades_exactly_and_in_order(string program)
    {
        await using var app = await StartAsync("--speed", "20");
        const string Topic = "/market/match:BTC-USDT";
        var url = new Uri(app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + "/ws");
        string[] lines = program == "node" ? await ForeignProgram.RunNodeAsync(url.ToString(), Topic, 500) : await ForeignProgram.RunPythonAsync(url, Topic, 500);
        var messages = lines.Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(message => message.GetProperty("type").GetString() == "message").ToList();

        Assert.True(messages.Count > 0);
        Assert.Equal(messages.Select((_, i) => messages[0].GetProperty("sn").GetInt64() + i), messages.Select(message => message.GetProperty("sn").GetInt64()));
        AssertFollows("btcusdt@trade", [.. messages.Select(message => message.GetProperty("data"))], ("t", "tradeId"), ("p", "price"), ("q", "size"), ("T", "time"), ("E", "eventTime"));
        Assert.Equal("closed 1000 true", lines[^1], ignoreCase: true);
    }

    [Fact]
    public async Task Snapshot_and_changes_give_a_client_the_desks_own_book()
    {
        await using var app = await StartAsync("--speed", "5");
        using var client = await Client.ConnectAsync(app, "/ws");
        await client.SendAsync("""{"id":"1","type":"subscribe","topic":"/market/level2:BTC-USDT","response":true}""");
        JsonElement book;
        var changes = new Queue<JsonElement>();
        do
        {
            // The book waits for its snapshot during the first quarter of a second of a round. A change may overtake the answer: it is kept.
            await client.SendAsync("""{"id":"b","action":"get_book","data":{"symbol":"BTCUSDT","depth":5000}}""");
            book = await client.NextAsync(message =>
            {
                if (message.GetProperty("type").GetString() == "message")
                {
                    changes.Enqueue(message);
                }

                return message.TryGetProperty("id", out var id) && id.GetString() == "b";
            });
        }
        while (book.GetProperty("type").GetString() == "error");

        long sequence = book.GetProperty("data").GetProperty("sequence").GetInt64();
        var bids = Side(book, "bids");
        for (int applied = 0; applied < 30;)
        {
            var change = (changes.TryDequeue(out var kept) ? kept : await client.NextAsync(message => message.GetProperty("type").GetString() == "message")).GetProperty("data");
            if (change.GetProperty("sequenceEnd").GetInt64() <= sequence)
            {
                continue;
            }

            Assert.True(change.GetProperty("sequenceStart").GetInt64() <= sequence + 1);
            sequence = change.GetProperty("sequenceEnd").GetInt64();
            foreach (var level in change.GetProperty("changes").GetProperty("bids").EnumerateArray())
            {
                bids[level[0].GetString()!] = level[1].GetString()!;
            }

            applied++;
        }

        var expected = Recordings.ShippedLines.Where(line => line.Json.TryGetProperty("stream", out var stream) && stream.GetString() == "btcusdt@depth@100ms")
            .Select(line => line.Json.GetProperty("data")).Where(data => data.GetProperty("u").GetInt64() <= sequence)
            .SelectMany(data => data.GetProperty("b").EnumerateArray()).GroupBy(level => level[0].GetString()!).ToDictionary(group => group.Key, group => group.Last()[1].GetString()!);
        foreach (var (price, quantity) in expected.Where(level => bids.ContainsKey(level.Key)))
        {
            Assert.Equal(quantity, bids[price]);
        }
    }

    [Fact]
    public async Task A_trade_is_answered_and_everybody_hears_of_it()
    {
        await using var app = await StartAsync("--speed", "5");
        using var trader = await Client.ConnectAsync(app, "/ws?user=ann");
        using var other = await Client.ConnectAsync(app, "/api/v1/ws");
        await other.NextAsync();
        JsonElement answer;
        do
        {
            await trader.SendAsync("""{"id":"t","type":"manual_trade","payload":{"symbol":"BTCUSDT","side":"buy","quantity":"0.1"}}""");
            answer = await trader.NextAsync(message => message.TryGetProperty("id", out var id) && id.GetString() == "t");
        }
        while (answer.GetProperty("type").GetString() == "error" && answer.GetProperty("code").GetInt32() is 503 or 429);

        Assert.Equal("trade_result", answer.GetProperty("type").GetString());
        Assert.Equal("0.1", answer.GetProperty("payload").GetProperty("filledQuantity").GetString());
        var heard = await other.NextAsync(message => message.GetProperty("type").GetString() == "trade_notification");
        Assert.Equal("ann", heard.GetProperty("data").GetProperty("user").GetString());
        var portfolio = await trader.NextAsync(message => message.GetProperty("type").GetString() == "portfolio_update");
        Assert.Equal("0.1", portfolio.GetProperty("data").GetProperty("positions")[0].GetProperty("quantity").GetString());
    }

    [Fact]
    public async Task Who_trades_too_fast_is_told_so_and_may_go_on_a_moment_later()
    {
        await using var app = await StartAsync("--speed", "5");
        using var trader = await Client.ConnectAsync(app, "/ws?user=ann");
        JsonElement answer;
        int sent = 0;
        do
        {
            await trader.SendAsync($$$"""{"id":"{{{++sent}}}","type":"manual_trade","payload":{"symbol":"BTCUSDT","side":"buy","quantity":"0.001"}}""");
            answer = await trader.NextAsync(message => message.TryGetProperty("id", out var id) && id.GetString() == $"{sent}");
        }
        while (sent < 20 * DeskHub.MaxTradesAtOnce && !(answer.GetProperty("type").GetString() == "error" && answer.GetProperty("code").GetInt32() == 429));

        Assert.InRange(sent, DeskHub.MaxTradesAtOnce + 1, (20 * DeskHub.MaxTradesAtOnce) - 1);
        Assert.Contains("manual_trade", answer.GetProperty("data").GetString(), StringComparison.Ordinal);
        do
        {
            await trader.SendAsync("""{"id":"again","type":"manual_trade","payload":{"symbol":"BTCUSDT","side":"buy","quantity":"0.001"}}""");
            answer = await trader.NextAsync(message => message.TryGetProperty("id", out var id) && id.GetString() == "again");
        }
        while (answer.GetProperty("type").GetString() == "error" && answer.GetProperty("code").GetInt32() is 503 or 429);

        Assert.Equal("trade_result", answer.GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_desk_that_follows_another_gives_the_same_values_in_the_same_order()
    {
        await using var origin = await StartAsync("--speed", "20");
        await using var follower = await StartAsync("--follow", origin.Urls.First());
        using var client = await Client.ConnectAsync(follower, "/ws");
        await client.SendAsync("""{"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT"}""");
        await client.SendAsync("""{"id":"2","type":"subscribe","topic":"/market/ticker:ETH-USDT"}""");
        await client.SendAsync("""{"id":"3","type":"subscribe","topic":"/market/level2:BTC-USDT"}""");
        var matches = new List<JsonElement>();
        var tickers = new List<JsonElement>();
        var changes = new List<JsonElement>();
        while (matches.Count < 100 || tickers.Count < 200 || changes.Count < 50)
        {
            var message = await client.NextAsync(message => message.TryGetProperty("topic", out _) && message.TryGetProperty("data", out var data) && data.TryGetProperty("round", out _));
            (message.GetProperty("subject").GetString() switch
            {
                "match" => matches,
                "ticker" => tickers,
                _ => changes,
            }).Add(message.GetProperty("data"));
        }

        AssertFollows("btcusdt@trade", matches, ("t", "tradeId"), ("p", "price"), ("q", "size"), ("T", "time"), ("E", "eventTime"));
        AssertFollows("ethusdt@bookTicker", tickers, ("u", "sequence"), ("b", "bestBid"), ("B", "bestBidSize"), ("a", "bestAsk"), ("A", "bestAskSize"));
        AssertFollows("btcusdt@depth@100ms", changes, ("u", "sequenceEnd"), ("U", "sequenceStart"), ("E", "time"));
        await BookAsync(client);
    }

    [Fact]
    public async Task A_desk_that_follows_another_goes_on_when_that_has_begun_anew()
    {
        var origin = await StartAsync("--speed", "20");
        string url = origin.Urls.First();
        await using var follower = await StartAsync("--follow", url);
        using var client = await Client.ConnectAsync(follower, "/ws");
        await BookAsync(client);
        await origin.DisposeAsync();

        await using var again = await StartAsync("--speed", "20", "--urls", url);
        await client.SendAsync("""{"id":"1","type":"subscribe","topic":"/market/level2:BTC-USDT"}""");
        var change = await client.NextAsync(message => message.TryGetProperty("subject", out var subject) && subject.GetString() == "level2" && message.GetProperty("data").GetProperty("round").GetInt64() > 0);
        var book = await BookAsync(client);

        // The recording's updates have begun anew, and the book with them.
        Assert.True(change.GetProperty("data").GetProperty("sequenceEnd").GetInt64() > 0);
        Assert.NotEqual(0, book.GetProperty("data").GetProperty("bids").GetArrayLength());
    }

    [Fact]
    public async Task A_desk_that_cannot_be_followed_is_named()
    {
        await using var origin = await StartAsync();
        string url = origin.Urls.First();
        await origin.StopAsync(TestContext.Current.CancellationToken);

        var exception = await Assert.ThrowsAsync<IOException>(() => DeskApp.BuildAsync(["--status", "false", "--follow", url]));
        Assert.StartsWith($"The desk at {url.Replace("http", "ws", StringComparison.Ordinal)}/ws cannot be followed: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_and_the_sockets_share_a_port()
    {
        await using var app = await StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        Assert.Contains("market desk", await client.GetStringAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_to_be()
    {
        await using var first = await StartAsync();
        await using var second = await DeskApp.BuildAsync(["--status", "false", "--urls", first.Urls.First()], builder => builder.Logging.ClearProviders());

        var exception = await Assert.ThrowsAsync<IOException>(() => second.StartAsync(TestContext.Current.CancellationToken));
        Assert.IsType<AddressInUseException>(exception.InnerException);
    }

    private static async Task<WebApplication> StartAsync(params string[] args)
    {
        var app = await DeskApp.BuildAsync(["--urls", "http://127.0.0.1:0", "--status", "false", .. args], builder => builder.Logging.ClearProviders());
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    /// <summary>The book, as soon as there is one.</summary>
    private static async Task<JsonElement> BookAsync(Client client)
    {
        while (true)
        {
            await client.SendAsync("""{"id":"book","action":"get_book","data":{"symbol":"BTCUSDT"}}""");
            var answer = await client.NextAsync(message => message.TryGetProperty("id", out var id) && id.GetString() == "book");
            if (answer.GetProperty("type").GetString() == "book")
            {
                return answer;
            }

            Assert.Equal(503, answer.GetProperty("code").GetInt32());
        }
    }

    private static Dictionary<string, string> Side(JsonElement book, string name) =>
        book.GetProperty("data").GetProperty(name).EnumerateArray().ToDictionary(level => level[0].GetString()!, level => level[1].GetString()!);

    private static void AssertFollows(string stream, List<JsonElement> got, params (string Recorded, string Sent)[] members)
    {
        var recorded = Recordings.ShippedLines.Where(line => line.Json.TryGetProperty("stream", out var name) && name.GetString() == stream)
            .Select(line => line.Json.GetProperty("data")).ToList();
        int first = recorded.FindIndex(data => data.GetProperty(members[0].Recorded).GetInt64() == got[0].GetProperty(members[0].Sent).GetInt64());
        Assert.True(first >= 0);
        for (int i = 0; i < got.Count; i++)
        {
            Assert.All(members, member => Assert.Equal(recorded[first + i].GetProperty(member.Recorded).GetRawText(), got[i].GetProperty(member.Sent).GetRawText()));
        }
    }

    private sealed class Client : IDisposable
    {
        private readonly ClientWebSocket _socket = new();
        private readonly byte[] _buffer = new byte[1024 * 1024];
        private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));

        public static async Task<Client> ConnectAsync(WebApplication app, string path)
        {
            var client = new Client();
            await client._socket.ConnectAsync(new Uri(app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + path), client._limit.Token);
            return client;
        }

        public Task SendAsync(string text) => _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, _limit.Token);

        public async Task<JsonElement> NextAsync(Func<JsonElement, bool>? wanted = null)
        {
            while (true)
            {
                int length = 0;
                ValueWebSocketReceiveResult result;
                do
                {
                    result = await _socket.ReceiveAsync(_buffer.AsMemory(length), _limit.Token);
                    length += result.Count;
                }
                while (!result.EndOfMessage);

                Assert.Equal(WebSocketMessageType.Text, result.MessageType);
                var message = JsonDocument.Parse(_buffer.AsSpan(0, length).ToArray()).RootElement;
                if (wanted is null || wanted(message))
                {
                    return message;
                }
            }
        }

        public void Dispose()
        {
            _socket.Dispose();
            _limit.Dispose();
        }
    }
}
