using System.Collections.Concurrent;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Identity;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>From the handshake's answer until a connection is found, heard and served.</summary>
public sealed class OpeningTests
{
    private readonly ConcurrentQueue<string> _calls = new();
    private readonly ManualTimeProvider _clock = new(Tokens.Start);

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Whoever_has_read_the_welcome_is_found_by_its_users_name(Door door, bool isSecure)
    {
        foreach (Action<IPipeWsBuilder> build in (Action<IPipeWsBuilder>[])
        [
            static _ => { },
            static builder => builder.OnConnect(static _ => WsDecision.Allow),
            static builder => builder.UseLogging().UseConnectionFilter(static async (connection, next) => await next(connection)).OnConnect(static _ => WsDecision.Allow),
        ])
        {
            await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false, build: builder => build(builder.UseStaticTokens(Users)));
            for (int i = 0; i < 20; i++)
            {
                await using RawPeer peer = await server.OpenAsync(Tokens.Handshake("ann-token"));
                Assert.Single(server.Hub.UserConnections("ann"));
                await server.Hub.User("ann").SendTextAsync($"hello {i}");
                await server.Hub.All.SendTextAsync($"to all {i}");
                Assert.Equal($"hello {i}", await peer.ReadTextAsync());
                Assert.Equal($"to all {i}", await peer.ReadTextAsync());
                await peer.CloseAsync();
                await server.AssertConnectionsAsync(0);
                Assert.Empty(server.Hub.UserConnections("ann"));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task What_came_with_the_handshake_is_handled_after_the_hook_and_the_welcome(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false, build: builder => builder
            .UseLogging()
            .OnConnect(connection =>
            {
                _calls.Enqueue("asked");
                return WsDecision.Allow;
            })
            .MapAction("note", context =>
            {
                _calls.Enqueue("handled");
                return default;
            }));
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync([.. System.Text.Encoding.ASCII.GetBytes(RawPeer.Handshake()), .. RawPeer.Frame(Opcode.Text, """{"id":"1","action":"note"}"""u8.ToArray())]);
        Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
        Assert.Contains("welcome", await peer.ReadTextAsync(), StringComparison.Ordinal);
        Assert.Equal("""{"id":"1","type":"ack"}""", await peer.ReadTextAsync());
        Assert.Equal(["asked", "handled"], _calls);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Under_first_message_authentication_the_hook_is_asked_once_it_is_known_who_it_is(Door door, bool isSecure)
    {
        var allow = new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await FirstMessageAsync(door, isSecure, builder => builder
            .OnConnect(async connection =>
            {
                _calls.Enqueue($"connect {connection.UserId}");
                Assert.True((await connection.JoinAsync("lobby")).IsMember);
                await connection.SendTextAsync("from the hook");
                return await allow.Task;
            })
            .OnDisconnect(Disconnected));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SettleAsync();
        Assert.Empty(_calls);

        await peer.SendTextAsync(Tokens.Auth(Tokens.User("ann")));
        Assert.Equal("from the hook", await peer.ReadTextAsync());
        Assert.Empty(server.Hub.UserConnections("ann"));
        await server.Hub.All.SendTextAsync("too early");
        allow.SetResult(WsDecision.Allow);
        Assert.Equal("""{"id":"1","type":"ack"}""", await peer.ReadTextAsync());
        await server.Hub.User("ann").SendTextAsync("to ann");
        Assert.Equal("to ann", await peer.ReadTextAsync());

        await peer.AskAsync(Tokens.Auth(Tokens.User("ann", 120), "2"), """{"id":"2","type":"ack"}""");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["connect ann", "disconnect ann 1000"], _calls);
    }

    [Fact]
    public async Task A_refusal_after_first_message_authentication_closes_without_an_answer_and_leaves_nothing()
    {
        await using HubServer server = await FirstMessageAsync(
            Door.Fast, false, builder => builder.OnConnect(connection => connection.UserId == "bob" ? WsDecision.Refuse("not you", 4003) : WsDecision.Allow).OnDisconnect(Disconnected), limit: 1);
        await using (RawPeer bob = await server.OpenAsync())
        {
            await bob.SendTextAsync(Tokens.Auth(Tokens.User("bob")));
            Assert.Equal("not you", (await bob.ReadCloseAsync(4003)).Text[2..]);
        }

        await server.AssertConnectionsAsync(0);
        Assert.Equal(["disconnect bob 4003"], _calls);
        Assert.Equal((0, 0), (server.Hub.PerUser.Keys, server.Hub.UserConnections("bob").Count));
        await using RawPeer ann = await server.OpenAsync();
        await ann.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"ack"}""");
    }

    [Fact]
    public async Task Neither_hook_hears_of_a_connection_that_never_says_who_it_is()
    {
        await using HubServer server = await FirstMessageAsync(Door.Fast, false, builder => builder
            .OnConnect(connection =>
            {
                _calls.Enqueue("connect");
                return WsDecision.Allow;
            })
            .OnDisconnect(Disconnected));
        await using RawPeer peer = await server.OpenAsync();
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Empty(_calls);
    }

    [Theory]
    [InlineData("filter")]
    [InlineData("hook")]
    [InlineData("hook after the first message")]
    public async Task Code_that_hangs_before_a_connection_is_served_keeps_its_place_no_longer_than_the_handshake_timeout(string what)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hangs = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        async Task Hang()
        {
            reached.SetResult();
            await hangs.Task;
        }

        Action<IPipeWsBuilder> build = builder => _ = what == "filter"
            ? builder.UseConnectionFilter((_, _) => Hang())
            : builder.OnConnect(async _ =>
            {
                await Hang();
                return WsDecision.Allow;
            });
        void Errors(IPipeWsBuilder builder) => builder.OnError(error =>
        {
            _calls.Enqueue($"{error.Source} {error.Exception.GetType().Name}");
            return default;
        });
        build += Errors;
        await using HubServer server = what == "hook after the first message"
            ? await FirstMessageAsync(Door.Fast, false, build)
            : await HubServer.JsonAsync(hasBystander: false, clock: _clock, build: build);
        await using RawPeer peer = await server.OpenAsync();
        if (what == "hook after the first message")
        {
            await peer.SendTextAsync(Tokens.Auth(Tokens.User("ann")));
        }

        await reached.Task.Soon();
        await _clock.WhenTimerIsSetAsync(TimeSpan.FromSeconds(10));
        _clock.Advance(TimeSpan.FromSeconds(10));
        await peer.ReadCloseAsync(1011);
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xF3]);
        await server.AssertConnectionsAsync(0);
        Assert.Equal([$"{(what == "filter" ? "ConnectionFilter" : "ConnectHook")} TimeoutException"], _calls);
        Assert.Equal(1, server.Hub.Counters.HookFailures);
        Assert.Empty(server.Hub.UserConnections("ann"));
        hangs.SetResult();
    }

    private static Dictionary<string, string> Users => new() { ["ann-token"] = "ann" };

    private Task<HubServer> FirstMessageAsync(Door door, bool isSecure, Action<IPipeWsBuilder> build, int limit = 0) => HubServer.JsonAsync(
        door,
        isSecure,
        options =>
        {
            options.Authentication.Mode = WsAuthenticationMode.FirstMessage;
            options.MaxConnectionsPerUser = limit;
        },
        builder => build(builder.UseJwtBearer(Tokens.Configure)),
        _clock,
        hasBystander: false);

    private ValueTask Disconnected(IWsConnection connection, WsCloseInfo info)
    {
        _calls.Enqueue($"disconnect {connection.UserId} {info.Code}");
        return default;
    }
}
