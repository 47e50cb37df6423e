using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Diagnostics;

/// <summary>The statistics by code and as JSON, after traffic that is known to the byte.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Mapped)]
    public async Task The_endpoint_says_exactly_what_went_through(Door door)
    {
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            configure: static options => options.Rooms.HistoryMessages = 10,
            clock: clock,
            app: static app => app.MapPipeWsStats(),
            hasBystander: false);
        using HttpClient http = server.Server.CreateHttpClient();
        RawPeer gone = await server.OpenAsync();
        await gone.CloseAsync();
        await gone.DisposeAsync();
        await server.AssertConnectionsAsync(0);
        await Conditions.UntilAsync(() => server.Hub.GetStatistics().Connections.Closed.Count == 1, "the first connection has ended");
        WsTrafficStatistics before = server.Hub.GetStatistics().Traffic;

        await using RawPeer peer = await RawPeer.ConnectAsync(server.Server.Port);
        await peer.UpgradeAsync();
        string welcome = await peer.ReadTextAsync();
        string request = """{"id":"1","action":"echo","data":"hi"}""";
        string answer = """{"id":"1","type":"echo","data":"hi"}""";
        await peer.AskAsync(request, answer);
        string subscribe = """{"id":"s","type":"subscribe","topic":"/room '1'"}""";
        await peer.SendTextAsync(subscribe);
        string ack = await peer.ReadTextAsync();
        IWsRoom room = server.Hub.Room("/room '1'");
        room.Publish("1"u8.ToArray());
        string first = await peer.ReadTextAsync();
        room.Publish("2"u8.ToArray());
        string second = await peer.ReadTextAsync();
        clock.Advance(TimeSpan.FromSeconds(5));

        string[] sent = [welcome, answer, ack, first, second];
        long bytesSent = sent.Sum(static text => Frame(text));
        long bytesReceived = Frame(request) + 4 + Frame(subscribe) + 4;
        JsonElement json = await http.GetFromJsonAsync<JsonElement>("/ws/stats");
        Assert.Equal("", json.GetProperty("hub").GetString());
        Assert.Equal(5, json.GetProperty("uptimeSeconds").GetDouble());
        Assert.Equal(clock.GetUtcNow(), json.GetProperty("takenAt").GetDateTimeOffset());
        JsonElement connections = json.GetProperty("connections");
        Assert.Equal("""{"open":1,"max":10000,"opened":2,"closed":{"1000":1},"refused":{}}""", connections.GetRawText());
        JsonElement totals = json.GetProperty("totals");
        Assert.Equal(before.MessagesReceived + 2, totals.GetProperty("messagesReceived").GetInt64());
        Assert.Equal(before.MessagesSent + 5, totals.GetProperty("messagesSent").GetInt64());
        Assert.Equal(before.BytesReceived + bytesReceived, totals.GetProperty("bytesReceived").GetInt64());
        Assert.Equal(before.BytesSent + bytesSent, totals.GetProperty("bytesSent").GetInt64());
        JsonElement rates = json.GetProperty("rates");
        Assert.Equal(5, rates.GetProperty("windowSeconds").GetDouble());
        Assert.Equal((before.MessagesReceived + 2) / 5.0, rates.GetProperty("messagesReceivedPerSecond").GetDouble());
        Assert.Equal(Math.Round((before.BytesSent + bytesSent) / 5.0, 3), rates.GetProperty("bytesSentPerSecond").GetDouble());
        Assert.Equal("""{"slowConsumers":{"disconnect":0,"skip":0,"conflate":0,"unsubscribe":0},"gaps":0,"skippedMessages":0,"rateLimited":0}""", json.GetProperty("drops").GetRawText());
        Assert.Equal("""{"refused":0}""", json.GetProperty("authentication").GetRawText());
        Assert.Equal("""{"handlers":0,"hooks":0}""", json.GetProperty("errors").GetRawText());
        JsonElement rooms = json.GetProperty("rooms");
        Assert.Equal(1, rooms.GetProperty("count").GetInt32());
        Assert.Equal(1, rooms.GetProperty("members").GetInt32());
        Assert.Equal(
            $$"""{"name":"/room \u00271\u0027","members":1,"epoch":"{{room.Epoch}}","head":2,"logMessages":2,"logBytes":{{Frame(first) + Frame(second)}},"maxLagMessages":0,"slowConsumers":0}""",
            Assert.Single(rooms.GetProperty("list").EnumerateArray()).GetRawText());
        JsonElement[] shards = [.. json.GetProperty("shards").EnumerateArray()];
        Assert.Equal(Environment.ProcessorCount, shards.Length);
        Assert.Equal(1, shards.Sum(static shard => shard.GetProperty("connections").GetInt32()));
        Assert.Equal(before.BytesSent + bytesSent, shards.Sum(static shard => shard.GetProperty("bytesSent").GetInt64()));
        Assert.Equal(2, shards.Sum(static shard => shard.GetProperty("servedMembers").GetInt64()));
        Assert.All(shards, static shard => Assert.False(shard.GetProperty("queued").GetBoolean()));

        // Ten seconds and more without a message.
        clock.Advance(TimeSpan.FromSeconds(15));
        rates = (await http.GetFromJsonAsync<JsonElement>("/ws/stats")).GetProperty("rates");
        Assert.Equal("""{"windowSeconds":10,"messagesReceivedPerSecond":0,"messagesSentPerSecond":0,"bytesReceivedPerSecond":0,"bytesSentPerSecond":0}""", rates.GetRawText());
    }

    [Fact]
    public async Task Rooms_are_listed_by_their_members_as_many_as_were_asked_for()
    {
        await using HubServer server = await HubServer.JsonAsync(app: static app => app.MapPipeWsStats("/inside"), hasBystander: false);
        using HttpClient http = server.Server.CreateHttpClient();
        var peers = new List<RawPeer>();
        for (int i = 0; i < 4; i++)
        {
            RawPeer peer = await server.OpenAsync();
            peers.Add(peer);
            for (int room = 0; room <= i; room++)
            {
                await peer.SubscribeAsync($"r{room}");
            }
        }

        Assert.Equal(["r0 4", "r1 3", "r2 2", "r3 1"], await RoomsAsync("/inside"));
        Assert.Equal(["r0 4", "r1 3"], await RoomsAsync("/inside?rooms=2"));
        Assert.Equal([], await RoomsAsync("/inside?rooms=0"));
        Assert.Equal(["r2 2"], await RoomsAsync("/inside?room=r2"));
        Assert.Equal([], await RoomsAsync("/inside?room=r9"));
        foreach (string query in (string[])["rooms=x", "rooms=-1", "rooms=10001", "rooms=1&rooms=2", "room=", "room=" + new string('x', 256)])
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri("/inside?" + query, UriKind.Relative));
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        }

        using HttpResponseMessage post = await http.PostAsync(new Uri("/inside", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        foreach (RawPeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        async Task<IEnumerable<string>> RoomsAsync(string path)
        {
            JsonElement rooms = (await http.GetFromJsonAsync<JsonElement>(path)).GetProperty("rooms");
            Assert.Equal(4, rooms.GetProperty("count").GetInt32());
            Assert.Equal(10, rooms.GetProperty("members").GetInt32());
            return [.. rooms.GetProperty("list").EnumerateArray().Select(static room => $"{room.GetProperty("name").GetString()} {room.GetProperty("members").GetInt32()}")];
        }
    }

    [Fact]
    public async Task The_lag_of_the_slowest_member_and_what_a_policy_did_are_told()
    {
        using var hub = new TestHub(static options =>
        {
            options.Rooms.MaxLagMessages = 8;
            options.Rooms.SlowConsumerPolicy = WsSlowConsumerPolicy.Skip;
        });
        await using var slow = new HubPeer(hub.Hub, windowBytes: 256);
        await using var quick = new HubPeer(hub.Hub);
        foreach (HubPeer peer in (HubPeer[])[slow, quick])
        {
            await peer.SendAsync("""{"id":"s","type":"subscribe","topic":"feed"}""");
            await peer.UntilAsync(static texts => texts.Any(static text => text.Contains("ack", StringComparison.Ordinal)), "the answer");
        }

        slow.Pause();
        IWsRoom room = hub.Hub.Room("feed");
        byte[] data = JsonSerializer.SerializeToUtf8Bytes(new string('x', 300));
        int published = 0;
        while (published < 64 && hub.Hub.GetStatistics(room: "feed").Rooms[0].MaxLag < 3)
        {
            string number = $"\"sn\":{room.Publish(data)},";
            published++;
            await quick.UntilAsync(texts => texts.Any(text => text.Contains(number, StringComparison.Ordinal)), "the quick member's message");
        }

        Assert.Equal(3, hub.Hub.GetStatistics(room: "feed").Rooms[0].MaxLag);
        for (int i = 0; i < 20; i++)
        {
            string number = $"\"sn\":{room.Publish(data)},";
            published++;
            await quick.UntilAsync(texts => texts.Any(text => text.Contains(number, StringComparison.Ordinal)), "the quick member's message");
        }

        slow.Resume();
        await slow.UntilAsync(static texts => texts.Any(static text => text.Contains("\"gap\"", StringComparison.Ordinal)), "the gap message");
        using JsonDocument gap = JsonDocument.Parse(slow.Texts.First(static text => text.Contains("\"gap\"", StringComparison.Ordinal)));
        long skipped = gap.RootElement.GetProperty("to").GetInt64() - gap.RootElement.GetProperty("from").GetInt64() + 1;
        WsHubStatistics statistics = hub.Hub.GetStatistics();
        Assert.Equal(1, statistics.Delivery.SlowConsumers[WsSlowConsumerPolicy.Skip]);
        Assert.Equal(0, statistics.Delivery.SlowConsumers[WsSlowConsumerPolicy.Disconnect]);
        Assert.Equal((1, skipped), (statistics.Delivery.Gaps, statistics.Delivery.SkippedMessages));
        Assert.Equal((1, published), (statistics.Rooms[0].SlowConsumers, statistics.Rooms[0].Head));
        Assert.Equal(0, statistics.Rooms[0].MaxLag);
    }

    [Fact]
    public async Task A_hub_that_nobody_added_cannot_be_mapped()
    {
        await using WebApplication app = WebApplication.CreateSlimBuilder().Build();
        Assert.Contains("AddPipeWs", Assert.Throws<InvalidOperationException>(() => app.MapPipeWsStats()).Message, StringComparison.Ordinal);
        Assert.Contains("'other'", Assert.Throws<InvalidOperationException>(() => app.MapPipeWsStats(hub: "other")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_endpoint_can_ask_for_authorization()
    {
        await using HubServer server = await HubServer.JsonAsync(
            services: static services => services.AddAuthentication().AddCookie(static cookie => cookie.Events.OnRedirectToLogin = static context =>
            {
                context.Response.StatusCode = 401;
                return Task.CompletedTask;
            }).Services.AddAuthorization(),
            app: static app =>
            {
                app.UseAuthentication();
                app.UseAuthorization();
                app.MapPipeWsStats().RequireAuthorization();
            });
        using HttpClient http = server.Server.CreateHttpClient();
        using HttpResponseMessage answer = await http.GetAsync(new Uri("/ws/stats", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static long Frame(string text) => text.Length + (text.Length < 126 ? 2 : 4);
}
