using System.Text;
using PipeWs.Server.Hubs;
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

    [Fact]
    public async Task A_member_that_leaves_while_it_is_found_too_slow_hears_no_more_of_the_room()
    {
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;
            options.Rooms.MaxLagMessages = 4;
            options.Rooms.SlowConsumerPolicy = WsSlowConsumerPolicy.Unsubscribe;
        });
        await using var peer = new HubPeer(hub.Hub, windowBytes: 256);
        await peer.SendAsync("""{"id":"s","type":"subscribe","topic":"feed"}""");
        await peer.UntilAsync(static texts => texts.Count == 1, "the answer");
        Room room = hub.Hub.RoomRegistry.GetOrCreate("feed");
        var connection = (HubConnection)Assert.Single(room.CopyMembers());
        byte[] data = Encoding.UTF8.GetBytes($"\"{new string('x', 300)}\"");
        peer.Pause();
        Assert.True(await Task.Run(() =>
        {
            lock (connection.Ws)
            {
                for (int i = 0; i < 20; i++)
                {
                    room.Publish(data, default);
                }

                // Its writer finds it too slow, and must wait for the gate to say so.
                peer.Resume();
                Assert.True(SpinWait.SpinUntil(() => room.SlowCount > 0, TimeSpan.FromSeconds(30)));
                return connection.LeaveAsync("feed").Result;
            }
        }));
        await peer.SendAsync("""{"id":"p","type":"ping"}""");
        await peer.UntilAsync(static texts => texts[^1].Contains("pong", StringComparison.Ordinal), "the pong");
        Assert.DoesNotContain(peer.Texts, static text => text.Contains("429", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_joins_while_the_log_is_trimmed_is_sent_all_that_follows()
    {
        const int Rounds = 50_000;
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HubPeer(hub.Hub);
        var connection = (HubConnection)Assert.Single(hub.Hub.Connections);

        // None of the hub's own, which the hub would let go of while nobody is in it.
        var room = new Room("feed", new WsRoomOptions(), [.. Enumerable.Range(0, Environment.ProcessorCount).Select(static _ => new Shard())], TimeProvider.System);
        int round = 0;
        int published = 0;
        var publishing = new Thread(() =>
        {
            while (published < Rounds)
            {
                if (Volatile.Read(ref round) > published)
                {
                    room.Publish("1"u8, default);
                    room.Trim();
                    Volatile.Write(ref published, published + 1);
                }
            }
        });
        publishing.IsBackground = true;
        publishing.Start();
        for (int i = 1; i <= Rounds; i++)
        {
            Volatile.Write(ref round, i);
            Thread.SpinWait(i % 32);
            Membership member = room.TryJoin(connection, default, out _)!;
            SpinWait spin = default;
            while (Volatile.Read(ref published) < i)
            {
                spin.SpinOnce();
            }

            RoomLog.ReadResult result = room.Log.TryRead(member.Cursor, out WsFrame? frame);
            frame?.Release();
            room.Leave(member);
            Assert.NotEqual(RoomLog.ReadResult.Gone, result);
        }

        publishing.Join();
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
