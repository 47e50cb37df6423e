using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hosting.ProxyProtocol;

/// <summary>A real server behind something that sends PROXY headers.</summary>
public sealed class UseProxyProtocolTests
{
    private const string Line = "PROXY TCP4 203.0.113.7 198.51.100.2 56324 443\r\n";

    private static readonly byte[] s_binary = Hex("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 21 11 00 0C CB 00 71 07 C6 33 64 02 DC 04 01 BB");

    [Theory]
    [InlineData("/fast")]
    [InlineData("/mapped")]
    public async Task Connections_have_the_clients_address_through_every_door(string path)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        await using RawPeer first = await server.ConnectAsync();
        await first.SendAsync(Line + RawPeer.Handshake($"GET {path} HTTP/1.1"));
        Assert.Equal(101, (await first.ReadAnswerAsync()).StatusCode);
        await first.AskAsync("who", "203.0.113.7:56324");

        // Byte by byte, and in the other version.
        await using RawPeer second = await server.ConnectAsync();
        foreach (byte one in s_binary)
        {
            await second.SendAsync([one]);
        }

        await second.SendAsync(RawPeer.Handshake($"GET {path} HTTP/1.1"));
        Assert.Equal(101, (await second.ReadAnswerAsync()).StatusCode);
        await second.AskAsync("who", "203.0.113.7:56324");
        await first.CloseAsync();
        await second.CloseAsync();
    }

    [Fact]
    public async Task Requests_have_it_too_and_the_feature_has_the_proxys_own()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(Line + "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n");
        HttpAnswer answer = await peer.ReadAnswerAsync();
        Assert.Matches("^203\\.0\\.113\\.7:56324 198\\.51\\.100\\.2:443 1 False 127\\.0\\.0\\.1:[0-9]+$", answer.Body);

        // A health check of the proxy's own: its address stays.
        await using RawPeer check = await server.ConnectAsync();
        await check.SendAsync(Hex("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 20 00 00 00"));
        await check.SendAsync("GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Matches("^127\\.0\\.0\\.1:[0-9]+ 127\\.0\\.0\\.1:[0-9]+ 2 True 127\\.0\\.0\\.1:[0-9]+$", (await check.ReadAnswerAsync()).Body);
    }

    [Fact]
    public async Task The_limit_per_address_goes_by_the_clients_address()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(options => options.MaxConnectionsPerAddress = 1);
        await using RawPeer first = await server.ConnectAsync();
        await first.SendAsync(Line + RawPeer.Handshake("GET /fast HTTP/1.1"));
        Assert.Equal(101, (await first.ReadAnswerAsync()).StatusCode);
        await using RawPeer second = await server.ConnectAsync();
        await second.SendAsync(Line + RawPeer.Handshake("GET /fast HTTP/1.1"));
        Assert.Equal(503, (await second.ReadAnswerAsync()).StatusCode);
        await using RawPeer elsewhere = await server.ConnectAsync();
        await elsewhere.SendAsync(Line.Replace("203.0.113.7", "203.0.113.8", StringComparison.Ordinal) + RawPeer.Handshake("GET /fast HTTP/1.1"));
        Assert.Equal(101, (await elsewhere.ReadAnswerAsync()).StatusCode);
    }

    [Theory]
    [InlineData("GET /fast HTTP/1.1\r\n")]
    [InlineData("PROXY TCP4 nonsense\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x31")]
    public async Task What_does_not_begin_with_a_header_is_dropped_with_one_line_of_log(string text)
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        await using (RawPeer peer = await server.ConnectAsync())
        {
            await peer.SendAsync(text);
            await peer.AssertClosedAsync();
        }

        LogLines.Line line = Assert.Single(server.Log.All);
        Assert.Equal(2310, line.Id.Id);
        Assert.Contains("does not begin with a PROXY header", line.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_no_known_proxy_is_dropped_unheard()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync(proxy: options =>
        {
            options.KnownNetworks.Clear();
            options.KnownProxies.Add(IPAddress.Parse("192.0.2.1"));
        });
        try
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.AssertClosedAsync();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // It may be quicker than the end of connecting.
        }

        await Shared.Conditions.UntilAsync(() => server.Log.All.Count > 0, "the refusal is logged");
        Assert.Contains("KnownProxies", Assert.Single(server.Log.All).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("192.0.2.1", true)]
    [InlineData("::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.2", false)]
    [InlineData("::2", false)]
    public void Proxies_are_known_by_network_or_address(string address, bool isKnown)
    {
        var options = new ProxyProtocolOptions();
        options.KnownProxies.Add(IPAddress.Parse("192.0.2.1"));
        Assert.Equal(isKnown, options.Trusts(new IPEndPoint(IPAddress.Parse(address), 1)));
    }

    [Fact]
    public async Task A_header_that_takes_too_long_ends_the_connection()
    {
        var clock = new ManualClock();
        await using ProxiedServer server = await ProxiedServer.StartAsync(clock: clock);
        await using (RawPeer peer = await server.ConnectAsync())
        {
            await peer.SendAsync("PROXY TCP4 ");
            await clock.TimerAsync(TimeSpan.FromSeconds(10));
            clock.Advance(TimeSpan.FromSeconds(10));
            await peer.AssertClosedAsync();
        }

        Assert.Contains("HeaderTimeout", Assert.Single(server.Log.All).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_only_looks_whether_the_port_is_open_is_not_worth_a_line()
    {
        await using ProxiedServer server = await ProxiedServer.StartAsync();
        await using (RawPeer peer = await server.ConnectAsync())
        {
            peer.Finish();
            await peer.AssertClosedAsync();
        }

        (await server.ConnectAsync()).Reset();
        await using RawPeer after = await server.ConnectAsync();
        await after.SendAsync(Line + "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Equal(200, (await after.ReadAnswerAsync()).StatusCode);
        Assert.Empty(server.Log.All);
    }

    [Fact]
    public async Task Behind_an_HTTP_proxy_the_mapped_door_has_the_address_that_ForwardedHeaders_gives()
    {
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped,
            configure: options => options.MaxConnectionsPerAddress = 1,
            services: services => services.Configure<ForwardedHeadersOptions>(options => options.ForwardedHeaders = Microsoft.AspNetCore.HttpOverrides.ForwardedHeaders.XForwardedFor),
            app: app => app.UseForwardedHeaders());
        await using RawPeer first = await server.OpenAsync(RawPeer.Handshake(more: "X-Forwarded-For: 203.0.113.7"));
        await using (RawPeer second = await server.Server.ConnectAsync())
        {
            await second.SendAsync(RawPeer.Handshake(more: "X-Forwarded-For: 203.0.113.7"));
            Assert.Equal(503, (await second.ReadAnswerAsync()).StatusCode);
        }

        await using RawPeer elsewhere = await server.OpenAsync(RawPeer.Handshake(more: "X-Forwarded-For: 203.0.113.8"));
        Assert.Equal(
            ["127.0.0.1", "203.0.113.7", "203.0.113.8"], server.Hub.Connections.Select(connection => ((IPEndPoint)connection.RemoteEndPoint!).Address.ToString()).Order());
    }

    /// <summary>A hub at /fast and /mapped that says where a client comes from, and a page at /who.</summary>
    private sealed class ProxiedServer(WebApplication app, LogLines log) : IAsyncDisposable
    {
        public LogLines Log => log;

        public static async Task<ProxiedServer> StartAsync(Action<PipeWsOptions>? configure = null, Action<ProxyProtocolOptions>? proxy = null, TimeProvider? clock = null)
        {
            var log = new LogLines();
            WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Information);
            builder.Services.AddRouting();
            if (clock is not null)
            {
                builder.Services.AddSingleton(clock);
            }

            builder.Services.AddPipeWs(configure).OnText(static context => context.Connection.SendTextAsync(context.Connection.RemoteEndPoint!.ToString()!));
            builder.WebHost.UseKestrelCore().UseTestTransport().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen => listen.UseProxyProtocol(proxy).UsePipeWs("/fast")));
            WebApplication app = builder.Build();
            app.MapPipeWs("/mapped");
            app.MapGet("/who", static (HttpContext context) =>
            {
                IProxyProtocolFeature feature = context.Features.Get<IProxyProtocolFeature>()!;
                ConnectionInfo from = context.Connection;
                return Results.Text($"{from.RemoteIpAddress}:{from.RemotePort} {from.LocalIpAddress}:{from.LocalPort} {feature.Version} {feature.IsLocal} {feature.ProxyEndPoint}");
            });
            await app.StartAsync();
            return new ProxiedServer(app, log);
        }

        public Task<RawPeer> ConnectAsync() =>
            RawPeer.ConnectAsync(new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port);

        public async ValueTask DisposeAsync()
        {
            using var patience = new CancellationTokenSource(RawPeer.Patience);
            await app.StopAsync(patience.Token);
            await app.DisposeAsync();
        }
    }
}
