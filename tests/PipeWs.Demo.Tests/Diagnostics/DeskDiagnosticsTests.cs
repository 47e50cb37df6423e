using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Diagnostics;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Diagnostics;

/// <summary>What an operator sees of the desk, over HTTP.</summary>
public sealed partial class DeskDiagnosticsTests
{
    [Theory]
    [InlineData("fast")]
    [InlineData("mapped")]
    public async Task Metrics_are_a_valid_exposition_that_follows_the_traffic(string door)
    {
        await using WebApplication app = await StartAsync("--door", door);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using HttpResponseMessage answer = await http.GetAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        Exposition before = Exposition.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, before["""pipews_server_connections{pipews_hub=""}"""]);

        using (ClientWebSocket socket = await ConnectAsync(app))
        {
            await AskAsync(socket, """{"id":"1","type":"ping"}""", "pong");
            Exposition during = await ReadAsync(http);
            Assert.Equal(1, during["""pipews_server_connections{pipews_hub=""}"""]);
            Assert.Equal(1, during["""pipews_server_messages_total{network_io_direction="receive",pipews_hub=""}"""]);
            Assert.Equal(2 + 4 + 24, during["""pipews_server_io_bytes_total{network_io_direction="receive",pipews_hub=""}"""]);
            Assert.True(during["""pipews_server_rooms{pipews_hub=""}"""] >= 0);
            Assert.Equal(1, during["""pipews_server_message_duration_seconds_count{pipews_action="ping",pipews_hub=""}"""]);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        }

        const string Count = """pipews_server_connection_duration_seconds_count{pipews_close_code="1000",pipews_hub=""}""";
        const string Closed = """pipews_server_connection_closed_total{pipews_close_code="1000",pipews_hub=""}""";
        const string Open = """pipews_server_connections{pipews_hub=""}""";
        Exposition after = before;

        // The instruments are told of the end one after another; a page may be read between two of them.
        for (int attempt = 0; !(after.Has(Count) && after.Has(Closed) && after[Open] == 0) && attempt < 10_000; attempt++)
        {
            after = await ReadAsync(http);
        }

        Assert.Equal(1, after[Count]);
        Assert.Equal(1, after["""pipews_server_connection_duration_seconds_bucket{pipews_close_code="1000",pipews_hub="",le="+Inf"}"""]);
        Assert.Equal(0, after[Open]);
        Assert.Equal(1, after[Closed]);
        Assert.Contains("kestrel_active_connections", after.Types.Keys);
        Assert.Contains("dotnet_gc_collections_total", after.Types.Keys);
    }

    [Fact]
    public async Task Statistics_and_health_are_told()
    {
        await using WebApplication app = await StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Assert.Equal("Healthy", await http.GetStringAsync(new Uri("/healthz", UriKind.Relative), TestContext.Current.CancellationToken));

        using ClientWebSocket socket = await ConnectAsync(app);
        await AskAsync(socket, """{"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT"}""", "ack");
        JsonElement stats = await http.GetFromJsonAsync<JsonElement>("/ws/stats?room=/market/match:BTC-USDT", TestContext.Current.CancellationToken);
        Assert.Equal(1, stats.GetProperty("connections").GetProperty("open").GetInt32());
        JsonElement room = Assert.Single(stats.GetProperty("rooms").GetProperty("list").EnumerateArray());
        Assert.Equal(1, room.GetProperty("members").GetInt32());
    }

    [Fact]
    public async Task The_dashboard_shows_every_metric_of_the_server_and_none_that_is_not_there()
    {
        await using WebApplication app = await StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Exposition metrics = await ReadAsync(http);
        string dashboard = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "grafana-dashboard.json"), TestContext.Current.CancellationToken);
        using var parsed = JsonDocument.Parse(dashboard);
        HashSet<string> shown =
        [
            .. parsed.RootElement.GetProperty("panels").EnumerateArray()
                .Where(static panel => panel.TryGetProperty("targets", out _))
                .SelectMany(static panel => panel.GetProperty("targets").EnumerateArray())
                .SelectMany(static target => MetricName().Matches(target.GetProperty("expr").GetString()!))
                .Select(static match => match.Value)
                .Select(name => metrics.Types.GetValueOrDefault(HistogramSuffix().Replace(name, "")) == "histogram" ? HistogramSuffix().Replace(name, "") : name),
        ];
        string[] there = [.. metrics.Types.Keys.Where(static name => name.StartsWith("pipews_server_", StringComparison.Ordinal))];

        Assert.True(there.Length > 15);
        Assert.Equal(there.Order(StringComparer.Ordinal), shown.Order(StringComparer.Ordinal));
        int[] ids = [.. parsed.RootElement.GetProperty("panels").EnumerateArray().Select(static panel => panel.GetProperty("id").GetInt32())];
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public async Task Metrics_and_traces_go_to_a_collector_that_is_named()
    {
        var received = new ConcurrentDictionary<string, ConcurrentQueue<string>>();
        await using WebApplication collector = await CollectorAsync(received);
        await using (WebApplication app = await StartAsync("--otlp", collector.Urls.First()))
        {
            using ClientWebSocket socket = await ConnectAsync(app);
            await AskAsync(socket, """{"id":"1","type":"ping"}""", "pong");
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);

            // What was not sent yet is sent when the desk stops.
            await app.StopAsync(TestContext.Current.CancellationToken);
        }

        Assert.Contains(received["/v1/metrics"], static body => body.Contains("pipews.server.messages", StringComparison.Ordinal) && body.Contains("pipews-desk", StringComparison.Ordinal));
        string traces = string.Concat(received["/v1/traces"]);
        Assert.Contains("WebSocket", traces, StringComparison.Ordinal);
        Assert.Contains("url.path", traces, StringComparison.Ordinal);
        Assert.Contains("pipews.action", traces, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("ftp://127.0.0.1")]
    [InlineData("127.0.0.1:4318")]
    public async Task An_address_that_makes_no_sense_is_said_to_be_one(string address) =>
        Assert.Contains(address, (await Assert.ThrowsAsync<FormatException>(() => DeskApp.BuildAsync(["--otlp", address, "--status", "false"]))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("otlp", "http://c:4318", false, "http://c:4318/v1/metrics")]
    [InlineData("otlp", "http://c:4318/", false, "http://c:4318/v1/metrics")]
    [InlineData("otlp", "https://c/prefix", false, "https://c/prefix/v1/metrics")]
    [InlineData("otlp", "http://c:4317", true, "http://c:4317/")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", false, null)]
    public void The_collectors_address_says_how_it_is_spoken_to(string key, string value, bool isGrpc, string? metrics)
    {
        var options = OtlpOptions.From(Configuration(key, value));
        Assert.NotNull(options);
        Assert.Equal(isGrpc, options.IsGrpc);
        Assert.Equal(metrics, options.For("metrics")?.ToString());
    }

    [Fact]
    public void Nothing_is_exported_unless_somebody_asks() => Assert.Null(OtlpOptions.From(Configuration("otlp", "")));

    private static IConfiguration Configuration(string key, string value) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();

    private static async Task<WebApplication> StartAsync(params string[] args)
    {
        WebApplication app = await DeskApp.BuildAsync(["--urls", "http://127.0.0.1:0", "--status", "false", .. args], static builder => builder.Logging.ClearProviders());
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static async Task<WebApplication> CollectorAsync(ConcurrentDictionary<string, ConcurrentQueue<string>> received)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        WebApplication app = builder.Build();
        app.MapPost("/{**path}", async context =>
        {
            using var body = new StreamReader(context.Request.Body, Encoding.Latin1);
            received.GetOrAdd(context.Request.Path, static _ => new ConcurrentQueue<string>()).Enqueue(await body.ReadToEndAsync(context.RequestAborted));
            context.Response.ContentType = "application/x-protobuf";
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static async Task<Exposition> ReadAsync(HttpClient http) =>
        Exposition.Parse(await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken));

    private static async Task<ClientWebSocket> ConnectAsync(WebApplication app)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri(app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + "/ws"), TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>Sends a message and waits for an answer of a type.</summary>
    private static async Task AskAsync(ClientWebSocket socket, string text, string type)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        byte[] buffer = new byte[256 * 1024];
        string answer;
        do
        {
            WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).Soon();
            answer = Encoding.UTF8.GetString(buffer, 0, result.Count);
        }
        while (!answer.Contains($"\"type\":\"{type}\"", StringComparison.Ordinal));
    }

    [GeneratedRegex("pipews_server_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramSuffix();
}
