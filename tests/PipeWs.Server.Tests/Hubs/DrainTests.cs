using System.Text;
using System.Text.Json;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>A hub is emptied before its process is replaced.</summary>
public sealed class DrainTests
{
    private const string Prefix = "reconnect after ";

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_client_gets_what_is_pending_a_hint_and_1012_and_newcomers_are_sent_away(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("news");
        server.Hub.Room("news").Publish("1"u8.ToArray());

        Task drained = server.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.Zero, ReconnectWindow = TimeSpan.FromSeconds(2) }, TestContext.Current.CancellationToken);

        var rest = new List<JsonElement> { await peer.ReadJsonAsync(), await peer.ReadJsonAsync() };
        JsonElement hint = Assert.Single(rest, message => message.GetProperty("type").GetString() == "reconnect");
        Assert.Single(rest, message => message.GetProperty("type").GetString() == "message");
        long after = hint.GetProperty("after").GetInt64();
        Assert.InRange(after, 0, 2000);
        RawFrame close = await peer.ReadCloseAsync(1012);
        Assert.Equal($"{Prefix}{after} ms", Encoding.UTF8.GetString(close.Payload, 2, close.Payload.Length - 2));
        await using (RawPeer newcomer = await server.Server.ConnectAsync())
        {
            await newcomer.SendAsync(RawPeer.Handshake());
            HttpAnswer answer = await newcomer.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            Assert.Equal("5", answer["Retry-After"]);
            Assert.Contains("restarted", answer.Body, StringComparison.Ordinal);
        }

        Assert.False(drained.IsCompleted);
        Assert.True(server.Hub.IsDraining);
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xF4]);
        await peer.AssertClosedAsync();
        await drained.Soon();
        await server.AssertConnectionsAsync(0);
    }

    [Fact]
    public async Task Raw_clients_get_the_hint_as_the_reason_alone()
    {
        await using HubServer server = await HubServer.EchoAsync(Door.Fast);
        RawPeer peer = server.Bystander!;
        Task drained = server.Hub.DrainAsync(
            new WsDrainOptions { Window = TimeSpan.Zero, ReconnectWindow = TimeSpan.Zero, CloseCode = 1001 }, TestContext.Current.CancellationToken);
        RawFrame close = await peer.ReadCloseAsync(1001);
        Assert.Equal(Prefix + "0 ms", Encoding.UTF8.GetString(close.Payload, 2, close.Payload.Length - 2));
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
        await drained.Soon();
    }

    [Fact]
    public async Task Connections_are_closed_evenly_over_the_window()
    {
        const int Peers = 10;
        var clock = new ManualTimeProvider();
        using var test = new TestHub(time: clock);
        var peers = new List<HubPeer>();
        for (int i = 0; i < Peers; i++)
        {
            peers.Add(new HubPeer(test.Hub));
            await peers[^1].UntilAsync(texts => texts.Count == 1, "the welcome");
        }

        Task drained = test.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.FromSeconds(10) }, TestContext.Current.CancellationToken);
        for (int gone = 1; gone <= Peers; gone++)
        {
            await Conditions.UntilAsync(() => test.Hub.ConnectionCount == Peers - gone, $"{gone} are gone");
            Assert.Equal(gone, peers.Count(peer => peer.CloseCode == 1012));
            await Conditions.UntilAsync(() => gone == Peers || clock.WaitingTimers == 2, "the next is waited for");
            clock.Advance(TimeSpan.FromSeconds(0.99));
            Assert.Equal(Peers - gone, test.Hub.ConnectionCount);
            clock.Advance(TimeSpan.FromSeconds(0.01));
        }

        await drained.Soon();
        Assert.All(peers, peer => Assert.Contains("\"type\":\"reconnect\"", peer.Texts[^1], StringComparison.Ordinal));
        foreach (HubPeer peer in peers)
        {
            await peer.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_end_of_the_application_ends_a_drain_at_once()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false);
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();

        // One that is listed only after the drain has begun is told to go at once.
        await Conditions.UntilAsync(() => server.Hub.ConnectionCount == 2, "both are on the list");
        Task drained = server.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.FromHours(1) }, TestContext.Current.CancellationToken);
        await Conditions.UntilAsync(() => server.Hub.Connections.Any(connection => connection.ConnectionClosed.IsCancellationRequested), "the first is told to go");

        Task stopped = server.Server.App.StopAsync(TestContext.Current.CancellationToken);

        var codes = new List<int>();
        foreach (RawPeer peer in new[] { first, second })
        {
            RawFrame frame;
            do
            {
                frame = await peer.ReadFrameAsync();
            }
            while (frame.Opcode != Opcode.Close);
            codes.Add(frame.CloseCode);
            await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        }

        Assert.Equal([1001, 1012], codes.Order());
        await stopped.Soon();
        await drained.Soon();
    }

    [Fact]
    public async Task A_drain_that_is_given_up_leaves_the_rest_open_and_the_door_shut()
    {
        var clock = new ManualTimeProvider();
        using var test = new TestHub(time: clock);
        await using var first = new HubPeer(test.Hub);
        await using var second = new HubPeer(test.Hub);
        using var giveUp = new CancellationTokenSource();
        Task drained = test.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.FromHours(1) }, giveUp.Token);
        await Conditions.UntilAsync(() => test.Hub.ConnectionCount == 1, "the first is gone");

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => drained);
        Assert.Equal(1, test.Hub.ConnectionCount);
        Assert.False(test.Hub.TryReserve(null, out _, out var refusal));
        Assert.Equal(503, refusal.StatusCode);
    }

    [Fact]
    public async Task An_empty_hub_is_drained_at_once_and_bad_options_are_refused()
    {
        using var test = new TestHub();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => test.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.FromSeconds(-1) }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => test.Hub.DrainAsync(new WsDrainOptions { ReconnectWindow = TimeSpan.FromDays(100) }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => test.Hub.DrainAsync(new WsDrainOptions { CloseCode = 1005 }));
        Assert.False(test.Hub.IsDraining);
        await test.Hub.DrainAsync(cancellationToken: TestContext.Current.CancellationToken).Soon();
    }
}
