using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Testing.Tests.Hosting;

public sealed class WsTestServerTests
{
    [Fact]
    public async Task A_peer_talks_to_a_hub_without_a_socket()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.MapAction("say", static context =>
        {
            context.Hub.Room("lobby").Publish(context.Body);
            return default;
        }));
        await using WsTestPeer ann = await server.ConnectAsync();
        await using WsTestPeer bob = await server.ConnectAsync();

        WsTestMessage ack = await ann.SubscribeAsync("lobby");
        await bob.SendActionAsync("say", """{"text":"hello"}""");
        WsTestMessage message = await ann.ExpectRoomMessageAsync("lobby");

        Assert.Equal(0, ack.SequenceNumber);
        Assert.Equal(1, message.SequenceNumber);
        Assert.Equal("hello", message.Data.GetProperty("text").GetString());
        await bob.ExpectNothingAsync();
        Assert.Equal(2, server.Hub.ConnectionCount);
        Assert.Equal(ann.Welcome!.Id, ann.Connection.Id);
    }

    [Fact]
    public async Task A_refused_handshake_is_an_answer_with_status_headers_and_body()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });

        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions { Origin = "https://evil.example" });

        Assert.False(answer.IsAccepted);
        Assert.Equal(403, answer.StatusCode);
        Assert.Equal("close", answer.Headers["connection"]);
        Assert.NotEqual("", answer.Body);
        WsHandshakeRefusedException refused = await Assert.ThrowsAsync<WsHandshakeRefusedException>(() => server.ConnectAsync(new WsTestConnectOptions { Origin = "https://evil.example" }));
        Assert.Equal(403, refused.Answer!.StatusCode);
        Assert.Equal(0, server.Hub.ConnectionCount);
    }

    [Fact]
    public async Task Limits_on_connections_hold_with_the_handshake_and_past_it()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { }, static options => options.MaxConnections = 1);
        WsTestPeer first = await server.ConnectAsync();

        Assert.Equal(503, (await server.HandshakeAsync()).StatusCode);
        Assert.Equal(503, (await server.HandshakeAsync(new WsTestConnectOptions { UserId = "ann" })).StatusCode);

        await first.CloseAsync();
        await server.WaitUntilIdleAsync();
        await using WsTestPeer second = await server.ConnectAsync("ann");
        Assert.Equal("ann", second.Connection.UserId);
    }

    [Fact]
    public async Task A_user_past_the_handshake_counts_against_the_limit_of_users()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { }, static options => options.MaxConnectionsPerUser = 1);
        WsTestPeer first = await server.ConnectAsync("ann");

        WsHandshakeAnswer refused = await server.HandshakeAsync(new WsTestConnectOptions { UserId = "ann" });
        await using WsTestPeer bob = await server.ConnectAsync("bob");

        Assert.Equal(503, refused.StatusCode);
        Assert.Contains("MaxConnectionsPerUser", refused.Body, StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, static line => line.Text.Contains("MaxConnectionsPerUser", StringComparison.Ordinal));
        Assert.Equal(2, server.Hub.ConnectionCount);
        await first.CloseAsync();
        await server.WaitUntilIdleAsync();
        await using WsTestPeer second = await server.ConnectAsync("ann");
        Assert.Equal("ann", second.Connection.UserId);
    }

    [Fact]
    public async Task Who_says_later_who_he_is_counts_against_the_limit_of_users_too()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(
            static hub => hub.UseStaticTokens(new Dictionary<string, string> { ["t0ken"] = "ann" }),
            static options =>
            {
                options.MaxConnectionsPerUser = 1;
                options.Authentication.Mode = WsAuthenticationMode.Optional;
            });
        await using WsTestPeer nobody = await server.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = true });
        await using WsTestPeer ann = await server.ConnectAsync("ann");

        await nobody.SendTextAsync("""{"type":"auth","token":"t0ken"}""");

        await nobody.UntilCloseAsync(3013);
        Assert.Equal("pong", (await ann.RequestAsync("ping")).Type);
    }

    [Fact]
    public async Task The_policies_of_a_hub_judge_a_user_past_the_handshake()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(
            static hub => hub.RequireAuthorization(new AuthorizationPolicyBuilder().RequireUserName("ann").Build()),
            static options => options.MaxConnections = 1,
            static services => services.AddAuthorization());

        WsHandshakeAnswer forbidden = await server.HandshakeAsync(new WsTestConnectOptions { User = Named("bob") });
        WsHandshakeAnswer unknown = await server.HandshakeAsync(new WsTestConnectOptions { User = new ClaimsPrincipal(new ClaimsIdentity()) });

        Assert.Equal(403, forbidden.StatusCode);
        Assert.Contains("insufficient_scope", forbidden.Headers["www-authenticate"], StringComparison.Ordinal);
        Assert.Equal(401, unknown.StatusCode);
        Assert.Equal(2, server.Hub.GetStatistics().AuthenticationRefusals);
        await using WsTestPeer ann = await server.ConnectAsync(new WsTestConnectOptions { User = Named("ann") });
        Assert.Equal("ann", ann.Connection.User.Identity!.Name);

        static ClaimsPrincipal Named(string name) => new(new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], "test"));
    }

    [Fact]
    public async Task Who_connects_and_how_comes_to_the_hub()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { }, static options => options.Subprotocols.Add("v2.desk"));
        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions { Path = "/desk", Query = "room=1", Subprotocols = { "v1.desk", "v2.desk" } });

        IWsConnection connection = answer.Peer!.Connection;

        Assert.Equal("/desk", connection.Path);
        Assert.Equal("?room=1", connection.Query);
        Assert.Equal("v2.desk", connection.Subprotocol);
        Assert.Equal("v2.desk", answer.Subprotocol);
        Assert.Equal(server.Clock.UtcNow, connection.ConnectedAt);
    }

    [Fact]
    public async Task A_malformed_request_gets_the_doors_own_answer()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });

        WsHandshakeAnswer answer = await server.HandshakeAsync(new WsTestConnectOptions
        {
            Request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        });

        Assert.Equal(426, answer.StatusCode);
        Assert.Equal("13", answer.Headers["Sec-WebSocket-Version"]);
    }

    [Fact]
    public async Task Several_hubs_are_found_by_their_names()
    {
        await using WsTestServer server = await WsTestServer.StartAsync(static services =>
        {
            services.AddPipeWs();
            services.AddPipeWs("echo").OnText(static context => context.Connection.SendAsync(context.Payload, context.Type));
        });
        await using WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { Hub = "echo" });

        await peer.SendTextAsync("hello");
        await peer.ExpectTextAsync("hello");

        Assert.Equal(1, server.GetHub("echo").ConnectionCount);
        Assert.Equal(0, server.Hub.ConnectionCount);
        Assert.Throws<InvalidOperationException>(() => server.GetHub("none"));
    }

    [Fact]
    public async Task Options_are_validated_as_in_a_real_application()
    {
        await Assert.ThrowsAnyAsync<Exception>(() => WsTestServer.StartHubAsync(static _ => { }, static options => options.MaxMessageBytes = -1));
    }

    [Fact]
    public async Task Stopping_closes_with_1001()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync();

        await server.StopAsync(TestContext.Current.CancellationToken);

        await peer.ExpectCloseAsync(1001);
        await peer.Ended;
    }

    [Fact]
    public async Task A_handler_that_hangs_does_not_hold_up_the_end_of_a_test()
    {
        var hangs = new TaskCompletionSource();
        WsTestServer server = await WsTestServer.StartHubAsync(hub => hub.MapAction("hang", _ => new ValueTask(hangs.Task)));
        server.HandlerPatience = TimeSpan.FromMilliseconds(20);
        WsTestPeer peer = await server.ConnectAsync();
        await peer.SendActionAsync("hang");

        await server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        hangs.SetResult();
        Assert.True(peer.HasEnded);
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_holds_a_stop_up_until_the_clock_comes_to_the_timeout()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { AnswersClose = false });

        Task stopped = server.StopAsync(TestContext.Current.CancellationToken);
        await peer.ExpectCloseAsync(1001);
        Assert.False(stopped.IsCompleted);
        await server.AdvanceAsync(TimeSpan.FromSeconds(6));

        await stopped;
        await peer.Ended;
    }

    [Fact]
    public async Task Messages_to_many_peers_have_come_when_all_is_quiet()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        var peers = new List<WsTestPeer>();
        for (int i = 0; i < 300; i++)
        {
            WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = true });
            await peer.SubscribeAsync("news");
            peers.Add(peer);
        }

        for (int i = 0; i < 10; i++)
        {
            server.Hub.Room("news").Publish("1"u8.ToArray());
        }

        await server.WaitUntilIdleAsync();

        Assert.All(peers, static peer => Assert.Equal(10, peer.WaitingFrames));
    }

    [Fact]
    public async Task A_message_byte_by_byte_is_a_message()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.OnText(static context => context.Connection.SendAsync(context.Payload, context.Type)));
        WsTestPeer peer = await server.ConnectAsync();

        await peer.SendBytesAsync(peer.Encode(WsRawFrame.Text("hel", fin: false), WsRawFrame.Continuation("lo"u8.ToArray())), chunkBytes: 1);

        await peer.ExpectTextAsync("hello");
    }

    [Fact]
    public async Task A_running_application_is_reached_by_its_services()
    {
        var clock = new WsTestClock();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting().AddPipeWs();
        builder.Services.AddPipeWsTestServer(clock);
        await using WebApplication app = builder.Build();
        app.MapPipeWs("/ws");
        await app.StartAsync(TestContext.Current.CancellationToken);

        await using WsTestPeer ann = await app.Services.ConnectPipeWsAsync(new WsTestConnectOptions { UserId = "ann" });
        WsTestServer server = app.Services.GetRequiredService<WsTestServer>();
        await server.AdvanceAsync(TimeSpan.FromMinutes(5));

        Assert.Equal("ann", ann.Connection.UserId);
        Assert.Equal("pong", (await ann.RequestAsync("ping")).Type);
        Assert.Same(clock, server.Clock);
        Assert.Throws<InvalidOperationException>(() => WsTestServer.For(new ServiceCollection().BuildServiceProvider()));
    }

    [Fact]
    public async Task An_application_on_its_own_clock_is_reached_too()
    {
        using ServiceProvider services = new ServiceCollection().AddPipeWs().Services.BuildServiceProvider();
        await using WsTestPeer peer = await services.ConnectPipeWsAsync();
        await using WsTestServer server = WsTestServer.For(services);

        Assert.Equal("pong", (await peer.RequestAsync("ping")).Type);
        Assert.Throws<InvalidOperationException>(() => server.Clock);
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.StopAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_failure_quotes_the_servers_log()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.MapAction("break", static _ => throw new InvalidOperationException("out of paper")));
        WsTestPeer peer = await server.ConnectAsync();

        await peer.SendActionAsync("break");
        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => peer.ExpectAsync("done"));

        Assert.Contains("The server's end waits for this peer.", failure.Message, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: out of paper", failure.Message, StringComparison.Ordinal);
        Assert.Single(server.Log.Problems);
    }
}
