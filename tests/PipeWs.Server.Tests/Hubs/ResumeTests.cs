using System.Globalization;
using System.Text;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>Resume and last value: <c>since</c>.</summary>
public sealed class ResumeTests
{
    [Fact]
    public async Task What_was_missed_comes_once_each_before_anything_newer()
    {
        await using HubServer server = await WithHistoryAsync(1000);
        IWsRoom room = server.Hub.Room("log");
        string epoch;
        await using (RawPeer first = await server.OpenAsync())
        {
            (epoch, long head) = await first.SubscribeAsync("log");
            Assert.Equal(0, head);
            Publish(room, 100);
            for (int i = 1; i <= 57; i++)
            {
                Assert.Equal(i, (await first.ReadJsonAsync()).GetProperty("sn").GetInt64());
            }
        }

        Publish(room, 100);
        await using RawPeer second = await server.OpenAsync();
        await second.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{epoch}}}","sn":57}}""");
        Assert.Equal($$"""{"id":"1","type":"ack","topic":"log","epoch":"{{epoch}}","sn":200,"recovered":true}""", await second.ReadTextAsync());
        Publish(room, 50);
        for (int i = 58; i <= 250; i++)
        {
            Assert.Equal($$"""{"type":"message","topic":"log","sn":{{i}},"data":{{i}}}""", await second.ReadTextAsync());
        }

        await second.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
    }

    [Fact]
    public async Task A_resume_while_others_publish_misses_nothing_and_repeats_nothing()
    {
        await using HubServer server = await WithHistoryAsync(50_000);
        IWsRoom room = server.Hub.Room("log");
        using var stop = new CancellationTokenSource();
        Task[] publishing = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested && room.Head < 40_000)
            {
                room.Publish("1"u8.ToArray());
                Thread.Yield();
            }
        }))];
        long sn = 0;
        await Conditions.UntilAsync(() => room.Head > 0, "somebody publishes");
        string epoch = room.Epoch;
        for (int visit = 0; visit < 20; visit++)
        {
            await using RawPeer peer = await server.OpenAsync();
            await peer.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{epoch}}}","sn":{{{sn}}}}}""");
            Assert.True((await peer.ReadJsonAsync()).GetProperty("recovered").GetBoolean());
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(++sn, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(publishing);
    }

    [Fact]
    public async Task A_resume_at_the_head_is_recovered_and_has_nothing_to_send()
    {
        await using HubServer server = await WithHistoryAsync(10);
        await using RawPeer peer = await server.OpenAsync();
        IWsRoom room = server.Hub.Room("log");
        Publish(room, 3);
        await peer.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{room.Epoch}}}","sn":3}}""");
        Assert.True((await peer.ReadJsonAsync()).GetProperty("recovered").GetBoolean());
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
    }

    [Theory]
    [InlineData(100, "expired")]
    [InlineData(2000, "unknown sequence number")]
    public async Task Less_than_was_asked_for_is_never_a_partial_replay(long sn, string reason)
    {
        await using HubServer server = await WithHistoryAsync(10);
        IWsRoom room = server.Hub.Room("log");
        Publish(room, 1000);
        server.Hub.RoomRegistry.Sweep();
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync($$$"""{"type":"subscribe","topic":"log","since":{"epoch":"{{{room.Epoch}}}","sn":{{{sn}}}}}""");
        Assert.Equal($$"""{"type":"ack","topic":"log","epoch":"{{room.Epoch}}","sn":1000,"recovered":false,"reason":"{{reason}}"}""", await peer.ReadTextAsync());
        Publish(room, 1);
        Assert.Equal(1001, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task Another_epoch_is_not_resumed()
    {
        await using HubServer server = await WithHistoryAsync(10);
        IWsRoom room = server.Hub.Room("log");
        Publish(room, 5);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"0123456789ab","sn":3}}""");
        Assert.Equal($$"""{"id":"1","type":"ack","topic":"log","epoch":"{{room.Epoch}}","sn":5,"recovered":false,"reason":"epoch"}""", await peer.ReadTextAsync());
        Publish(room, 1);
        Assert.Equal(6, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task The_last_value_comes_at_once_where_there_is_one()
    {
        await using HubServer server = await WithHistoryAsync(1);
        IWsRoom room = server.Hub.Room("log");
        await using RawPeer early = await server.OpenAsync();
        Assert.Equal(0, (await early.SubscribeAsync("log", ""","since":"last" """)).Head);
        Publish(room, 20);
        for (int i = 1; i <= 20; i++)
        {
            Assert.Equal(i, (await early.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }

        await using RawPeer late = await server.OpenAsync();
        Assert.Equal(20, (await late.SubscribeAsync("log", ""","since":"last" """)).Head);
        Assert.Equal("""{"type":"message","topic":"log","sn":20,"data":20}""", await late.ReadTextAsync());
        Publish(room, 1);
        Assert.Equal(21, (await late.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task History_is_as_old_as_its_age_and_an_empty_room_goes_with_it()
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.JsonAsync(clock: clock, configure: Quiet, build: builder => builder.ConfigureRooms("log", options =>
        {
            options.HistoryMessages = 100;
            options.HistoryAge = TimeSpan.FromSeconds(60);
        }));
        IWsRoom room = server.Hub.Room("log");
        Publish(room, 1);
        clock.Advance(TimeSpan.FromSeconds(30));
        Publish(room, 1);
        string epoch = room.Epoch;
        clock.Advance(TimeSpan.FromSeconds(31));

        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendTextAsync($$$"""{"type":"subscribe","topic":"log","since":{"epoch":"{{{epoch}}}","sn":0}}""");
            Assert.Contains("\"recovered\":false,\"reason\":\"expired\"", await peer.ReadTextAsync(), StringComparison.Ordinal);
            await peer.SendTextAsync("""{"type":"unsubscribe","topic":"log"}""");
            await peer.SendTextAsync($$$"""{"id":"1","type":"subscribe","topic":"log","since":{"epoch":"{{{epoch}}}","sn":1}}""");
            Assert.True((await peer.ReadJsonAsync()).GetProperty("recovered").GetBoolean());
            Assert.Equal(2, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }

        await server.AssertConnectionsAsync(1);
        Assert.Equal(epoch, room.Epoch);
        clock.Advance(TimeSpan.FromSeconds(30));
        Assert.False(server.Hub.TryGetRoom("log", out _));
        Assert.Equal("", room.Epoch);
        Publish(room, 1);
        Assert.Equal(1, room.Head);
        Assert.NotEqual(epoch, room.Epoch);
    }

    [Fact]
    public async Task A_room_without_history_goes_with_its_last_member()
    {
        await using HubServer server = await HubServer.JsonAsync();
        IWsRoom room = server.Hub.Room("brief");
        Assert.Equal(0, room.Publish("1"u8.ToArray()));
        Assert.Empty(server.Hub.Rooms);
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        (string epoch, long _) = await first.SubscribeAsync("brief");
        await second.SubscribeAsync("brief");
        Assert.Equal(2, room.MemberCount);
        await first.CloseAsync();
        await Conditions.UntilAsync(() => room.MemberCount == 1, "the first has left");
        Assert.Equal(1, room.Publish("1"u8.ToArray()));
        Assert.Equal(1, (await second.ReadJsonAsync()).GetProperty("sn").GetInt64());

        await second.CloseAsync();

        await Conditions.UntilAsync(() => !server.Hub.TryGetRoom("brief", out _), "the room is over");
        await server.AssertConnectionsAsync(1);
        await using RawPeer third = await server.OpenAsync();
        (string next, long head) = await third.SubscribeAsync("brief");
        Assert.NotEqual(epoch, next);
        Assert.Equal(0, head);
    }

    private static Task<HubServer> WithHistoryAsync(int messages) =>
        HubServer.JsonAsync(build: builder => builder.ConfigureRooms("log", options => options.HistoryMessages = messages));

    private static void Quiet(PipeWsOptions options) => options.PingInterval = Timeout.InfiniteTimeSpan;

    private static void Publish(IWsRoom room, int count)
    {
        for (int i = 0; i < count; i++)
        {
            room.Publish(Encoding.ASCII.GetBytes((room.Head + 1).ToString(CultureInfo.InvariantCulture)));
        }
    }
}
