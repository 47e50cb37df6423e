using PipeWs.Server;

namespace PipeWs.Testing.Tests.Fakes;

// What joins are answered, and who is told of them.
public sealed partial class FakeTests
{
    [Fact]
    public async Task A_handler_of_events_that_throws_is_counted_and_the_others_are_told()
    {
        var events = new List<string>();
        _hub.Joined += static _ => throw new InvalidOperationException("out of paper");
        _hub.Left += static _ => throw new InvalidOperationException("out of ink");
        _hub.Joined += raised => events.Add($"+{raised.Room}");
        _hub.Left += raised => events.Add($"-{raised.Room}");
        FakeWsConnection ann = _hub.Connect("ann");

        Assert.True((await ann.JoinAsync("lobby")).IsMember);
        Assert.True((await ann.JoinAsync("news")).IsMember);
        ann.BeginClose();

        Assert.Equal(["+lobby", "+news", "-lobby", "-news"], events);
        Assert.True(ann.IsClosed);
        Assert.Equal(4, _hub.GetStatistics().HookErrors);
    }

    [Fact]
    public async Task Joins_and_leaves_are_remembered_and_told()
    {
        var events = new List<string>();
        _hub.Joined += raised => events.Add($"+{raised.Connection.Id} {raised.Room} {raised.Members}");
        _hub.Left += raised => events.Add($"-{raised.Connection.Id} {raised.Room} {raised.Members}");
        FakeWsConnection ann = _hub.Connect("ann");
        FakeWsConnection bob = _hub.Connect("bob");
        bob.OnJoin = join => join.Room == "vip" ? WsJoinStatus.RoomFull : WsJoinStatus.Joined;

        Assert.Equal(WsJoinStatus.Joined, (await ann.JoinAsync("lobby", WsSince.Last)).Status);
        Assert.Equal(WsJoinStatus.AlreadyMember, (await ann.JoinAsync("lobby")).Status);
        Assert.Equal(WsJoinStatus.RoomFull, (await bob.JoinAsync("vip")).Status);
        Assert.True((await bob.JoinAsync("lobby")).IsMember);
        Assert.True(await ann.LeaveAsync("lobby"));
        Assert.False(await ann.LeaveAsync("lobby"));

        Assert.Equal(["+ann lobby 1", "+bob lobby 2", "-ann lobby 1"], events);
        Assert.Equal([new FakeWsJoin("lobby", WsSince.Last), new FakeWsJoin("lobby", default)], ann.Joins);
        Assert.Equal(["lobby", "lobby"], ann.Leaves);
        Assert.Equal(["lobby"], bob.Rooms);
        Assert.False(bob.IsSubscribed("vip"));
    }

    [Fact]
    public async Task A_room_that_cannot_be_is_refused_as_a_hub_refuses_it()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        ann.OnJoin = static _ => throw new InvalidOperationException("not asked");

        foreach (string name in (string[])["", new('x', 256), new('é', 128)])
        {
            WsJoinResult answer = await ann.JoinAsync(name);
            Assert.Equal(WsJoinStatus.InvalidName, answer.Status);
            Assert.Equal("a room's name has 1 to 255 bytes of UTF-8", answer.Reason);
            Assert.False(await ann.LeaveAsync(name));
        }

        await Assert.ThrowsAsync<ArgumentNullException>(async () => await ann.JoinAsync(null!));
        Assert.Empty(_hub.Rooms);
    }

    [Theory]
    [InlineData("fake", 2, true, null)]
    [InlineData("fake", 1, false, "expired")]
    [InlineData("fake", 3, false, "unknown sequence number")]
    [InlineData("fake", -1, false, "unknown sequence number")]
    [InlineData("another", 2, false, "epoch")]
    public async Task A_resume_is_recovered_only_where_nothing_came_since(string epoch, long number, bool isRecovered, string? reason)
    {
        FakeWsRoom room = _hub.Room("lobby");
        room.Publish("1"u8.ToArray());
        room.Publish("2"u8.ToArray());

        Assert.Equal(new WsJoinResult(WsJoinStatus.Joined, "fake", 2, isRecovered, reason), await _hub.Connect().JoinAsync("lobby", WsSince.After(epoch, number)));
    }

    [Fact]
    public async Task A_second_join_gives_the_answer_of_the_first()
    {
        FakeWsConnection ann = _hub.Connect();
        WsJoinResult first = await ann.JoinAsync("lobby");
        _hub.Room("lobby").Publish("1"u8.ToArray());

        Assert.Equal(first with { Status = WsJoinStatus.AlreadyMember }, await ann.JoinAsync("lobby", WsSince.After("another", 7)));
    }

    [Fact]
    public async Task A_hub_lists_the_rooms_that_a_real_one_would_have()
    {
        _hub.Room("looked at");
        await _hub.Connect().JoinAsync("joined");
        _hub.Room("published to").Publish("1"u8.ToArray());

        Assert.Equal(["joined", "published to"], ((IWsHub)_hub).Rooms.Select(static room => room.Name).Order());
        Assert.Equal(3, _hub.Rooms.Count);
    }
}
