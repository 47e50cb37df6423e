using System.Text;
using System.Text.Json;
using PipeWs.Server.Hubs;
using PipeWs.Server.Limits;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 40, 42 and 43: floods of connections, rooms, metadata, resumes and acknowledgements.</summary>
public sealed class LimitRowsTests
{
    private const int History = 100;

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_40_a_crowd_from_one_address_is_refused_and_the_accepted_are_undisturbed(Door door, bool isSecure)
    {
        const int Crowd = 30;
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.MaxConnectionsPerAddress = 3);
        await using RawPeer second = await server.OpenAsync();
        await using RawPeer third = await server.OpenAsync();
        for (int i = 0; i < Crowd; i++)
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(RawPeer.Handshake());
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            Assert.Contains("(3, MaxConnectionsPerAddress)", answer.Body, StringComparison.Ordinal);
            await peer.AssertClosedAsync();
        }

        await second.AskAsync("still here", "still here");
        await third.CloseAsync();
        await server.AssertConnectionsAsync(2);
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.CloseAsync();
        }

        await second.CloseAsync();
        await server.AssertUndisturbedAsync(Crowd);
        Assert.Equal(Crowd, server.Hub.Counters.Refusals.GetValueOrDefault("MaxConnectionsPerAddress"));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_42_peers_create_at_most_MaxRooms_rooms(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, options => options.MaxRooms = 3);
        await using (RawPeer peer = await server.OpenAsync())
        {
            for (int i = 0; i < 3; i++)
            {
                await peer.SubscribeAsync($"room {i}");
            }

            await peer.AskAsync(
                """{"id":"7","type":"subscribe","topic":"room 3"}""",
                """{"id":"7","type":"error","code":503,"topic":"room 3","data":"the server has as many rooms as it allows (3, MaxRooms)"}""");

            // A room that exists is no further one, and one that is over makes room.
            await peer.SubscribeAsync("room 2");
            await peer.AskAsync("""{"id":"8","type":"unsubscribe","topic":"room 0"}""", """{"id":"8","type":"ack","topic":"room 0"}""");
            await peer.SubscribeAsync("room 3");
            Assert.Equal(1, server.Hub.Counters.Refusals.GetValueOrDefault("MaxRooms"));
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
        Assert.Empty(server.Hub.Rooms);
        Assert.Equal(0, server.Hub.RoomRegistry.Count);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_42_metadata_that_a_peer_names_has_an_end(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            options => options.MaxMetadataPerConnection = 2,
            builder => builder.MapAction("note", static context =>
            {
                context.Connection.SetMetadata(JsonSerializer.Deserialize<string>(context.Body.Span)!, "noted");
                return default;
            }));
        await using (RawPeer peer = await server.OpenAsync())
        {
            foreach (string key in new[] { "a", "b", "a" })
            {
                await peer.AskAsync($$"""{"id":"1","action":"note","data":"{{key}}"}""", """{"id":"1","type":"ack"}""");
            }

            await peer.AskAsync(
                """{"id":"4","action":"note","data":"c"}""",
                """{"id":"4","type":"error","code":429,"data":"a connection has at most 2 pieces of metadata (MaxMetadataPerConnection)"}""");
            Assert.Equal(1, server.Hub.Counters.Refusals.GetValueOrDefault("MaxMetadataPerConnection"));
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Fact]
    public async Task Row_42_a_key_of_metadata_has_255_bytes()
    {
        await using HubServer server = await HubServer.JsonAsync();
        IWsConnection connection = server.Hub.Connections.Single();
        connection.SetMetadata(new string('é', 127), 1);
        Assert.Throws<ArgumentException>(() => connection.SetMetadata(new string('é', 128), 1));
        Assert.Throws<ArgumentException>(() => connection.SetMetadata(new string('n', 1_000_000), 1));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_43_a_resume_flood_is_repeated_no_more_than_its_budget(Door door, bool isSecure)
    {
        // Two whole logs, and the rest of the third: the budget may go below nothing once.
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            options =>
            {
                options.Rooms.HistoryMessages = History;
                options.ReplayBurstBytes = 250_000;
                options.ReplayBytesPerSecond = 1;
            });
        for (int i = 0; i < History; i++)
        {
            server.Hub.Room("news").Publish(Encoding.ASCII.GetBytes($"\"{new string('x', 1000)}\""));
        }

        string epoch = server.Hub.Room("news").Epoch;
        await using (RawPeer peer = await server.OpenAsync())
        {
            for (int i = 0; i < 3; i++)
            {
                await peer.SubscribeAsync("news", $$""","since":{"epoch":"{{epoch}}","sn":0}""");
                await peer.SendTextAsync("""{"id":"u","type":"unsubscribe","topic":"news"}""");
                (List<long> numbers, _) = await peer.ReadNumbersAsync();
                Assert.InRange(numbers.Count, 0, History);
            }

            for (int i = 0; i < 1000; i++)
            {
                await peer.SendTextAsync($$$"""{"id":"s","type":"subscribe","topic":"news","since":{"epoch":"{{{epoch}}}","sn":0}}""");
                string answer = await peer.ReadTextAsync();
                Assert.Contains("\"code\":429", answer, StringComparison.Ordinal);
                Assert.Contains("ReplayBytesPerSecond", answer, StringComparison.Ordinal);
            }

            // What repeats nothing is free.
            await peer.SubscribeAsync("news");
            Assert.Equal(1000, server.Hub.Counters.Refusals.GetValueOrDefault("ReplayBytesPerSecond"));
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Fact]
    public void Row_43_a_budget_of_replays_comes_back_with_time()
    {
        var clock = new ManualTimeProvider();
        var budget = new ReplayBudget();
        Assert.True(budget.TryTake(1500, 100, 1000, clock));
        Assert.False(budget.TryTake(1, 100, 1000, clock));
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False(budget.TryTake(1, 100, 1000, clock));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.TryTake(100, 100, 1000, clock));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.True(budget.TryTake(1001, 100, 1000, clock));
        Assert.False(budget.TryTake(1, 100, 1000, clock));
    }

    [Fact]
    public async Task Row_43_an_ack_flood_costs_a_comparison_each_and_leaves_nothing()
    {
        const int Acks = 20_000;
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped,
            configure: options =>
            {
                options.Rooms.Acknowledged = true;
                options.Rooms.HistoryMessages = History;
            },
            services: UserFromQuery.AddTo,
            app: UserFromQuery.Use);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(UserFromQuery.Handshake("ann"));
        await using (peer)
        {
            await peer.SubscribeAsync("news");
            server.Hub.Room("news").Publish("1"u8.ToArray());
            Assert.Equal(1, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
            byte[] good = RawPeer.Frame(Protocol.Framing.Opcode.Text, """{"type":"ack","topic":"news","sn":1}"""u8);
            byte[] bad = RawPeer.Frame(Protocol.Framing.Opcode.Text, """{"type":"ack","topic":"other","sn":9}"""u8);
            using var flood = new MemoryStream();
            for (int i = 0; i < Acks; i++)
            {
                flood.Write(i % 100 == 0 ? bad : good);
            }

            Task sent = peer.SendAsync(flood.ToArray());
            for (int i = 0; i < Acks / 100; i++)
            {
                Assert.Contains("\"code\":400", await peer.ReadTextAsync(), StringComparison.Ordinal);
            }

            await sent;
            await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
            Assert.Single(server.Hub.Rooms);
            Assert.Equal(["news"], connection.Rooms);
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }
}
