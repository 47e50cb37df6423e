using System.Text.Json;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>The built-in messages of PROTOCOL over a socket.</summary>
public sealed class BuiltInMessageTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task The_first_message_is_a_welcome_with_the_connections_id_and_the_heartbeat(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, options =>
        {
            options.PingInterval = TimeSpan.FromSeconds(18);
            options.PongTimeout = TimeSpan.FromSeconds(10);
        });
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.UpgradeAsync();

        JsonElement welcome = await peer.ReadJsonAsync();

        string id = welcome.GetProperty("id").GetString()!;
        Assert.Equal($$"""{"id":"{{id}}","type":"welcome","pingInterval":18000,"pingTimeout":10000}""", welcome.GetRawText());
        Assert.True(server.Hub.TryGetConnection(id, out IWsConnection? connection));
        Assert.Equal("/ws", connection.Path);
        Assert.NotNull(connection.RemoteEndPoint);
    }

    [Fact]
    public async Task A_welcome_can_be_left_out()
    {
        await using HubServer server = await HubServer.StartAsync(Door.Fast, false, options => options.SendWelcome = false, static _ => { }, speaksJson: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_names_of_discriminator_and_body_are_the_applications(bool isFiltered)
    {
        await using HubServer server = await HubServer.JsonAsync(
            build: builder => _ = isFiltered ? builder.UseLogging() : builder,
            configure: options =>
            {
                options.DiscriminatorNames.Add("op");
                options.BodyNames.Add("args");
                options.BodyNames.Add("params");
            },
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","op":"ping"}""", """{"id":"1","type":"pong"}""");
        await peer.AskAsync("""{"id":"2","op":"echo","args":[1]}""", """{"id":"2","type":"echo","args":[1]}""");
        await peer.AskAsync("""{"id":"3","op":"echo","params":[2]}""", """{"id":"3","type":"echo","params":[2]}""");
        await peer.SendTextAsync("""{"id":"4","action":"echo","data":3}""");
        JsonElement error = await peer.ReadJsonAsync();
        Assert.Equal(("error", 400), (error.GetProperty("type").GetString(), error.GetProperty("code").GetInt32()));
        Assert.Contains("\"op\"", error.GetProperty("data").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ping_is_answered_with_its_id_where_it_has_one()
    {
        await using HubServer server = await HubServer.JsonAsync();
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
        await peer.AskAsync("""{"id":2,"type":"ping"}""", """{"id":2,"type":"pong"}""");
        await peer.AskAsync("""{"action":"ping"}""", """{"type":"pong"}""");
    }

    [Theory]
    [InlineData("""{"id":"1","action":"subscribe","data":{"room_id":"a"}}""", "a")]
    [InlineData("""{"id":"1","action":"subscribe","payload":{"topic":"a"}}""", "a")]
    [InlineData("""{"id":"1","type":"subscribe","payload":{"topics":["a","b"]}}""", "a,b")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"a"}""", "a")]
    [InlineData("""{"id":"1","type":"subscribe","topics":["a","b","c"]}""", "a,b,c")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"/market/ticker:A,B","response":true}""", "/market/ticker:A,/market/ticker:B")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"\u0061\"b\\c"}""", "a\"b\\c")]
    public async Task Subscribes_and_unsubscribes_in_every_dialect(string subscribe, string topics)
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        string[] names = topics.Split(',');

        await peer.SendTextAsync(subscribe);
        foreach (string name in names)
        {
            JsonElement ack = await peer.ReadJsonAsync();
            Assert.Equal("1", ack.GetProperty("id").GetString());
            Assert.Equal("ack", ack.GetProperty("type").GetString());
            Assert.Equal(name, ack.GetProperty("topic").GetString());
            Assert.Equal(0, ack.GetProperty("sn").GetInt64());
            Assert.Equal(server.Hub.Room(name).Epoch, ack.GetProperty("epoch").GetString());
            Assert.False(ack.TryGetProperty("recovered", out JsonElement _));
            Assert.True(connection.IsSubscribed(name));
        }

        Assert.Equal(names.Order(), connection.Rooms.Order());
        foreach (string name in names)
        {
            server.Hub.Room(name).Publish("[1]"u8.ToArray(), new WsPublishOptions(Subject: "s"));
            JsonElement message = await peer.ReadJsonAsync();
            Assert.Equal(
                $$"""{"type":"message","topic":{{JsonSerializer.Serialize(name, JsonSerializerOptions.Default)}},"subject":"s","sn":1,"data":[1]}""".Replace("\\u0022", "\\\"", StringComparison.Ordinal),
                message.GetRawText());
        }

        await peer.SendTextAsync(subscribe.Replace("subscribe", "unsubscribe", StringComparison.Ordinal));
        foreach (string name in names)
        {
            JsonElement ack = await peer.ReadJsonAsync();
            Assert.Equal("ack", ack.GetProperty("type").GetString());
            Assert.Equal(name, ack.GetProperty("topic").GetString());
        }

        Assert.Empty(connection.Rooms);
        Assert.Empty(server.Hub.Rooms);
    }

    [Fact]
    public async Task Who_does_not_ask_for_an_answer_gets_none()
    {
        await using HubServer server = await HubServer.JsonAsync();
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"type":"subscribe","topic":"a"}""");
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        server.Hub.Room("a").Publish("1"u8.ToArray());
        Assert.Equal("""{"type":"message","topic":"a","sn":1,"data":1}""", await peer.ReadTextAsync());
        await peer.SendTextAsync("""{"type":"unsubscribe","topic":"a"}""");
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        Assert.Equal(0, server.Hub.Room("a").Publish("1"u8.ToArray()));

        await peer.SendTextAsync("""{"type":"subscribe","topic":"a","response":true}""");
        JsonElement ack = await peer.ReadJsonAsync();
        Assert.Equal("ack", ack.GetProperty("type").GetString());
        Assert.False(ack.TryGetProperty("id", out JsonElement _));
    }

    [Fact]
    public async Task The_answer_to_a_subscribe_comes_before_the_rooms_messages()
    {
        await using HubServer server = await HubServer.JsonAsync(configure: static options => options.Rooms.SlowConsumerPolicy = WsSlowConsumerPolicy.Skip);
        await using RawPeer holder = await server.OpenAsync();
        await holder.SubscribeAsync("busy");
        IWsRoom room = server.Hub.Room("busy");
        using var stop = new CancellationTokenSource();
        Task publishing = Task.Run(() =>
        {
            // The room is never quiet; its holder reads nothing, and by the room's policy needs not.
            while (!stop.IsCancellationRequested)
            {
                room.Publish("1"u8.ToArray());
                Thread.Yield();
            }
        });
        try
        {
            for (int i = 0; i < 50; i++)
            {
                await using RawPeer peer = await server.OpenAsync();
                (string epoch, long head) = await peer.SubscribeAsync("busy");
                Assert.Equal(room.Epoch, epoch);
                for (long next = head + 1; next < head + 4; next++)
                {
                    Assert.Equal(next, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await publishing;
        }
    }

    [Fact]
    public async Task Subscribing_again_changes_nothing()
    {
        await using HubServer server = await HubServer.JsonAsync();
        await using RawPeer peer = await server.OpenAsync();
        (string epoch, long _) = await peer.SubscribeAsync("a");
        server.Hub.Room("a").Publish("1"u8.ToArray());
        Assert.Equal(1, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());

        Assert.Equal((epoch, 0), await peer.SubscribeAsync("a", ""","since":"last" """));

        Assert.Equal(1, server.Hub.Room("a").MemberCount);
        server.Hub.Room("a").Publish("1"u8.ToArray());
        Assert.Equal(2, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task A_room_that_is_not_open_to_clients_is_joined_by_the_application_alone()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder
            .ConfigureRooms("inbox:*", options => options.Subscribable = false)
            .MapAction("enter", static async context => await context.Connection.JoinAsync("inbox:ann")));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","type":"subscribe","topics":["inbox:ann","open"]}""");
        Assert.StartsWith("""{"id":"1","type":"error","code":400,"topic":"inbox:ann",""", await peer.ReadTextAsync(), StringComparison.Ordinal);
        Assert.StartsWith("""{"id":"1","type":"ack","topic":"open",""", await peer.ReadTextAsync(), StringComparison.Ordinal);

        await peer.AskAsync("""{"id":"2","action":"enter"}""", """{"id":"2","type":"ack"}""");
        server.Hub.Room("inbox:ann").Publish("1"u8.ToArray());
        Assert.Equal("""{"type":"message","topic":"inbox:ann","sn":1,"data":1}""", await peer.ReadTextAsync());
    }

    [Theory]
    [InlineData("""{"id":"1","type":"subscribe"}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":5}""")]
    [InlineData("""{"id":"1","type":"subscribe","topics":"a"}""")]
    [InlineData("""{"id":"1","type":"subscribe","topics":[]}""")]
    [InlineData("""{"id":"1","type":"subscribe","topics":["a",5]}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"/a:b,,c"}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"a","since":"first"}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"a","since":{"sn":1}}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"a","since":{"epoch":"x","sn":-1}}""")]
    [InlineData("""{"id":"1","type":"unsubscribe"}""")]
    [InlineData("""{"id":"1","type":"ack","topic":"a"}""")]
    public async Task What_is_wrong_is_said_and_changes_nothing(string message)
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        await peer.SendTextAsync(message);
        Assert.StartsWith("""{"id":"1","type":"error","code":400,""", await peer.ReadTextAsync(), StringComparison.Ordinal);
        Assert.Empty(connection.Rooms);
        Assert.Empty(server.Hub.Rooms);
    }
}
