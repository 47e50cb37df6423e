using System.Globalization;
using System.Text;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>Rooms that ask for acknowledgements: what a user has not acknowledged comes again, under the same number.</summary>
public sealed class AcknowledgedRoomTests
{
    [Fact]
    public async Task What_was_not_acknowledged_comes_again_with_the_same_number()
    {
        await using HubServer server = await StartAsync(100);
        IWsRoom room = server.Hub.Room("orders");
        await using (RawPeer first = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await first.SubscribeAsync("orders");
            Publish(room, 5);
            await ExpectAsync(first, 1, 5);
            await first.AskAsync("""{"id":"1","type":"ack","topic":"orders","sn":2}""", """{"id":"1","type":"ack"}""");

            // Cumulative: an older one takes nothing back.
            await first.AskAsync("""{"id":"2","type":"ack","topic":"orders","sn":1}""", """{"id":"2","type":"ack"}""");
        }

        await server.AssertConnectionsAsync(1);
        Publish(room, 2);
        await using (RawPeer second = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await second.SendTextAsync("""{"id":"s","type":"subscribe","topic":"orders"}""");
            Assert.Equal($$"""{"id":"s","type":"ack","topic":"orders","epoch":"{{room.Epoch}}","sn":7,"recovered":true}""", await second.ReadTextAsync());
            await ExpectAsync(second, 3, 7);
            await second.AskAsync("""{"id":"1","type":"ack","topic":"orders","sn":7}""", """{"id":"1","type":"ack"}""");
        }

        await using RawPeer third = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await third.SubscribeAsync("orders");
        Publish(room, 1);
        await ExpectAsync(third, 8, 8);

        // Another user's are another's.
        await using RawPeer bob = await server.OpenAsync(UserFromQuery.Handshake("bob"));
        Assert.Equal(8, (await bob.SubscribeAsync("orders")).Head);
        Publish(room, 1);
        await ExpectAsync(bob, 9, 9);
    }

    [Fact]
    public async Task What_has_expired_is_announced_once_and_what_follows_is_kept_for_the_user_again()
    {
        await using HubServer server = await StartAsync(10);
        IWsRoom room = server.Hub.Room("orders");
        await using (RawPeer first = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await first.SubscribeAsync("orders");
        }

        await server.AssertConnectionsAsync(1);

        // Nobody is there and nothing is held, and still the room knows up to where ann has read.
        Publish(room, 5000);
        server.Hub.RoomRegistry.Sweep();
        await using (RawPeer second = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await second.SendTextAsync("""{"id":"s","type":"subscribe","topic":"orders"}""");
            Assert.Equal(
                $$"""{"id":"s","type":"ack","topic":"orders","epoch":"{{room.Epoch}}","sn":5000,"recovered":false,"reason":"expired"}""", await second.ReadTextAsync());
            Publish(room, 3);
            await ExpectAsync(second, 5001, 5003);
        }

        await server.AssertConnectionsAsync(1);
        await using RawPeer third = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await third.SendTextAsync("""{"id":"s","type":"subscribe","topic":"orders"}""");
        Assert.Contains("\"sn\":5003,\"recovered\":true", await third.ReadTextAsync(), StringComparison.Ordinal);
        await ExpectAsync(third, 5001, 5003);
    }

    [Fact]
    public async Task A_user_is_awaited_as_long_as_a_message_would_be_kept()
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await StartAsync(10, clock);
        IWsRoom room = server.Hub.Room("orders");
        await using (RawPeer first = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await first.SubscribeAsync("orders");
        }

        await server.AssertConnectionsAsync(1);
        clock.Advance(TimeSpan.FromMinutes(4));
        Publish(room, 1);
        await using (RawPeer second = await server.OpenAsync(UserFromQuery.Handshake("ann")))
        {
            await second.SubscribeAsync("orders");
            await ExpectAsync(second, 1, 1);
            await second.AskAsync("""{"id":"1","type":"ack","topic":"orders","sn":1}""", """{"id":"1","type":"ack"}""");
        }

        await server.AssertConnectionsAsync(1);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.True(server.Hub.TryGetRoom("orders", out IWsRoom? _));
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.False(server.Hub.TryGetRoom("orders", out IWsRoom? _));
    }

    [Theory]
    [InlineData("ann", "orders", 9, 400)]
    [InlineData("ann", "elsewhere", 1, 400)]
    [InlineData("ann", "plain", 1, 400)]
    [InlineData("bob", "orders", 1, 400)]
    [InlineData(null, "orders", 1, 401)]
    public async Task An_acknowledgement_of_what_was_not_sent_is_an_error(string? user, string topic, long sn, int code)
    {
        await using HubServer server = await StartAsync(10);
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await ann.SubscribeAsync("orders");
        await ann.SubscribeAsync("plain");
        Publish(server.Hub.Room("orders"), 1);
        Publish(server.Hub.Room("plain"), 1);
        await using RawPeer peer = await server.OpenAsync(user is null ? null : UserFromQuery.Handshake(user));
        await peer.SendTextAsync($$"""{"id":"1","type":"ack","topic":"{{topic}}","sn":{{sn}}}""");
        Assert.StartsWith($$"""{"id":"1","type":"error","code":{{code}},""", await peer.ReadTextAsync(), StringComparison.Ordinal);
    }

    private static Task<HubServer> StartAsync(int history, TimeProvider? clock = null) => HubServer.JsonAsync(
        Door.Mapped,
        configure: options => options.PingInterval = Timeout.InfiniteTimeSpan,
        clock: clock,
        build: builder => builder.ConfigureRooms("orders", options =>
        {
            options.Acknowledged = true;
            options.HistoryMessages = history;
        }),
        services: UserFromQuery.AddTo,
        app: UserFromQuery.Use);

    private static void Publish(IWsRoom room, int count)
    {
        for (int i = 0; i < count; i++)
        {
            room.Publish(Encoding.ASCII.GetBytes((room.Head + 1).ToString(CultureInfo.InvariantCulture)));
        }
    }

    private static async Task ExpectAsync(RawPeer peer, int from, int to)
    {
        for (int i = from; i <= to; i++)
        {
            Assert.Equal($$"""{"type":"message","topic":"orders","sn":{{i}},"data":{{i}}}""", await peer.ReadTextAsync());
        }
    }
}
