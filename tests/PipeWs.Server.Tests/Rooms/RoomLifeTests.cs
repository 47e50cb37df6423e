using PipeWs.Server.Rooms;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Rooms;

public sealed class RoomLifeTests
{
    [Fact]
    public async Task A_message_is_not_published_again_where_its_last_reader_leaves_and_joins_while_it_is_sent()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("lobby");
        string epoch = hub.Hub.Room("lobby").Epoch;
        peer.OnFlush = () =>
        {
            Assert.True(peer.Connection.LeaveAsync("lobby").Result);
            Assert.True(peer.Connection.JoinAsync("lobby").Result.IsMember);
        };

        Assert.Equal(1, hub.Hub.Room("lobby").Publish("1"u8.ToArray()));
        Assert.NotEqual(epoch, hub.Hub.Room("lobby").Epoch);
        Assert.Single(peer.Texts);
        Assert.Equal(0, hub.Hub.Room("lobby").Head);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void A_room_that_is_over_gives_out_no_numbers(int history)
    {
        using var hub = new TestHub(options => options.Rooms.HistoryMessages = history);
        Room room = hub.Hub.RoomRegistry.GetOrCreate("lobby");
        Assert.True(room.TryRemove());
        Assert.Equal(0, room.Publish("1"u8, default));
        Assert.Equal(0, room.Log.Head);
        room.Clear();
        Assert.NotSame(room, hub.Hub.RoomRegistry.GetOrCreate("lobby"));
    }

    [Fact]
    public void A_room_with_history_does_not_end_under_a_message_that_is_being_published()
    {
        using var hub = new TestHub(options => options.Rooms.HistoryMessages = 10);
        Room room = hub.Hub.RoomRegistry.GetOrCreate("lobby");
        Assert.False(room.Log.TrySeal(room.Log.Reserve() - 1));
        Assert.False(room.TryRemove());
        Assert.Equal(2, room.Log.Reserve());
    }
}
