using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

public class LimitTests
{
    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task A_full_hub_refuses_with_503_and_leaves_the_others_alone(Door door)
    {
        var entrance = new EchoEntrance { MaxConnections = 1 };
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => entrance.AddTo(services));
        await AssertOneConnectionOnlyAsync(server, entrance);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Kestrels_limit_on_upgraded_connections_holds(Door door)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(
            door, isSecure: false, services => entrance.AddTo(services), kestrel: options => options.Limits.MaxConcurrentUpgradedConnections = 1);
        await AssertOneConnectionOnlyAsync(server, entrance);
    }

    // On the mapped door Kestrel counts an upgraded connection against MaxConcurrentUpgradedConnections only.
    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task Kestrels_limit_on_connections_holds(Door door)
    {
        await using TestServer server = await TestServer.StartAsync(
            door, isSecure: false, services => new EchoEntrance().AddTo(services), kestrel: options => options.Limits.MaxConcurrentConnections = 1);
        await using RawPeer first = await server.ConnectAsync();
        await first.UpgradeAsync();
        await using RawPeer second = await server.ConnectAsync();
        await second.AssertClosedAsync();
        await first.SendFrameAsync(Opcode.Text, "undisturbed"u8);
        Assert.Equal("undisturbed", (await first.ReadFrameAsync()).Text);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task A_refusal_is_one_line_of_log_without_the_query(Door door)
    {
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => new EchoEntrance().AddTo(services));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake("GET /ws?token=secret HTTP/1.1", version: "Sec-WebSocket-Version: 8"));
        Assert.Equal(426, (await peer.ReadAnswerAsync()).StatusCode);
        LogLines.Line line = Assert.Single(server.Log.PipeWs);
        Assert.Equal(100, line.Id.Id);
        Assert.StartsWith("Refused a handshake for /ws from 127.0.0.1:", line.Text);
        Assert.Contains(": 426, ", line.Text);
        Assert.DoesNotContain(server.Log.All, any => any.Text.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_upgrade_that_Kestrel_itself_refuses_is_a_503()
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(
            Door.Mapped,
            isSecure: false,
            services => entrance.AddTo(services),
            kestrel: options => options.Limits.MaxConcurrentUpgradedConnections = 1,
            app: app => app.Use(async (HttpContext context, Func<Task> next) =>
            {
                if (context.Request.Path == "/other")
                {
                    Stream stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
                    _ = await stream.ReadAsync(new byte[1]);
                    return;
                }

                await next();
            }));
        await using RawPeer other = await server.ConnectAsync();
        await other.SendAsync(RawPeer.Handshake("GET /other HTTP/1.1"));
        Assert.Equal(101, (await other.ReadAnswerAsync()).StatusCode);

        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake());
        Assert.Equal(503, (await peer.ReadAnswerAsync()).StatusCode);
        await peer.AssertClosedAsync();
        Assert.Equal(0, entrance.Places);
        await other.SendAsync("x");
        await other.AssertClosedAsync();
    }

    [Theory]
    [InlineData(Door.Fast, false, "")]
    [InlineData(Door.Fast, false, "GET /w")]
    [InlineData(Door.Fast, false, "GET /ws HTTP/1.1\r\nHost: a\r\n")]
    [InlineData(Door.Fast, true, "GET /ws HTTP/1.1\r\nHost: a\r\n")]
    [InlineData(Door.Handler, false, "")]
    [InlineData(Door.Handler, false, "GET /ws HTTP/1.1\r\nHost: a\r\n")]
    [InlineData(Door.Handler, true, "")]
    public async Task A_handshake_that_takes_too_long_gets_408(Door door, bool isSecure, string start)
    {
        var clock = new ManualClock();
        await using TestServer server = await TestServer.StartAsync(door, isSecure, services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            new EchoEntrance().AddTo(services);
        });
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(start);
        await clock.TimerAsync(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(9.9));
        await peer.SendAsync(start.Length > 0 ? "s" : "");
        clock.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Equal(408, (await peer.ReadAnswerAsync()).StatusCode);
        await peer.AssertClosedAsync();
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task The_clock_of_the_handshake_stops_with_it(Door door)
    {
        var clock = new ManualClock();
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            new EchoEntrance().AddTo(services);
        });
        await using RawPeer peer = await server.ConnectAsync();
        await clock.TimerAsync(TimeSpan.FromSeconds(10));
        await peer.UpgradeAsync();
        Assert.Equal(0, clock.ActiveTimers);
        clock.Advance(TimeSpan.FromMinutes(1));
        await peer.SendFrameAsync(Opcode.Text, "x"u8);
        Assert.Equal("x", (await peer.ReadFrameAsync()).Text);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task A_peer_that_goes_away_in_the_middle_of_the_handshake_leaves_nothing_behind(Door door)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => entrance.AddTo(services));
        foreach (string start in new[] { "", "GET /w", "GET /ws HTTP/1.1\r\nHost: a\r\n" })
        {
            await using RawPeer polite = await server.ConnectAsync();
            await polite.SendAsync(start);
            polite.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            await polite.ReadToEndAsync();
            RawPeer rude = await server.ConnectAsync();
            await rude.SendAsync(start);
            rude.Reset();
        }

        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync();
        Assert.Equal(1, entrance.Places);
        Assert.DoesNotContain(server.Log.All, line => line.Exception is not null);
    }

    [Fact]
    public async Task A_peer_in_the_middle_of_the_handshake_does_not_hold_up_the_shutdown()
    {
        foreach (Door door in new[] { Door.Fast, Door.Handler })
        {
            TestServer server = await TestServer.StartAsync(door, isSecure: false, services => new EchoEntrance().AddTo(services, options: o => o.HandshakeTimeout = TimeSpan.FromMinutes(10)));
            await using RawPeer silent = await server.ConnectAsync();
            await using RawPeer slow = await server.ConnectAsync();
            await slow.SendAsync("GET /ws HT");
            await using (RawPeer served = await server.ConnectAsync())
            {
                await served.UpgradeAsync();
            }

            await server.DisposeAsync();
            await silent.ReadToEndAsync();
            await slow.ReadToEndAsync();
        }
    }

    [Theory]
    [InlineData("GET", null, 400)]
    [InlineData("CONNECT", "7", 426)]
    [InlineData("CONNECT", null, 426)]
    public async Task A_bad_handshake_over_HTTP_2_is_refused(string method, string? version, int status)
    {
        await using TestServer server = await TestServer.StartAsync(Door.MappedH2, isSecure: false, services => new EchoEntrance().AddTo(services));
        using HttpClient client = server.CreateHttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), TestServer.Path) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (method == "CONNECT")
        {
            request.Headers.Protocol = "websocket";
        }

        if (version is not null)
        {
            request.Headers.Add("Sec-WebSocket-Version", version);
        }

        using HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_foreign_page_is_refused_over_HTTP_2()
    {
        await using TestServer server = await TestServer.StartAsync(Door.MappedH2, isSecure: true, services => new EchoEntrance().AddTo(services));
        WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(() => server.OpenAsync(configure: options => options.SetRequestHeader("Origin", "https://evil.example")));
        Assert.Contains("403", refused.Message);
        using ClientWebSocket own = await server.OpenAsync(configure: options => options.SetRequestHeader("Origin", $"https://localhost:{server.Port}"));
        Assert.Equal(WebSocketState.Open, own.State);
    }

    private static async Task AssertOneConnectionOnlyAsync(TestServer server, EchoEntrance entrance)
    {
        await using RawPeer first = await server.ConnectAsync();
        await first.UpgradeAsync();
        await using (RawPeer second = await server.ConnectAsync())
        {
            await second.SendAsync(RawPeer.Handshake());
            HttpAnswer answer = await second.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            await second.AssertClosedAsync();
        }

        await first.SendFrameAsync(Opcode.Text, "undisturbed"u8);
        Assert.Equal("undisturbed", (await first.ReadFrameAsync()).Text);
        await first.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        await entrance.ReleasedAsync();
        await first.ReadFrameAsync();
        await first.AssertClosedAsync();

        await using RawPeer third = await server.ConnectAsync();
        await third.UpgradeAsync();
        Assert.Equal(0, entrance.DoubleReleases);
    }
}
