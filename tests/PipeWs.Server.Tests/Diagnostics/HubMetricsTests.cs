using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Diagnostics;

/// <summary>The meter, read as an exporter reads it, while peers come through every door.</summary>
public sealed partial class HubMetricsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Connections_messages_and_bytes_are_measured(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false);
        using var meter = new MeterRecorder(server.Server.App.Services);
        Assert.Equal(0, meter.Read("pipews.server.connections", ("pipews.hub", "")));

        RawPeer peer = await server.OpenAsync();
        long welcome = server.Hub.GetStatistics().Traffic.BytesSent;
        string request = """{"id":"1","action":"echo","data":"hi"}""";
        string answer = """{"id":"1","type":"echo","data":"hi"}""";
        await peer.AskAsync(request, answer);

        Assert.Equal(1, meter.Read("pipews.server.connections", ("pipews.hub", "")));
        Assert.Equal(1, meter.Read("pipews.server.connection.opened"));
        Assert.Equal(1, meter.Read("pipews.server.messages", ("network.io.direction", "receive")));
        Assert.Equal(2, meter.Read("pipews.server.messages", ("network.io.direction", "transmit")));
        Assert.Equal(2 + 4 + request.Length, meter.Read("pipews.server.io", ("network.io.direction", "receive")));
        Assert.Equal(welcome + 2 + answer.Length, meter.Read("pipews.server.io", ("network.io.direction", "transmit")));
        Assert.Empty(meter.Observe("pipews.server.connection.closed"));

        await peer.CloseAsync();
        await peer.DisposeAsync();
        await server.AssertConnectionsAsync(0);
        await Conditions.UntilAsync(() => meter.Recorded("pipews.server.connection.duration").Count == 1, "the duration is recorded");
        MeterRecorder.Measured duration = Assert.Single(meter.Recorded("pipews.server.connection.duration"));
        Assert.Equal("1000", duration.Tags["pipews.close.code"]);
        Assert.InRange(duration.Value, 0.000001, 60);
        Assert.Equal(0, meter.Read("pipews.server.connections", ("pipews.hub", "")));
        Assert.Equal(1, meter.Read("pipews.server.connection.closed", ("pipews.close.code", "1000")));

        // What ended counts on.
        Assert.Equal(1, meter.Read("pipews.server.messages", ("network.io.direction", "receive")));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Refused_handshakes_are_measured_by_status_and_by_limit(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, options => options.MaxConnections = 1);
        using var meter = new MeterRecorder(server.Server.App.Services);
        foreach (string handshake in (string[])[RawPeer.Handshake(), RawPeer.Handshake(more: "Origin: https://elsewhere.example")])
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(handshake);
            Assert.NotEqual(101, (await peer.ReadAnswerAsync()).StatusCode);
        }

        Assert.Equal([503, 403], meter.Recorded("pipews.server.handshake.refusals").Select(refusal => (int)refusal.Tags["http.response.status_code"]!));
        Assert.Equal(1, meter.Read("pipews.server.refusals", ("pipews.limit", "MaxConnections")));
    }

    [Fact]
    public async Task Rooms_members_and_logs_are_measured()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, configure: options => options.Rooms.HistoryMessages = 10);
        using var meter = new MeterRecorder(server.Server.App.Services);
        await using RawPeer ann = await server.OpenAsync();
        await using RawPeer ben = await server.OpenAsync();
        await ann.SubscribeAsync("a");
        await ben.SubscribeAsync("a");
        await ben.SubscribeAsync("b");
        server.Hub.Room("a").PublishRaw(new byte[98], WsMessageType.Binary);
        await ann.ReadFrameAsync();

        Assert.Equal(2, meter.Read("pipews.server.rooms"));
        Assert.Equal(3, meter.Read("pipews.server.room.members"));
        Assert.Equal(100, meter.Read("pipews.server.room.log.size"));
    }

    [Fact]
    public async Task Joins_over_a_limit_are_measured_by_the_limit()
    {
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false,
            configure: static options =>
            {
                options.MaxRoomsPerConnection = 2;
                options.Rooms.MaxConnectionsPerRoom = 1;
            });
        using var meter = new MeterRecorder(server.Server.App.Services);
        await using RawPeer ann = await server.OpenAsync();
        await using RawPeer ben = await server.OpenAsync();
        await ann.SubscribeAsync("a");
        await ann.SubscribeAsync("b");
        foreach ((RawPeer peer, string room) in new[] { (ann, "c"), (ben, "a"), (ben, "b") })
        {
            await peer.SendTextAsync($$"""{"id":"s","type":"subscribe","topic":"{{room}}"}""");
            Assert.Equal("error", (await peer.ReadJsonAsync()).GetProperty("type").GetString());
        }

        Assert.Equal(1, meter.Read("pipews.server.refusals", ("pipews.limit", "MaxRoomsPerConnection")));
        Assert.Equal(2, meter.Read("pipews.server.refusals", ("pipews.limit", "MaxConnectionsPerRoom")));
    }

    [Fact]
    public async Task Failures_of_handlers_and_hooks_are_measured()
    {
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false,
            build: builder => builder
                .MapAction("fail", static _ => throw new InvalidTimeZoneException("no"))
                .OnBinary(static _ => throw new InvalidTimeZoneException("no")));
        server.Hub.Joined += static _ => throw new InvalidTimeZoneException("no");
        using var meter = new MeterRecorder(server.Server.App.Services);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"fail"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        Assert.Equal(1, meter.Read("pipews.server.handler.errors"));
        await peer.SubscribeAsync("a");
        await Conditions.UntilAsync(() => meter.Read("pipews.server.hook.errors") == 1, "the event's handler has failed");

        await peer.SendFrameAsync(Opcode.Binary, [1]);
        await peer.ReadCloseAsync(1011);
        await peer.DisposeAsync();
        await server.AssertConnectionsAsync(0);
        await Conditions.UntilAsync(() => meter.Read("pipews.server.handler.errors") == 2, "the raw handler's failure is counted");
        Assert.Equal(1, meter.Read("pipews.server.connection.closed", ("pipews.close.code", "1011")));
    }

    [Fact]
    public async Task The_round_trip_of_a_ping_is_measured()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false);
        using var meter = new MeterRecorder(server.Server.App.Services);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        Task<TimeSpan> ping = connection.PingAsync().AsTask();
        RawFrame frame = await peer.ReadFrameAsync();
        Assert.Equal(Opcode.Ping, frame.Opcode);
        await peer.SendFrameAsync(Opcode.Pong, frame.Payload);
        await ping.Soon();

        await Conditions.UntilAsync(() => meter.Recorded("pipews.server.ping.round_trip").Count == 1, "the round trip is recorded");
        Assert.InRange(meter.Recorded("pipews.server.ping.round_trip")[0].Value, 0, 20);
        Assert.Equal(1, meter.Read("pipews.server.pings"));

        // A pong that nobody asked for is none.
        await peer.SendFrameAsync(Opcode.Pong, [1, 2, 3, 4, 5, 6, 7, 8]);
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        Assert.Single(meter.Recorded("pipews.server.ping.round_trip"));
        await peer.DisposeAsync();
    }

    [Fact]
    public async Task Each_hub_is_measured_under_its_name_and_each_instrument_is_there_once()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, services: services => services.AddPipeWs("second"));
        server.Server.App.Services.GetRequiredKeyedService<IWsHub>("second").Room("r");
        using var meter = new MeterRecorder(server.Server.App.Services);
        await using RawPeer peer = await server.OpenAsync();

        Assert.Equal(1, meter.Read("pipews.server.connections", ("pipews.hub", "")));
        Assert.Equal(0, meter.Read("pipews.server.connections", ("pipews.hub", "second")));
        Assert.All(meter.Instruments.Values, static instrument =>
        {
            Assert.Matches(InstrumentName(), instrument.Name);
            Assert.False(string.IsNullOrEmpty(instrument.Unit), instrument.Name);
            Assert.False(string.IsNullOrEmpty(instrument.Description), instrument.Name);
        });
    }

    [Fact]
    public async Task A_hub_that_is_gone_is_not_measured()
    {
        HubServer server = await HubServer.JsonAsync(hasBystander: false);
        var metrics = server.Server.App.Services.GetRequiredService<PipeWs.Server.Diagnostics.HubMetrics>();
        using var meter = new MeterRecorder(server.Server.App.Services);
        Assert.Single(meter.Observe("pipews.server.rooms"));
        metrics.Remove(server.Hub);
        Assert.Empty(meter.Observe("pipews.server.rooms"));
        await server.DisposeAsync();
    }

    [GeneratedRegex(@"^pipews\.server(\.[a-z_]+)+$")]
    private static partial Regex InstrumentName();
}
