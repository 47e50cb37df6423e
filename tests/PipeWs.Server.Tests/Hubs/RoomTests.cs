using System.Collections.Concurrent;
using System.Text.Json;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>Who is in a room, and what the application hears of it.</summary>
public sealed class RoomTests
{
    [Fact]
    public async Task A_room_has_no_more_members_than_its_options_allow()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder.ConfigureRooms("small*", options => options.MaxConnectionsPerRoom = 2));
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await using RawPeer third = await server.OpenAsync();
        await first.SubscribeAsync("small room");
        await second.SubscribeAsync("small room");
        await third.SendTextAsync("""{"id":"1","type":"subscribe","topic":"small room"}""");
        Assert.StartsWith("""{"id":"1","type":"error","code":503,"topic":"small room",""", await third.ReadTextAsync(), StringComparison.Ordinal);
        await third.SubscribeAsync("another");

        await first.CloseAsync();
        await Conditions.UntilAsync(() => server.Hub.Room("small room").MemberCount == 1, "a place is free");
        await third.SubscribeAsync("small room");
        Assert.Equal(2, server.Hub.Room("small room").Members.Count);
    }

    [Fact]
    public async Task Joins_and_leaves_are_told_with_the_members_that_are_left()
    {
        await using HubServer server = await HubServer.JsonAsync();
        var events = new ConcurrentQueue<string>();
        server.Hub.Joined += raised => events.Enqueue($"+{raised.Room} {raised.Members} {raised.Connection.IsSubscribed(raised.Room)}");
        server.Hub.Joined += static _ => throw new InvalidOperationException("a handler's own trouble");
        server.Hub.Left += raised => events.Enqueue($"-{raised.Room} {raised.Members} {raised.Connection.IsSubscribed(raised.Room)}");
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await first.SubscribeAsync("a");
        await second.SubscribeAsync("a");
        await first.AskAsync("""{"id":"1","type":"unsubscribe","topic":"a"}""", """{"id":"1","type":"ack","topic":"a"}""");
        await first.AskAsync("""{"id":"2","type":"unsubscribe","topic":"a"}""", """{"id":"2","type":"ack","topic":"a"}""");
        await second.SubscribeAsync("a");
        second.Reset();
        await Conditions.UntilAsync(() => events.Count == 4, "everything was told");

        Assert.Equal(["+a 1 True", "+a 2 True", "-a 1 False", "-a 0 False"], events);
        Assert.Equal(2, server.Server.Log.PipeWs.Count(line => line.Id.Id == 2002));
    }

    [Fact]
    public async Task A_leave_is_never_told_before_its_join()
    {
        await using HubServer server = await HubServer.JsonAsync();
        var events = new ConcurrentQueue<string>();
        server.Hub.Joined += raised => Assert.True(raised.Connection.LeaveAsync(raised.Room).AsTask().Result);
        server.Hub.Joined += raised => events.Enqueue($"+{raised.Room}");
        server.Hub.Left += raised => events.Enqueue($"-{raised.Room} {raised.Members}");
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("a");
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        Assert.Equal(["+a", "-a 0"], events);
        Assert.Empty(server.Hub.Rooms);
    }

    [Fact]
    public async Task Metadata_stays_with_the_connection()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder
            .MapAction("put", static context =>
            {
                context.Connection.SetMetadata("seat", context.Body.ToArray());
                return default;
            })
            .MapAction("get", static context => context.ReplyAsync("seat", (byte[]?)context.Connection.GetMetadata("seat") ?? "null"u8.ToArray()))
            .MapAction("drop", static context => context.ReplyAsync(context.Connection.RemoveMetadata("seat") ? "dropped" : "nothing")));
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await first.AskAsync("""{"id":"1","action":"put","data":"12b"}""", """{"id":"1","type":"ack"}""");
        await first.AskAsync("""{"id":"2","action":"get"}""", """{"id":"2","type":"seat","data":"12b"}""");
        await second.AskAsync("""{"id":"3","action":"get"}""", """{"id":"3","type":"seat","data":null}""");
        await first.AskAsync("""{"id":"4","action":"put","data":"14c"}""", """{"id":"4","type":"ack"}""");
        await first.AskAsync("""{"id":"5","action":"get"}""", """{"id":"5","type":"seat","data":"14c"}""");
        await first.AskAsync("""{"id":"6","action":"drop"}""", """{"id":"6","type":"dropped"}""");
        await first.AskAsync("""{"id":"7","action":"drop"}""", """{"id":"7","type":"nothing"}""");
        await first.AskAsync("""{"id":"8","action":"get"}""", """{"id":"8","type":"seat","data":null}""");
    }

    [Fact]
    public async Task The_application_joins_and_leaves_for_a_connection()
    {
        await using HubServer server = await HubServer.JsonAsync(configure: options => options.MaxRoomsPerConnection = 2);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            WsJoinResult joined = await connection.JoinAsync("a");
            Assert.Equal((WsJoinStatus.Joined, true, 0), (joined.Status, joined.IsMember, joined.Head));
            Assert.Equal(WsJoinStatus.AlreadyMember, (await connection.JoinAsync("a")).Status);
            Assert.Equal(WsJoinStatus.Joined, (await connection.JoinAsync("b")).Status);
            Assert.Equal(WsJoinStatus.TooManyRooms, (await connection.JoinAsync("c")).Status);
            Assert.Equal(WsJoinStatus.InvalidName, (await connection.JoinAsync("")).Status);
            Assert.Equal(WsJoinStatus.InvalidName, (await connection.JoinAsync(new string('é', 128))).Status);
            Assert.Equal(1, server.Hub.Room("a").Publish("1"u8.ToArray()));
            Assert.Equal("""{"type":"message","topic":"a","sn":1,"data":1}""", await peer.ReadTextAsync());

            Assert.True(await connection.LeaveAsync("a"));
            Assert.False(await connection.LeaveAsync("a"));
            Assert.Equal(0, server.Hub.Room("a").Publish("2"u8.ToArray()));
            await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
            await peer.CloseAsync();
        }

        await connection.Closed.Soon();
        await server.AssertConnectionsAsync(1);
        Assert.Equal(WsJoinStatus.Closed, (await connection.JoinAsync("d")).Status);
        Assert.Empty(connection.Rooms);
        Assert.Empty(server.Hub.Rooms);
    }

    [Fact]
    public async Task A_name_that_is_no_rooms_is_refused_to_the_application()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false);
        Assert.Throws<ArgumentException>(() => server.Hub.Room(""));
        Assert.Throws<ArgumentException>(() => server.Hub.Room(new string('n', 256)));
        Assert.Equal("", server.Hub.Room(new string('n', 255)).Epoch);
        Assert.False(server.Hub.TryGetRoom("nowhere", out IWsRoom? _));
    }

    [Fact]
    public async Task What_is_too_large_for_the_log_leaves_with_a_gap_and_not_in_silence()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder.ConfigureRooms("log", options =>
        {
            options.HistoryMessages = 100;
            options.MaxLogBytes = 1000;
        }));
        IWsRoom room = server.Hub.Room("log");
        for (int i = 0; i < 50; i++)
        {
            room.Publish("\"0123456789\""u8.ToArray());
        }

        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{room.Epoch}}}","sn":30}}""");
        JsonElement ack = await peer.ReadJsonAsync();
        Assert.False(ack.GetProperty("recovered").GetBoolean());
        await peer.SendTextAsync("""{"id":"1","type":"unsubscribe","topic":"log"}""");
        await peer.ReadJsonAsync();
        await peer.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{room.Epoch}}}","sn":45}}""");
        Assert.True((await peer.ReadJsonAsync()).GetProperty("recovered").GetBoolean());
        for (int i = 46; i <= 50; i++)
        {
            Assert.Equal(i, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }
    }
}
