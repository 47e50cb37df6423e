using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using PipeWs.Server.Hubs;
using PipeWs.Server.Rooms;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Rooms;

/// <summary>Rooms under applications that block where they should not, and under peers that take nothing.</summary>
public sealed class RoomAbuseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_that_does_not_end_does_not_hold_up_the_other_publishers_of_its_room(bool othersHaveBatches)
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("lobby");
        using var published = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        Task blocked = Task.Factory.StartNew(
            () =>
            {
                using WsBatch.Scope batch = WsBatch.Begin();
                hub.Hub.Room("lobby").Publish("1"u8.ToArray());
                published.Set();
                goOn.Wait();
            },
            TaskCreationOptions.LongRunning);
        published.Wait();
        if (othersHaveBatches)
        {
            using WsBatch.Scope batch = WsBatch.Begin();
            hub.Hub.Room("lobby").Publish("2"u8.ToArray());
        }
        else
        {
            hub.Hub.Room("lobby").Publish("2"u8.ToArray());
        }

        int received = peer.Texts.Count;
        goOn.Set();
        await blocked;
        Assert.Equal(2, received);
        Assert.Equal(2, peer.Texts.Count);
    }

    [Fact]
    public async Task A_handler_that_publishes_more_than_a_member_may_lag_to_a_room_of_its_own_connection_is_not_too_slow()
    {
        const int Messages = 100;
        using var hub = new TestHub(
            options => options.Rooms.MaxLagMessages = 8,
            registration => registration.OnText = async context =>
            {
                await context.Connection.SendAsync("here they come"u8.ToArray(), WsMessageType.Text);
                for (int i = 0; i < Messages; i++)
                {
                    context.Hub.Room("lobby").Publish("1"u8.ToArray());
                }
            });
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("lobby");
        await peer.SendAsync("go");
        await Conditions.UntilAsync(() => peer.Texts.Count == Messages + 1 || peer.Connection.Ws.IsClosing, "all are delivered");
        Assert.False(peer.Connection.Ws.IsClosing);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_cannot_pile_up_memberships_by_joining_and_leaving()
    {
        const int Rooms = 8;
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;
            options.MaxRoomsPerConnection = Rooms;
            options.Rooms.HistoryMessages = 10;
        });
        await using var peer = new HookedPeer(hub.Hub);
        hub.Hub.Room("lobby").Publish("1"u8.ToArray());
        peer.Stall();
        await peer.Connection.SendAsync("x"u8.ToArray(), WsMessageType.Text);
        int joined = 0;
        while (joined <= Rooms && (await peer.Connection.JoinAsync("lobby", WsSince.Last)) is { IsMember: true })
        {
            joined++;
            await peer.Connection.LeaveAsync("lobby");
        }

        Assert.Equal(Rooms, joined);
        Assert.Equal(WsJoinStatus.TooManyRooms, (await peer.Connection.JoinAsync("lobby")).Status);
        peer.Resume();
        await Conditions.UntilAsync(() => peer.Connection.JoinAsync("lobby").Result.IsMember, "it may join when it has read");
    }

    [Fact]
    public async Task Joining_and_leaving_never_wears_out_for_a_peer_that_reads()
    {
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;
            options.MaxRoomsPerConnection = 2;
            options.Rooms.HistoryMessages = 10;
        });
        await using var peer = new HookedPeer(hub.Hub);
        hub.Hub.Room("lobby").Publish("1"u8.ToArray());
        for (int i = 0; i < 100; i++)
        {
            Assert.True((await peer.Connection.JoinAsync("lobby", WsSince.Last)).IsMember);
            Assert.True(await peer.Connection.LeaveAsync("lobby"));
        }

        Assert.Equal(100, peer.Texts.Count);
    }

    [Fact]
    public async Task Rooms_that_are_over_are_let_go_by_a_connection_that_lives_on()
    {
        using var hub = new TestHub(static options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        WeakReference[] rooms = [.. Enumerable.Range(0, 100).Select(i => JoinAndLeave(hub.Hub, peer.Connection, $"match {i}"))];
        GC.Collect();
        Assert.InRange(rooms.Count(static room => room.IsAlive), 0, 16);
        Assert.Equal(0, hub.Hub.RoomRegistry.Count);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference JoinAndLeave(Hub hub, HubConnection connection, string name)
        {
            connection.EndJoin(connection.BeginJoin(name, WsSince.Head, out _)!);
            var room = new WeakReference(hub.RoomRegistry.Find(name));
            hub.Room(name).Publish("1"u8.ToArray());
            Assert.True(connection.LeaveAsync(name).AsTask().IsCompletedSuccessfully);
            return room;
        }
    }

    [Fact]
    public async Task A_connection_that_may_be_in_no_room_is_in_none()
    {
        using var hub = new TestHub(static options => options.MaxRoomsPerConnection = 0);
        await using var peer = new HookedPeer(hub.Hub);
        Assert.Equal(WsJoinStatus.TooManyRooms, (await peer.Connection.JoinAsync("lobby")).Status);
    }

    [Fact]
    public async Task What_is_published_while_a_member_waits_for_its_answer_is_not_trimmed_away()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        Membership member = peer.Connection.BeginJoin("lobby", WsSince.Head, out _)!;
        hub.Hub.Room("lobby").Publish("1"u8.ToArray());
        ((IWsHeartbeatItem)hub.Hub).OnHeartbeat(0);
        hub.Hub.Room("lobby").Publish("2"u8.ToArray());
        Assert.Empty(peer.Texts);
        peer.Connection.EndJoin(member);
        Assert.Equal(2, peer.Texts.Count);
        Assert.False(peer.Connection.Ws.IsClosing);
    }

    [Fact]
    public async Task A_member_that_waits_for_its_answer_is_not_among_those_the_writer_will_ask()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        peer.Stall();
        await peer.Connection.SendAsync("before"u8.ToArray(), WsMessageType.Text);
        Membership member = peer.Connection.BeginJoin("lobby", WsSince.Head, out _)!;
        hub.Hub.Room("lobby").Publish("1"u8.ToArray());
        Assert.False(member.IsSignalled);
        await peer.Connection.SendAsync("the answer"u8.ToArray(), WsMessageType.Text);
        peer.Connection.EndJoin(member);
        Assert.True(member.IsSignalled);
        peer.Resume();
        await Conditions.UntilAsync(() => peer.Texts.Count == 3, "all have come");
        Assert.Equal(["before", "the answer"], peer.Texts[..2]);
    }

    [Fact]
    public async Task A_list_of_exceptions_counts_as_it_was_when_the_message_was_published()
    {
        using var hub = new TestHub(options => options.SendWelcome = false);
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("lobby");
        var except = new List<string> { peer.Connection.Id };
        using (WsBatch.Begin())
        {
            hub.Hub.Room("lobby").Publish("1"u8.ToArray(), new WsPublishOptions(Except: except));
            except.Clear();
            hub.Hub.Room("lobby").Publish("2"u8.ToArray(), new WsPublishOptions(Except: except));
            except.Add(peer.Connection.Id);
        }

        Assert.Contains("\"data\":2", Assert.Single(peer.Texts), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_member_gets_conflated_is_handed_over_a_flush_at_a_time()
    {
        const int Keys = 100;
        const int MessageBytes = 10_000;
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;
            options.Rooms.MaxLagMessages = 4;
            options.Rooms.SlowConsumerPolicy = WsSlowConsumerPolicy.Conflate;
        });
        await using var peer = new HookedPeer(hub.Hub);
        await peer.Connection.JoinAsync("prices");
        peer.Stall();
        byte[] data = Encoding.UTF8.GetBytes($"\"{new string('x', MessageBytes)}\"");
        for (int i = 0; i < 3 * Keys; i++)
        {
            hub.Hub.Room("prices").Publish(data, new WsPublishOptions(Key: (i % Keys).ToString(CultureInfo.InvariantCulture)));
        }

        peer.Resume();
        await Conditions.UntilAsync(() => peer.Texts.Count >= Keys && peer.Texts[^1].Contains("\"sn\":300,", StringComparison.Ordinal), "the latest of all keys came");
        Assert.Single(peer.Texts, static text => text.Contains("\"type\":\"gap\"", StringComparison.Ordinal));
        Assert.InRange(peer.LargestFlushBytes, 1, hub.Hub.ConnectionOptions.FlushBytes + (2 * MessageBytes));
    }

    [Fact]
    public void A_room_remembers_no_more_keys_than_it_may_and_the_newest_of_them()
    {
        var conflation = new Conflation(32);
        for (int i = 1; i <= 1000; i++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, "x"u8);
            frame.SequenceNumber = i;
            frame.Key = $"key {i}";
            conflation.Update(frame);
            frame.Release();
            Assert.InRange(conflation.Count, Math.Min(i, 30), 32);
        }

        conflation.Clear();
        Assert.Equal(0, conflation.Count);
    }

    [Fact]
    public void A_key_that_is_spoken_of_again_while_it_is_being_forgotten_keeps_its_newest_message()
    {
        const int Keys = 16;
        const int Rounds = 20_000;
        const int Newest = 1_000_000;
        Conflation conflation = null!;
        using var turns = new Barrier(2);
        var again = new Thread(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                turns.SignalAndWait();
                Thread.SpinWait(round % 64);
                Update("old", Newest);
                turns.SignalAndWait();
            }
        });
        again.IsBackground = true;
        again.Start();
        var output = new RecordedPipeWriter();
        WsFrame? uncopied = null;
        int kept = 0;
        for (int round = 0; round < Rounds; round++)
        {
            conflation = new Conflation(Keys);
            Update("old", 1);
            for (int i = 2; i <= Keys; i++)
            {
                Update($"key {i}", i);
            }

            turns.SignalAndWait();
            Update("one too many", Keys + 1);
            turns.SignalAndWait();
            var writer = new WsFrameWriter(output, ref uncopied, masks: false, int.MaxValue, null);
            Assert.Equal(Newest + 1, conflation.WriteLatest(ref writer, Newest, Newest, "somebody"));
            kept += writer.MessagesWritten;
            conflation.Clear();
            Assert.Equal(0, conflation.Count);
        }

        again.Join();
        Assert.Equal(Rounds, kept);
        void Update(string key, long number)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, "x"u8);
            frame.SequenceNumber = number;
            frame.Key = key;
            conflation.Update(frame);
            frame.Release();
        }
    }

    [Fact]
    public async Task A_burst_of_large_messages_outruns_no_member_that_reads()
    {
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;
            options.Rooms.MaxLogBytes = 100_000;
        });
        await using var peer = new HubPeer(hub.Hub, windowBytes: 16 * 1024 * 1024);
        await hub.Hub.Connections.Single().JoinAsync("lobby");
        byte[] data = Encoding.UTF8.GetBytes($"\"{new string('x', 5_000)}\"");
        using (WsBatch.Begin())
        {
            for (int i = 0; i < 300; i++)
            {
                hub.Hub.Room("lobby").Publish(data);
            }
        }

        await peer.UntilAsync(texts => texts.Count == 300, "all 300 messages");
        Assert.False(peer.HasEnded);
    }
}
