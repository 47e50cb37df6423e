using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Identity;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Identity;

/// <summary>Logging in to the desk, over real sockets and by both of its doors.</summary>
public class DeskLoginTests
{
    [Theory]
    [InlineData("fast", "/api/v1/login", "/ws")]
    [InlineData("mapped", "/login", "/api/v1/ws")]
    public async Task A_token_says_whose_the_socket_is_from_the_header_the_query_and_the_subprotocol(string door, string login, string path)
    {
        await using var app = await StartAsync("--door", door);
        var (status, view) = await LogInAsync(app, login, """{"user":"ann"}""");
        string token = view.GetProperty("token").GetString()!;

        Assert.Equal((HttpStatusCode.OK, "ann", 300), (status, view.GetProperty("user").GetString(), view.GetProperty("expiresIn").GetInt32()));
        using var header = await OpenAsync(app, path, options => options.SetRequestHeader("Authorization", new AuthenticationHeaderValue("Bearer", token).ToString()));
        using var query = await OpenAsync(app, $"{path}?token={token}");
        using var subprotocol = await OpenAsync(app, path, options =>
        {
            options.AddSubProtocol("json");
            options.AddSubProtocol($"bearer.{token}");
        });
        var hub = app.Services.GetRequiredService<IWsHub>();
        Assert.Equal("json", subprotocol.SubProtocol);
        await Conditions.UntilAsync(() => hub.UserConnections("ann").Count == 3, "all three are ann's");
        Assert.All(hub.Connections, connection => Assert.DoesNotContain(token, connection.Query, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("mapped")]
    public async Task A_token_that_is_not_the_desks_is_refused_and_none_is_needed(string door)
    {
        await using var app = await StartAsync("--door", door);
        var other = new DeskTokens(TimeProvider.System, TimeSpan.FromMinutes(5));

        await Assert.ThrowsAsync<WebSocketException>(() => OpenAsync(app, $"/ws?token={other.Create("ann")}"));
        using var guest = await OpenAsync(app, "/ws");
        using var named = await OpenAsync(app, "/api/v1/ws?user=ann");
        Assert.Empty(app.Services.GetRequiredService<IWsHub>().UserConnections("ann"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"user":7}""")]
    [InlineData("""{"user":""}""")]
    [InlineData("""{"user":"login:ann"}""")]
    [InlineData("""{"user":"a b"}""")]
    public async Task A_log_in_without_a_proper_name_is_refused_in_plain_words(string body)
    {
        await using var app = await StartAsync();

        var (status, view) = await LogInAsync(app, "/api/v1/login", body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.StartsWith("user: give one name", view.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_renewed_in_place_and_ends_the_connection_otherwise()
    {
        var clock = new ManualTimeProvider(DateTimeOffset.UtcNow);
        await using var app = await StartAsync(clock, "--token-seconds", "60", "--speed", "0.001", "--PipeWs:PingInterval", "-00:00:00.0010000");
        var (_, first) = await LogInAsync(app, "/login", """{"user":"ann"}""");
        using var renewing = await OpenAsync(app, $"/ws?token={first.GetProperty("token").GetString()}");
        using var leaving = await OpenAsync(app, $"/ws?token={first.GetProperty("token").GetString()}");

        clock.Advance(TimeSpan.FromSeconds(50));
        var (_, second) = await LogInAsync(app, "/login", """{"user":"ann"}""");
        await SendAsync(renewing, "{\"id\":\"r\",\"type\":\"auth\",\"data\":{\"token\":\"" + second.GetProperty("token").GetString() + "\"}}");
        Assert.Equal("ack", (await NextAsync(renewing, "r")).GetProperty("type").GetString());

        // Rounded up to a second, and by the next heartbeat; not so far that the closing handshake runs out of time too.
        clock.Advance(TimeSpan.FromSeconds(11.5));

        Assert.Equal(3005, await CloseCodeAsync(leaving));
        await SendAsync(renewing, """{"id":"p","action":"get_portfolio"}""");
        Assert.Equal("portfolio", (await NextAsync(renewing, "p")).GetProperty("type").GetString());
    }

    [Fact]
    public async Task Whoever_logs_in_on_an_open_connection_gets_a_portfolio_of_his_own()
    {
        var desk = new TestDesk();
        var connection = desk.Hub.Connect("c1");
        await desk.AskAsync(connection, "get_portfolio");
        Assert.True(desk.Portfolios.TryGet("guest:c1", out _));

        connection.UserId = "ann";
        await desk.AskAsync(connection, "get_portfolio");

        Assert.True(desk.Portfolios.TryGet("login:ann", out _));
        Assert.False(desk.Portfolios.TryGet("guest:c1", out _));
        Assert.Same(connection, Assert.Single(desk.Sessions.OfUser("login:ann")).Connection);
        Assert.Empty(desk.Sessions.OfUser("guest:c1"));
    }

    [Fact]
    public void Nobody_names_himself_into_the_portfolio_of_one_who_has_logged_in()
    {
        var desk = new TestDesk();
        var named = desk.Hub.Connect("c1", "?user=ann");
        var loggedIn = desk.Hub.Connect("c2", "?user=bob");
        loggedIn.UserId = "ann";

        Assert.Equal(("ann", "ann"), (desk.Sessions.Of(named).User.Id, desk.Sessions.Of(named).User.DisplayName));
        Assert.Equal(("login:ann", "ann"), (desk.Sessions.Of(loggedIn).User.Id, desk.Sessions.Of(loggedIn).User.DisplayName));
        Assert.Equal(["ann", "ann", "guest"], new[] { "ann", "login:ann", "guest:c9" }.Select(DeskIdentity.DisplayNameOf));
    }

    private static Task<WebApplication> StartAsync(params string[] args) => StartAsync(TimeProvider.System, args);

    private static async Task<WebApplication> StartAsync(TimeProvider clock, params string[] args)
    {
        var app = await DeskApp.BuildAsync(["--urls", "http://127.0.0.1:0", "--status", "false", .. args], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton(clock);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static async Task<(HttpStatusCode Status, JsonElement View)> LogInAsync(WebApplication app, string path, string body)
    {
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
        Assert.True(response.Headers.CacheControl!.NoStore);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return (response.StatusCode, json.RootElement.Clone());
    }

    private static async Task<ClientWebSocket> OpenAsync(WebApplication app, string path, Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        configure?.Invoke(socket.Options);
        await socket.ConnectAsync(new Uri(app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + path), TestContext.Current.CancellationToken).Soon();
        await ReadAsync(socket);
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);

    private static async Task<JsonElement> NextAsync(ClientWebSocket socket, string id)
    {
        while (true)
        {
            using var json = JsonDocument.Parse(await ReadAsync(socket));
            if (json.RootElement.TryGetProperty("id", out var value) && value.GetString() == id)
            {
                return json.RootElement.Clone();
            }
        }
    }

    private static async Task<int?> CloseCodeAsync(ClientWebSocket socket)
    {
        while (socket.CloseStatus is null)
        {
            await ReadAsync(socket);
        }

        return (int)socket.CloseStatus;
    }

    private static async Task<byte[]> ReadAsync(ClientWebSocket socket)
    {
        byte[] buffer = new byte[64 * 1024];
        int length = 0;
        ValueWebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(buffer.AsMemory(length), TestContext.Current.CancellationToken).Soon();
            length += result.Count;
        }
        while (!result.EndOfMessage);

        return buffer[..length];
    }
}
