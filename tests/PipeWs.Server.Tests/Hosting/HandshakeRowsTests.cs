using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>Bad handshakes over a raw socket, through each door that a raw socket can use. Where HTTP is beneath, Kestrel refuses some of them itself, with its own status.</summary>
public class HandshakeRowsTests
{
    private const string KeyLine = "Sec-WebSocket-Key: " + Key;

    private static readonly Row[] Rows =
    [
        new("1 long request line", Handshake("GET /ws?" + new string('q', 9000) + " HTTP/1.1"), 414, 414, 414),
        new("1 long header", Handshake(more: "X: " + new string('a', 9000)), 431, 431, 431),
        new("1 long headers", Handshake(more: string.Join("\r\n", Enumerable.Range(0, 5).Select(i => $"X{i}: {new string('y', 8000)}"))), 431, 431, 431),
        new("1 many headers", Handshake(more: string.Join("\r\n", Enumerable.Range(0, 101).Select(i => $"X{i}: y"))), 431, 431, 431),
        new("2 bare LF", Handshake(more: "X: a\nY: b"), 400, 400, 400),
        new("2 bare CR", Handshake(more: "X: a\rY: b"), 400, 400, 400),
        new("2 NUL", Handshake(more: "X: a\0b"), 400, 400, 400),
        new("2 control character", Handshake(more: "X: a\u0001b"), 400, 400, 400),
        new("2 obs-fold", Handshake(more: "X: a\r\n folded"), 400, 400, 400),
        new("2 space before the colon", Handshake(more: "Name : v"), 400, 400, 400),
        new("2 no name", Handshake(more: ":v"), 400, 400, 400),
        new("2 no colon", Handshake(more: "a line with no colon"), 400, 400, 400),
        new("3 Content-Length", Handshake(more: "Content-Length: 5") + "hello", 400, 400, 400),
        new("3 Transfer-Encoding", Handshake(more: "Transfer-Encoding: chunked") + "0\r\n\r\n", 400, 400, 400),
        new("3 Transfer-Encoding identity", Handshake(more: "Transfer-Encoding: identity"), 400, 400, 400),
        new("4 no Host", Handshake(host: null), 400, 400, 400),
        new("4 two Hosts", Handshake(host: "Host: a\r\nHost: b"), 400, 400, 400),
        new("4 Host with comma", Handshake(host: "Host: a,b"), 400, 400, 400),
        new("4 Host with user", Handshake(host: "Host: u@a"), 400, 400, 400),
        new("4 Host with path", Handshake(host: "Host: a/b"), 400, 400, 400),
        new("5 get", Handshake("get /ws HTTP/1.1"), 405, 405, 405),
        new("5 POST", Handshake("POST /ws HTTP/1.1"), 405, 405, 405),
        new("5 HTTP/1.0", Handshake("GET /ws HTTP/1.0"), 400, 400, 400),
        new("5 HTTP/2.0 text", Handshake("GET /ws HTTP/2.0"), 505, 505, 505),
        new("6 asterisk", Handshake("GET * HTTP/1.1"), 400, 400, 405),
        new("6 fragment", Handshake("GET /ws#frag HTTP/1.1"), 400, 400, 404),
        new("6 two slashes", Handshake("GET //evil/ws HTTP/1.1"), 400, 400, 404),
        new("8 version 7", Handshake(version: "Sec-WebSocket-Version: 7"), 426, 426, 426),
        new("8 version 8", Handshake(version: "Sec-WebSocket-Version: 8"), 426, 426, 426),
        new("8 versions 13, 8", Handshake(version: "Sec-WebSocket-Version: 13, 8"), 426, 426, 426),
        new("8 version twice", Handshake(version: "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"), 426, 426, 426),
        new("8 no version", Handshake(version: null), 426, 426, 426),
        new("9 no key", Handshake(key: null), 400, 400, 400),
        new("9 two keys", Handshake(key: KeyLine + "\r\n" + KeyLine), 400, 400, 400),
        new("9 short key", Handshake(key: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400, 400, 400),
        new("9 bad base64", Handshake(key: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, 400, 400),
        new("11 foreign origin", Handshake(host: "Host: foreign.example", more: "Origin: http://foreign.example"), 403, 403, 403),
        new("11 null origin", Handshake(more: "Origin: null"), 403, 403, 403),
        new("11 two origins", Handshake(more: "Origin: https://good.com\r\nOrigin: https://good.com"), 403, 403, 403),
        new("11 suffix", Handshake(more: "Origin: https://good.com.evil"), 403, 403, 403),
        new("12 subprotocol is no token", Handshake(more: "Sec-WebSocket-Protocol: a b"), 400, 400, 400),
    ];

    public static TheoryData<Door, bool, string> Cases
    {
        get
        {
            var cases = new TheoryData<Door, bool, string>();
            foreach (Row row in Rows)
            {
                foreach (Door door in new[] { Door.Fast, Door.Handler, Door.Mapped })
                {
                    cases.Add(door, false, row.Name);
                    if (row.Name[0] is '1' or '2' or '9')
                    {
                        cases.Add(door, true, row.Name);
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Refuses_a_bad_handshake(Door door, bool isSecure, string name)
    {
        Row row = Rows.Single(row => row.Name == name);
        int expected = door switch
        {
            Door.Fast => row.Fast,
            Door.Handler => row.Handler,
            _ => row.Mapped,
        };
        var entrance = new EchoEntrance();
        await using TestServer server = await StartAsync(door, entrance, isSecure);
        await using RawPeer peer = await server.ConnectAsync();
        await using RawPeer bystander = await server.ConnectAsync();
        await bystander.UpgradeAsync();

        // A second request follows, which nobody may read after a refusal; what Kestrel's router refuses leaves the connection to HTTP.
        bool isRouters = door == Door.Mapped && expected is 404 or 405;
        await peer.TrySendAsync(row.Request + (isRouters ? "" : Handshake()));
        HttpAnswer answer = await peer.ReadAnswerAsync();

        Assert.Equal(expected, answer.StatusCode);
        if (door != Door.Mapped)
        {
            Assert.Contains("close", answer["Connection"]);
            Assert.NotEmpty(answer.Body);
            Assert.Equal(expected == 426 ? "13" : null, answer["Sec-WebSocket-Version"]);
            await peer.AssertClosedAsync();
            LogLines.Line line = Assert.Single(server.Log.PipeWs);
            Assert.Equal(100, line.Id.Id);
            Assert.DoesNotContain("qqq", line.Text);
        }
        else if (!isRouters)
        {
            Assert.Equal("close", answer["Connection"]!.Split(',')[0]);
            await peer.AssertClosedAsync();
        }

        Assert.DoesNotContain(server.Log.All, line => line.Exception is not null);
        await bystander.SendFrameAsync(Opcode.Text, "undisturbed"u8);
        Assert.Equal("undisturbed", (await bystander.ReadFrameAsync()).Text);
        bystander.Reset();
        await entrance.ReleasedAsync();
        Assert.Equal(0, entrance.Places);
        Assert.Equal(0, entrance.DoubleReleases);
    }

    [Theory]
    [InlineData(Door.Fast, "Connection: keep-alive, Upgrade")]
    [InlineData(Door.Fast, "Connection: keep-alive\r\nConnection: UPGRADE")]
    [InlineData(Door.Handler, "Connection: keep-alive, Upgrade")]
    [InlineData(Door.Handler, "Connection: keep-alive\r\nConnection: UPGRADE")]
    [InlineData(Door.Mapped, "Connection: keep-alive, Upgrade")]
    [InlineData(Door.Mapped, "Connection: keep-alive\r\nConnection: UPGRADE")]
    public async Task Row_7_accepts_lists(Door door, string connection)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync(Handshake(connection: connection, upgrade: "upgrade: h2c, WebSocket"));
    }

    [Theory]
    [InlineData(Door.Fast, 404)]
    [InlineData(Door.Handler, 426)]
    [InlineData(Door.Mapped, 426)]
    public async Task Row_7_a_request_without_upgrade_goes_to_HTTP_where_there_is_HTTP(Door door, int status)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(Handshake(connection: null));
        HttpAnswer answer = await peer.ReadAnswerAsync();
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(status == 426 ? "websocket" : null, answer["Upgrade"]);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Row_6_accepts_the_absolute_form(Door door)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync(Handshake($"GET http://localhost:{server.Port}/ws HTTP/1.1", host: $"Host: localhost:{server.Port}"));
    }

    [Theory]
    [InlineData(Door.Fast, false)]
    [InlineData(Door.Fast, true)]
    [InlineData(Door.Handler, false)]
    [InlineData(Door.Handler, true)]
    [InlineData(Door.Mapped, false)]
    [InlineData(Door.Mapped, true)]
    public async Task Row_10_frames_that_come_with_the_handshake_are_kept(Door door, bool isSecure)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance(), isSecure);
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync([.. "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "u8,
            .. "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"u8, .. Frame(Opcode.Text, "early"u8), .. Frame(Opcode.Binary, "bird"u8)]);
        Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
        Assert.Equal("early", (await peer.ReadFrameAsync()).Text);
        Assert.Equal("bird", (await peer.ReadFrameAsync()).Text);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Row_11_allows_the_servers_own_pages_and_the_allowed_ones(Door door)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        foreach (string origin in new[] { $"http://localhost:{server.Port}", $"http://127.0.0.1:{server.Port}", "https://good.com" })
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.UpgradeAsync(Handshake(host: "Host: other.example", more: "Origin: " + origin));
        }
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Row_13_declines_nonsense_in_extensions(Door door)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        foreach (string extensions in new[] { "x; a=\"unterminated", string.Join(',', Enumerable.Repeat("a;b", 1000)), "permessage-deflate; server_max_window_bits=7; server_max_window_bits=16", ";;==," })
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.SendAsync(Handshake(more: "Sec-WebSocket-Extensions: " + extensions));
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal(101, answer.StatusCode);
            Assert.Null(answer["Sec-WebSocket-Extensions"]);
        }
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Chooses_the_subprotocol_the_server_likes_best(Door door)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(Handshake(more: "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: v3, v2"));
        Assert.Equal("v2", (await peer.ReadAnswerAsync())["Sec-WebSocket-Protocol"]);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    public async Task Row_1_a_header_that_drips_is_cut_off_at_its_limit(Door door)
    {
        await using TestServer server = await StartAsync(door, new EchoEntrance());
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync("GET /ws HTTP/1.1\r\nHost: localhost\r\nX: ");
        Task<HttpAnswer> answer = peer.ReadAnswerAsync();
        int sent = 0;
        while (!answer.IsCompleted && sent < 20 * 1024 * 1024)
        {
            await peer.TrySendAsync("a");
            sent++;
        }

        Assert.Equal(431, (await answer).StatusCode);
    }

    private static Task<TestServer> StartAsync(Door door, EchoEntrance entrance, bool isSecure = false) => TestServer.StartAsync(
        door,
        isSecure,
        services => entrance.AddTo(services, options: options =>
        {
            options.AllowedOrigins.Add("https://good.com");
            options.Subprotocols.Add("v2");
            options.Subprotocols.Add("v1");
        }));

    private sealed record Row(string Name, string Request, int Fast, int Handler, int Mapped);
}
