using System.Net;
using System.Net.WebSockets;
using System.Security.Claims;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

public class DoorTests
{
    public static TheoryData<Door, bool> AllDoors
    {
        get
        {
            var doors = new TheoryData<Door, bool>();
            foreach (Door door in Enum.GetValues<Door>())
            {
                doors.Add(door, false);
                doors.Add(door, true);
            }

            return doors;
        }
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Carries_messages_and_says_who_it_is(Door door, bool isSecure)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure, services => entrance.AddTo(services, options: o => o.Subprotocols.Add("chat")));
        using (ClientWebSocket socket = await server.OpenAsync("/ws?token=secret", options => options.AddSubProtocol("chat")))
        {
            Assert.Equal("chat", socket.SubProtocol);
            await AssertEchoesAsync(socket, "hello"u8.ToArray());
            await AssertEchoesAsync(socket, new byte[300_000]);

            AcceptedConnection connection = await entrance.NextAsync();
            Assert.Equal("/ws", connection.Path);
            Assert.Equal("?token=secret", connection.Query);
            Assert.Equal("chat", connection.Subprotocol);
            Assert.Equal(isSecure, connection.IsSecure);
            Assert.Equal(server.Port, ((IPEndPoint)connection.LocalEndPoint!).Port);
            Assert.NotEqual(0, ((IPEndPoint)connection.RemoteEndPoint!).Port);
            Assert.Equal(door is Door.Fast or Door.Handler, connection.ConnectionFeatures is not null);
            Assert.Equal(1, entrance.Places);
            using var patience = new CancellationTokenSource(RawPeer.Patience);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", patience.Token);
        }

        await entrance.ReleasedAsync();
        Assert.Equal(0, entrance.Places);
        Assert.Equal(0, entrance.DoubleReleases);
        Assert.Empty(server.Log.PipeWs);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Mapped)]
    public async Task Works_whichever_way_the_handshake_is_cut(Door door)
    {
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => new EchoEntrance().AddTo(services));
        string handshake = RawPeer.Handshake();
        for (int cut = 1; cut < handshake.Length; cut += 5)
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.SendAsync(handshake[..cut]);
            await peer.SendAsync(handshake[cut..]);
            Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fast_door_hands_on_every_byte_that_is_not_its_own(bool isSecure)
    {
        await using TestServer server = await TestServer.StartAsync(Door.Fast, isSecure, services => new EchoEntrance().AddTo(services));
        const string request = "POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        for (int cut = 0; cut < request.Length; cut += 3)
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.SendAsync(request[..cut]);
            await peer.SendAsync(request[cut..]);
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal(200, answer.StatusCode);
            Assert.Equal("hello", answer.Body);
            await peer.AssertClosedAsync();
        }
    }

    [Fact]
    public async Task Fast_door_hands_on_a_request_for_its_path_that_wants_a_page()
    {
        await using TestServer server = await TestServer.StartAsync(
            Door.Fast, isSecure: false, services => new EchoEntrance().AddTo(services), app: app => app.MapGet("/ws", () => "a page"));
        using HttpClient client = server.CreateHttpClient();
        Assert.Equal("a page", await client.GetStringAsync("/ws"));
        Assert.Equal(TestServer.Page, await client.GetStringAsync("/page"));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync();
    }

    [Fact]
    public async Task Fast_door_leaves_HTTP_2_alone()
    {
        await using TestServer server = await TestServer.StartAsync(Door.Fast, isSecure: true, services => new EchoEntrance().AddTo(services));
        using HttpClient client = server.CreateHttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/page") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpResponseMessage answer = await client.SendAsync(request);
        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal(TestServer.Page, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Fast_doors_stand_side_by_side_on_one_endpoint()
    {
        var first = new EchoEntrance();
        var second = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(
            Door.Fast,
            isSecure: false,
            services =>
            {
                first.AddTo(services);
                second.AddTo(services, "second");
            },
            listen: endpoint => endpoint.UsePipeWs("/second", "second"));
        string handshake = RawPeer.Handshake("GET /second HTTP/1.1");
        foreach (int cut in new[] { 2, 8, 30, handshake.Length })
        {
            await using RawPeer peer = await server.ConnectAsync();
            await peer.SendAsync(handshake[..cut]);
            await peer.SendAsync(Encoding.Latin1.GetBytes(handshake[cut..]).Concat(RawPeer.Frame(Opcode.Text, "x"u8)).ToArray());
            Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
            Assert.Equal("x", (await peer.ReadFrameAsync()).Text);
            await second.NextAsync();
        }

        await using RawPeer other = await server.ConnectAsync();
        await other.UpgradeAsync();
        await first.NextAsync();
        using HttpClient client = server.CreateHttpClient();
        Assert.Equal(TestServer.Page, await client.GetStringAsync("/page"));
    }

    [Fact]
    public async Task Handler_door_finds_the_hub_by_its_path()
    {
        var any = new EchoEntrance();
        var second = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(
            Door.Handler,
            isSecure: false,
            services =>
            {
                any.AddTo(services, options: o => o.HandlerPaths.Add("/ws"));
                second.AddTo(services, "second", o => o.HandlerPaths.Add("/second"));
            });
        await using RawPeer first = await server.ConnectAsync();
        await first.UpgradeAsync();
        await any.NextAsync();
        await using RawPeer other = await server.ConnectAsync();
        await other.UpgradeAsync(RawPeer.Handshake("GET /second?x HTTP/1.1"));
        await second.NextAsync();
        using var meter = new MeterRecorder(server.App.Services);
        await using RawPeer lost = await server.ConnectAsync();
        await lost.SendAsync(RawPeer.Handshake("GET /third HTTP/1.1"));
        Assert.Equal(404, (await lost.ReadAnswerAsync()).StatusCode);
        await lost.AssertClosedAsync();
        await using RawPeer refused = await server.ConnectAsync();
        await refused.SendAsync(RawPeer.Handshake("GET /second HTTP/1.1", more: "Origin: https://elsewhere.example"));
        Assert.Equal(403, (await refused.ReadAnswerAsync()).StatusCode);
        Assert.Equal(["", "second"], meter.Recorded("pipews.server.handshake.refusals").Select(static refusal => refusal.Tags["pipews.hub"]));
    }

    [Fact]
    public async Task Handler_door_without_paths_serves_any()
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(Door.Handler, isSecure: false, services => entrance.AddTo(services));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync(RawPeer.Handshake("GET /any/where HTTP/1.1"));
        Assert.Equal("/any/where", (await entrance.NextAsync()).Path);
    }

    [Theory]
    [InlineData(Door.Mapped)]
    [InlineData(Door.MappedH2)]
    public async Task Mapped_door_works_on_the_transports_pipe_on_HTTP_1_and_never_on_HTTP_2(Door door)
    {
        IConnectionTransportFeature? transport = null;
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => entrance.AddTo(services), app: app => app.Use((context, next) =>
        {
            transport = context.Features.Get<IConnectionTransportFeature>();
            return next(context);
        }));
        using ClientWebSocket socket = await server.OpenAsync();
        AcceptedConnection connection = await entrance.NextAsync();
        Assert.NotNull(transport);
        Assert.Equal(door == Door.Mapped, ReferenceEquals(transport.Transport, connection.Transport));
    }

    [Fact]
    public async Task Mapped_door_uses_the_stream_of_an_upgrade_that_is_not_Kestrels()
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(Door.Mapped, isSecure: false, services => entrance.AddTo(services), app: app => app.Use((context, next) =>
        {
            context.Features.Set<IHttpUpgradeFeature>(new OtherUpgrade(context.Features.Get<IHttpUpgradeFeature>()!));
            return next(context);
        }));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync();
        await peer.SendFrameAsync(Opcode.Text, "over the stream"u8);
        Assert.Equal("over the stream", (await peer.ReadFrameAsync()).Text);
    }

    [Theory]
    [InlineData(Door.Mapped)]
    [InlineData(Door.MappedH2)]
    public async Task Mapped_door_carries_the_applications_user(Door door)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => entrance.AddTo(services), app: app => app.Use((context, next) =>
        {
            context.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim("sub", "u1")], "test"));
            return next(context);
        }));
        using ClientWebSocket socket = await server.OpenAsync();
        Assert.Equal("u1", (await entrance.NextAsync()).UserId);
    }

    [Theory]
    [InlineData(Door.Mapped)]
    [InlineData(Door.MappedH2)]
    public async Task Mapped_door_outlives_the_limits_of_request_bodies(Door door)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure: false, services => entrance.AddTo(services), kestrel: options =>
        {
            options.Limits.MaxRequestBodySize = 1000;
            options.Limits.MinRequestBodyDataRate = new MinDataRate(1e9, TimeSpan.FromSeconds(1.5));
            options.Limits.MinResponseDataRate = new MinDataRate(1e9, TimeSpan.FromSeconds(1.5));
        });
        using ClientWebSocket socket = await server.OpenAsync();
        await AssertEchoesAsync(socket, new byte[200_000]);
        AcceptedConnection connection = await entrance.NextAsync();

        // Longer than the grace period and a beat of Kestrel's heartbeat: silence is what is tested here.
        var ended = new TaskCompletionSource();
        using CancellationTokenRegistration end = connection.TransportClosed.UnsafeRegister(static state => ((TaskCompletionSource)state!).SetResult(), ended);
        await Assert.ThrowsAsync<TimeoutException>(() => ended.Task.WaitAsync(TimeSpan.FromSeconds(4)));
        await AssertEchoesAsync(socket, "still here"u8.ToArray());
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Tells_the_hub_when_the_peer_is_gone(Door door, bool isSecure)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure, services => entrance.AddTo(services));
        ClientWebSocket socket = await server.OpenAsync();
        AcceptedConnection connection = await entrance.NextAsync();
        socket.Abort();
        socket.Dispose();
        await entrance.ReleasedAsync();
        Assert.Equal(0, entrance.Places);
        connection.Abort();
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Aborts(Door door, bool isSecure)
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await TestServer.StartAsync(door, isSecure, services => entrance.AddTo(services));
        using ClientWebSocket socket = await server.OpenAsync();
        AcceptedConnection connection = await entrance.NextAsync();
        var closed = new TaskCompletionSource();
        using CancellationTokenRegistration end = connection.TransportClosed.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), closed);

        connection.Abort(new InvalidOperationException("enough"));

        await closed.Task.WaitAsync(RawPeer.Patience);
        await Assert.ThrowsAsync<WebSocketException>(async () =>
        {
            using var patience = new CancellationTokenSource(RawPeer.Patience);
            WebSocketReceiveResult result = await socket.ReceiveAsync(new byte[10], patience.Token);
            Assert.Fail($"received {result.MessageType}");
        });
        await entrance.ReleasedAsync();
    }

    [Theory]
    [MemberData(nameof(AllDoors))]
    public async Task Asks_connections_to_end_when_the_application_stops(Door door, bool isSecure)
    {
        var entrance = new EchoEntrance();
        TestServer server = await TestServer.StartAsync(door, isSecure, services => entrance.AddTo(services));
        using ClientWebSocket socket = await server.OpenAsync();
        Task stopped = server.DisposeAsync().AsTask();
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        WebSocketReceiveResult close = await socket.ReceiveAsync(new byte[10], patience.Token);
        Assert.Equal(WebSocketMessageType.Close, close.MessageType);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, close.CloseStatus);
        await entrance.ReleasedAsync();
        await stopped;
    }

    internal static async Task AssertEchoesAsync(ClientWebSocket socket, byte[] payload)
    {
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        await socket.SendAsync(payload, WebSocketMessageType.Binary, true, patience.Token);
        var received = new byte[payload.Length];
        int length = 0;
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(new ArraySegment<byte>(received, length, received.Length - length), patience.Token);
            length += result.Count;
        }
        while (!result.EndOfMessage);
        Assert.Equal(payload, received);
    }

    private sealed class OtherUpgrade(IHttpUpgradeFeature inner) : IHttpUpgradeFeature
    {
        public bool IsUpgradableRequest => inner.IsUpgradableRequest;

        public Task<Stream> UpgradeAsync() => inner.UpgradeAsync();
    }
}
