using System.Collections.Concurrent;
using PipeWs.Server.Rooms;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hooks;

public sealed class RoomHookTests
{
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_refused_join_is_answered_with_403_and_the_topic_whoever_asked_for_it(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder
            .OnJoinRoom((_, room) => Say(room, room.StartsWith("secret", StringComparison.Ordinal) ? WsDecision.Refuse("members only") : WsDecision.Allow))
            .OnJoinRoom(async (_, room) =>
            {
                await Task.Yield();
                return room == "paid" ? WsDecision.Refuse("pay first", 402) : WsDecision.Allow;
            }));
        (RawPeer peer, Server.Hubs.HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;

        await peer.AskAsync("""{"id":"1","type":"subscribe","topic":"secret"}""", """{"id":"1","type":"error","code":403,"topic":"secret","data":"members only"}""");
        await peer.AskAsync("""{"id":"2","type":"subscribe","topic":"paid"}""", """{"id":"2","type":"error","code":402,"topic":"paid","data":"pay first"}""");
        Assert.Equal(new WsJoinResult(WsJoinStatus.Refused, "", 0, null, "members only") { Code = 403 }, await connection.JoinAsync("secret 2"));
        Assert.Equal(402, (await connection.JoinAsync("paid")).Code);
        Assert.Empty(connection.Rooms);
        Assert.Empty(server.Hub.Rooms);

        await peer.SubscribeAsync("lobby");
        Assert.Equal(WsJoinStatus.Joined, (await connection.JoinAsync("open")).Status);
        Assert.Equal(["secret", "paid", "secret 2", "paid", "lobby", "open"], _calls);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Fact]
    public async Task The_hook_is_not_asked_about_what_is_decided_already()
    {
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false,
            configure: static options => options.MaxRoomsPerConnection = 1,
            build: builder => builder
                .ConfigureRooms("hidden", static room => room.Subscribable = false)
                .OnJoinRoom((_, room) => Say(room, WsDecision.Allow)));
        (RawPeer peer, Server.Hubs.HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;

        await peer.SubscribeAsync("lobby");
        await peer.SubscribeAsync("lobby");
        Assert.Equal(WsJoinStatus.AlreadyMember, (await connection.JoinAsync("lobby")).Status);
        Assert.Equal(WsJoinStatus.TooManyRooms, (await connection.JoinAsync("other")).Status);
        Assert.Equal(WsJoinStatus.InvalidName, (await connection.JoinAsync(new string('é', 128))).Status);
        await peer.AskAsync("""{"id":"1","type":"subscribe","topic":"hidden"}""", """{"id":"1","type":"error","code":400,"topic":"hidden","data":"there is no such topic to subscribe to"}""");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(WsJoinStatus.Closed, (await connection.JoinAsync("late")).Status);
        Assert.Equal(["lobby"], _calls);
    }

    [Fact]
    public async Task A_join_hook_that_fails_refuses_with_500()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnJoinRoom((_, room) => throw new InvalidOperationException("secret"))
            .OnError(error =>
            {
                _calls.Enqueue($"{error.Source} {error.Room}");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","type":"subscribe","topic":"lobby"}""", """{"id":"1","type":"error","code":500,"topic":"lobby","data":"internal error"}""");
        Assert.Equal(["JoinRoomHook lobby"], _calls);
        Assert.Empty(server.Hub.Rooms);
    }

    [Fact]
    public async Task What_is_published_while_the_hook_decides_is_before_the_answers_head_and_nothing_after_is_missed()
    {
        var decided = new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .ConfigureRooms("feed", static room => room.HistoryMessages = 10)
            .OnJoinRoom((_, _) =>
            {
                asked.SetResult();
                return new ValueTask<WsDecision>(decided.Task);
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","type":"subscribe","topic":"feed"}""");
        await asked.Task.Soon();
        Assert.Equal(1, server.Hub.Room("feed").Publish("1"u8.ToArray()));
        decided.SetResult(WsDecision.Allow);

        Assert.Equal(1, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        Assert.Equal(2, server.Hub.Room("feed").Publish("2"u8.ToArray()));
        Assert.Equal(2, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task Two_joins_of_one_room_that_are_decided_at_once_make_one_membership()
    {
        var decided = new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var hub = new TestHub(register: registration => registration.JoinRoomHooks.Add((_, _) => new ValueTask<WsDecision>(decided.Task)));
        await using var peer = new HookedPeer(hub.Hub);

        Task<WsJoinResult> first = peer.Connection.JoinAsync("lobby").AsTask();
        Task<WsJoinResult> second = peer.Connection.JoinAsync("lobby").AsTask();
        decided.SetResult(WsDecision.Allow);

        WsJoinStatus[] statuses = [(await first.Soon()).Status, (await second.Soon()).Status];
        Assert.Equal([WsJoinStatus.Joined, WsJoinStatus.AlreadyMember], statuses.Order());
        Assert.Equal(1, hub.Hub.Room("lobby").MemberCount);
    }

    [Fact]
    public async Task A_join_that_is_cancelled_while_the_hook_decides_does_not_join()
    {
        var decided = new TaskCompletionSource<WsDecision>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var hub = new TestHub(register: registration => registration.JoinRoomHooks.Add((_, _) => new ValueTask<WsDecision>(decided.Task)));
        await using var peer = new HookedPeer(hub.Hub);
        using var cancel = new CancellationTokenSource();

        Task<WsJoinResult> join = peer.Connection.JoinAsync("lobby", default, cancel.Token).AsTask();
        await cancel.CancelAsync();
        decided.SetResult(WsDecision.Allow);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => join);
        Assert.Empty(peer.Connection.Rooms);
    }

    [Fact]
    public async Task Every_way_of_leaving_is_told_once_after_it()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnLeaveRoom(left => throw new InvalidOperationException())
            .OnLeaveRoom(async left =>
            {
                await Task.Yield();
                _calls.Enqueue($"{left.Room} {left.Members} {left.Connection.Rooms.Contains(left.Room)}");
            })
            .OnError(error =>
            {
                Assert.Equal(WsErrorSource.LeaveRoomHook, error.Source);
                return default;
            }));
        (RawPeer peer, Server.Hubs.HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        foreach (string room in (string[])["a", "b", "c", "d"])
        {
            await peer.SubscribeAsync(room);
        }

        await peer.AskAsync("""{"id":"1","type":"unsubscribe","topic":"a"}""", """{"id":"1","type":"ack","topic":"a"}""");
        Assert.True(await connection.LeaveAsync("b"));
        Assert.False(await connection.LeaveAsync("b"));
        Assert.Equal(["a 0 False", "b 0 False"], _calls);
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["a 0 False", "b 0 False", "c 0 False", "d 0 False"], _calls.Order());
        Assert.Equal(4, server.Hub.Counters.HookFailures);
    }

    [Fact]
    public async Task A_leave_hook_that_hangs_keeps_the_connection_in_no_other_room()
    {
        using var hub = new TestHub(register: registration => registration.LeaveRoomHooks.Add(_ => new ValueTask(new TaskCompletionSource().Task)));
        var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("a");
        await peer.Connection.JoinAsync("b");

        peer.Connection.Abort();
        Task disposed = peer.DisposeAsync().AsTask();

        await Conditions.UntilAsync(() => !hub.Hub.Rooms.Any() && hub.Hub.ConnectionCount == 0, "it left all");
        Assert.False(disposed.IsCompleted);
    }

    [Fact]
    public async Task A_member_that_its_room_ended_is_asked_about_again_and_no_count_is_left_behind()
    {
        using var hub = new TestHub(
            options => options.SendWelcome = false,
            registration => registration.JoinRoomHooks.Add((_, room) => Say(room, WsDecision.Refuse("no more"))));
        await using var peer = new HookedPeer(hub.Hub);
        Assert.Null(peer.Connection.BeginJoin("lobby", WsSince.Head, out WsJoinResult result));
        Assert.Equal(Server.Hubs.HubConnection.Unasked, result.Status);
        Membership member = peer.Connection.BeginJoin("lobby", WsSince.Head, out _, isAdmitted: true)!;
        peer.Connection.EndJoin(member);

        // As its room's policy does a moment before anybody takes it off the connection's list.
        member.SetLeft();
        Assert.Equal(WsJoinStatus.Refused, (await peer.Connection.JoinAsync("lobby")).Status);
        Assert.Equal(["lobby"], _calls);
        Assert.Empty(hub.Hub.Rooms);
    }

    [Fact]
    public async Task A_failing_handler_of_the_hubs_events_is_told_of()
    {
        using var hub = new TestHub(register: registration => registration.ErrorHooks.Add(error =>
        {
            _calls.Enqueue($"{error.Source} {error.Room}");
            return default;
        }));
        hub.Hub.Joined += static _ => throw new InvalidOperationException();
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("lobby");
        Assert.Equal(["RoomEvent lobby"], _calls);
    }

    private ValueTask<WsDecision> Say(string what, WsDecision decision)
    {
        _calls.Enqueue(what);
        return decision;
    }
}
