using PipeWs.Server.Rooms;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hubs;

public sealed class RoomEventTests
{
    [Fact]
    public async Task Nobody_hears_of_a_leave_before_all_have_heard_of_the_join()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        List<string> heard = [];
        hub.Hub.Joined += joined => joined.Connection.LeaveAsync(joined.Room).AsTask().Wait();
        hub.Hub.Joined += _ => heard.Add("joined");
        hub.Hub.Left += left => heard.Add($"left {left.Members}");
        await peer.Connection.JoinAsync("lobby");
        Assert.Equal(["joined", "left 0"], heard);
        Assert.Empty(hub.Hub.Rooms);
    }

    [Fact]
    public async Task A_join_that_was_over_before_anybody_heard_of_it_is_told_with_its_end()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        List<string> heard = [];
        hub.Hub.Joined += _ => heard.Add("joined");
        hub.Hub.Left += _ => heard.Add("left");
        Membership member = peer.Connection.BeginJoin("lobby", WsSince.Head, out _)!;
        await peer.Connection.LeaveAll();
        peer.Connection.EndJoin(member);
        Assert.Equal(["joined", "left"], heard);
        Assert.Empty(hub.Hub.Rooms);
    }
}
