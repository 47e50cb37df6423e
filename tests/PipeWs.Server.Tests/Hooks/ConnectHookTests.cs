using System.Collections.Concurrent;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hooks;

public sealed class ConnectHookTests
{
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_refused_connection_is_closed_with_1008_and_the_reason_after_its_welcome(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder
            .OnConnect(connection => IsMarked(connection) ? WsDecision.Refuse("members only") : WsDecision.Allow)
            .OnDisconnect(Disconnected));
        await using RawPeer peer = await server.OpenAsync(Marked);

        RawFrame close = await peer.ReadCloseAsync(1008);

        Assert.Equal("members only", close.Text[2..]);
        await peer.SendFrameAsync(PipeWs.Protocol.Framing.Opcode.Close, close.Payload);
        await server.AssertUndisturbedAsync();
        Assert.Equal(["1008 Local True"], _calls);
    }

    [Fact]
    public async Task Hooks_are_asked_in_order_and_none_after_the_first_refusal()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnConnect(_ => Say("a", WsDecision.Allow))
            .OnConnect(async _ =>
            {
                await Task.Yield();
                return await Say("b", WsDecision.Refuse("no", 4003));
            })
            .OnConnect(_ => Say("c", WsDecision.Refuse("never asked"))));
        await using RawPeer peer = await server.OpenAsync();
        await peer.ReadCloseAsync(4003);
        Assert.Equal(["a", "b"], _calls);
    }

    [Theory]
    [InlineData("throw")]
    [InlineData("throw later")]
    [InlineData("a code that no close frame may carry")]
    public async Task A_hook_that_fails_refuses_with_1011_and_is_told_of(string how)
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnConnect(async _ =>
            {
                if (how == "throw later")
                {
                    await Task.Yield();
                }

                return how.StartsWith("throw", StringComparison.Ordinal) ? throw new InvalidOperationException("secret") : WsDecision.Refuse("no", 403);
            })
            .OnError(error =>
            {
                _calls.Enqueue($"{error.Source}");
                return default;
            })
            .OnDisconnect(Disconnected));
        await using RawPeer peer = await server.OpenAsync();
        RawFrame close = await peer.ReadCloseAsync(1011);
        Assert.Equal("internal error", close.Text[2..]);
        await peer.SendFrameAsync(PipeWs.Protocol.Framing.Opcode.Close, close.Payload);
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["ConnectHook", "1011 Local True"], _calls);
        Assert.Contains(server.Server.Log.PipeWs, line => line.Id.Id == 2100);
        Assert.Equal(1, server.Hub.Counters.HookFailures);
    }

    [Fact]
    public async Task Nothing_of_a_connection_is_handled_and_nobody_reaches_it_before_its_hook_has_allowed_it()
    {
        var allow = new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new TaskCompletionSource<IWsConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder.OnConnect(connection =>
        {
            if (!IsMarked(connection))
            {
                return WsDecision.Allow;
            }

            asked.SetResult(connection);
            return new ValueTask<WsDecision>(allow.Task);
        }));
        await using RawPeer peer = await server.OpenAsync(Marked);
        IWsConnection connection = await asked.Task.Soon();
        await peer.SendTextAsync("""{"id":"1","action":"echo","data":1}""");

        // Once it is answered it hears what is sent to all.
        await server.AssertDoesNotHearAsync();
        await server.Hub.All.SendTextAsync("to all");
        Assert.Equal("to all", await server.Bystander!.ReadTextAsync());
        await connection.SendTextAsync("hello");
        Assert.True((await connection.JoinAsync("lobby")).IsMember);

        Assert.Equal("hello", await peer.ReadTextAsync());
        allow.SetResult(WsDecision.Allow);
        Assert.Equal("""{"id":"1","type":"echo","data":1}""", await peer.ReadTextAsync());
        await server.Hub.All.SendTextAsync("to all again");
        Assert.Equal("to all again", await peer.ReadTextAsync());
    }

    [Fact]
    public async Task A_hook_that_hangs_holds_up_its_own_connection_alone_and_lets_it_go_when_the_peer_goes()
    {
        var clock = new ManualTimeProvider();
        var asked = new TaskCompletionSource<IWsConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        int messages = 0;
        await using HubServer server = await HubServer.JsonAsync(clock: clock, configure: static options => options.PingInterval = Timeout.InfiniteTimeSpan, build: builder => builder
            .OnConnect(connection =>
            {
                if (!IsMarked(connection))
                {
                    return WsDecision.Allow;
                }

                asked.SetResult(connection);
                return new ValueTask<WsDecision>(new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously).Task);
            })
            .OnMessage(context =>
            {
                messages += context.Connection == asked.Task.Result ? 1 : 0;
                return WsDecision.Allow;
            })
            .OnDisconnect(Disconnected));
        await using RawPeer peer = await server.OpenAsync(Marked);
        IWsConnection connection = await asked.Task.Soon();
        await peer.SendTextAsync("""{"id":"1","action":"echo","data":1}""");
        await server.AssertDoesNotHearAsync();

        peer.Reset();
        await Conditions.UntilAsync(() => connection.ConnectionClosed.IsCancellationRequested, "the connection hears that its peer is gone");
        await Conditions.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                return server.Hub.ConnectionCount == 1;
            },
            "the hook is left behind");
        await server.AssertConnectionsAsync(1);
        Assert.Equal(0, messages);
        Assert.Single(_calls);
        Assert.Contains(server.Server.Log.PipeWs, line => line.Id.Id == 2104);
    }

    [Fact]
    public async Task The_end_is_told_once_to_all_hooks_whatever_one_of_them_throws()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnDisconnect((_, _) => throw new InvalidOperationException())
            .OnDisconnect(async (_, _) =>
            {
                await Task.Yield();
                throw new InvalidOperationException();
            })
            .OnDisconnect(Disconnected)
            .OnError(error =>
            {
                _calls.Enqueue($"{error.Source}");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("lobby");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["DisconnectHook", "DisconnectHook", "1000 Remote True"], _calls);
    }

    [Fact]
    public async Task When_the_end_is_told_the_connection_is_in_no_list_and_no_room()
    {
        var seen = new TaskCompletionSource<string>();
        HubServer? started = null;
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder.OnDisconnect((connection, _) =>
        {
            seen.SetResult($"{started!.Hub.ConnectionCount} {connection.Rooms.Count} {started.Hub.Rooms.Count()} {connection.Closed.IsCompletedSuccessfully}");
            return default;
        }));
        started = server;
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("lobby");
        peer.Reset();
        Assert.Equal("0 0 0 True", await seen.Task.Soon());
    }

    // The bystander's hook may be asked after its welcome was read: what a test says of its own peer must not meet it.
    private static string Marked => RawPeer.Handshake("GET /ws?marked HTTP/1.1");

    private static bool IsMarked(IWsConnection connection) => connection.Query == "?marked";

    private ValueTask<WsDecision> Say(string what, WsDecision decision)
    {
        _calls.Enqueue(what);
        return decision;
    }

    private ValueTask Disconnected(IWsConnection connection, WsCloseInfo info)
    {
        _calls.Enqueue($"{info.Code} {info.Initiator} {info.WasClean}");
        return default;
    }
}
