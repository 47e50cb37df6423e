using System.Net.WebSockets;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>The host stops: 1001 to everyone, after what was sent before.</summary>
public sealed class ShutdownTests
{
    private const int Messages = 200;

    /// <summary>Well below the host's own 30 s, after which it would abort.</summary>
    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(15);

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Clients_get_what_is_pending_and_then_1001(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false);
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await first.SubscribeAsync("last words");
        await second.SubscribeAsync("last words");
        for (int i = 0; i < Messages; i++)
        {
            server.Hub.Room("last words").Publish(Encoding.ASCII.GetBytes($"\"{new string('x', 1000)}\""));
        }

        Task stopped = server.Server.App.StopAsync();

        foreach (RawPeer peer in new[] { first, second })
        {
            for (int i = 1; i <= Messages; i++)
            {
                Assert.Equal(i, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
            }

            await peer.ReadCloseAsync(1001);
            await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
            await peer.AssertClosedAsync();
        }

        await stopped.WaitAsync(s_promptly);
        await server.AssertConnectionsAsync(0);
        Assert.Empty(server.Hub.Rooms);
        Assert.Equal(2300, Assert.Single(server.Server.Log.All).Id.Id);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Who_does_not_answer_does_not_hold_the_host_up(Door door, bool isSecure)
    {
        var running = new TaskCompletionSource();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            options => options.CloseTimeout = TimeSpan.FromSeconds(0.5),
            builder => builder.MapAction("wait", async context =>
            {
                running.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed);
            }),
            hasBystander: false);
        await using RawPeer silent = await server.OpenAsync();
        await using RawPeer busy = await server.OpenAsync();
        await busy.SendTextAsync("""{"action":"wait"}""");
        await running.Task.Soon();

        await server.Server.App.StopAsync().WaitAsync(s_promptly);

        await server.AssertConnectionsAsync(0);
        await silent.ReadCloseAsync(1001);
        await busy.ReadCloseAsync(1001);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_handler_is_waited_for_and_newcomers_are_sent_away_meanwhile(Door door, bool isSecure)
    {
        var running = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            build: builder => builder.MapAction("work", async _ =>
            {
                running.SetResult();
                await finish.Task;
            }),
            hasBystander: false);
        await using RawPeer busy = await server.OpenAsync();
        await busy.SendTextAsync("""{"action":"work"}""");
        await running.Task.Soon();

        Task stopped = server.Server.App.StopAsync();
        await busy.ReadCloseAsync(1001);
        await using (RawPeer newcomer = await server.Server.ConnectAsync())
        {
            await newcomer.SendAsync(RawPeer.Handshake());
            HttpAnswer answer = await newcomer.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            Assert.Equal("5", answer["Retry-After"]);
            Assert.Contains("shutting down", answer.Body, StringComparison.Ordinal);
            await newcomer.AssertClosedAsync();
        }

        Assert.False(stopped.IsCompleted);
        await busy.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
        finish.SetResult();
        await stopped.WaitAsync(s_promptly);
        await server.AssertConnectionsAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_handler_that_never_returns_is_left_behind_at_ShutdownTimeout(Door door, bool isSecure)
    {
        var running = new TaskCompletionSource();
        var never = new TaskCompletionSource();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            options => options.ShutdownTimeout = TimeSpan.FromSeconds(0.3),
            builder => builder.MapAction("hang", _ =>
            {
                running.SetResult();
                return new ValueTask(never.Task);
            }),
            hasBystander: false);
        await using RawPeer busy = await server.OpenAsync();
        await busy.SendTextAsync("""{"action":"hang"}""");
        await running.Task.Soon();

        await server.Server.App.StopAsync().WaitAsync(s_promptly);

        await server.AssertConnectionsAsync(0);
        await busy.ReadCloseAsync(1001);
        Assert.Equal([2300, 2301, 2302], server.Server.Log.PipeWs.Select(line => line.Id.Id));
        never.SetResult();
    }

    [Fact]
    public async Task Who_takes_its_backlog_slowly_but_takes_it_gets_all_of_it_before_1001()
    {
        const int Backlog = 2000;
        var clock = new ManualTimeProvider();
        await using HubServer server = await HubServer.JsonAsync(clock: clock, sendBufferBytes: 8192, hasBystander: false);
        (RawPeer slow, HubConnection taken) = await server.OpenWithConnectionAsync(receiveBufferBytes: 4096);
        await using RawPeer _ = slow;
        await using RawPeer stuck = await server.OpenAsync(receiveBufferBytes: 4096);
        await slow.SubscribeAsync("last words");
        await stuck.SubscribeAsync("last words");
        for (int i = 0; i < Backlog; i++)
        {
            server.Hub.Room("last words").Publish(Encoding.ASCII.GetBytes($"\"{new string('x', 1000)}\""));
        }

        Task stopped = server.Server.App.StopAsync();
        await Conditions.UntilAsync(() => server.Hub.Connections.All(connection => connection.ConnectionClosed.IsCancellationRequested), "all are told to go");
        long sent = 0;
        for (int i = 1; i <= Backlog; i++)
        {
            Assert.Equal(i, (await slow.ReadJsonAsync()).GetProperty("sn").GetInt64());
            if (i % 250 == 0)
            {
                // Together much more than CloseTimeout.
                await Conditions.UntilAsync(() => taken.Ws.BytesSent > sent, "what was taken made room for more");
                sent = taken.Ws.BytesSent;
                clock.Advance(TimeSpan.FromSeconds(2));
            }
        }

        // The one that takes nothing is gone long since.
        await Conditions.UntilAsync(() => server.Hub.ConnectionCount == 1, "the other is given up");
        await slow.ReadCloseAsync(1001);
        Assert.False(stopped.IsCompleted);
        await slow.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
        await slow.AssertClosedAsync();
        await stopped.WaitAsync(s_promptly);
    }

    [Fact]
    public async Task An_endpoint_that_closes_alone_is_noticed_within_half_a_second()
    {
        var clock = new ManualTimeProvider();
        using var hub = new TestHub(time: clock);
        using var endpoint = new CancellationTokenSource();
        await using var closing = new HubPeer(hub.Hub, closeRequested: endpoint.Token);
        await using var other = new HubPeer(hub.Hub);
        await hub.Hub.All.SendTextAsync("before");
        await endpoint.CancelAsync();

        clock.Advance(WsHeartbeat.Interval);

        await closing.Served.Soon();
        Assert.Equal(TimeSpan.FromSeconds(0.5), WsHeartbeat.Interval);
        Assert.Equal(1001, closing.CloseCode);
        Assert.Contains("before", closing.Texts);
        Assert.False(other.Served.IsCompleted);
        Assert.Equal(0, other.CloseCode);
        Assert.Single(hub.Hub.Connections);
    }

    [Fact]
    public async Task A_connection_that_comes_as_its_endpoint_closes_is_told_at_once()
    {
        using var hub = new TestHub(time: new ManualTimeProvider());
        using var endpoint = new CancellationTokenSource();
        await endpoint.CancelAsync();
        await using var peer = new HubPeer(hub.Hub, closeRequested: endpoint.Token);

        await peer.Served.Soon();

        Assert.Equal(1001, peer.CloseCode);
    }

    [Fact]
    public async Task Clients_over_HTTP_2_get_1001_too()
    {
        await using HubServer server = await HubServer.JsonAsync(Door.MappedH2, hasBystander: false);
        using ClientWebSocket socket = await server.Server.OpenAsync();
        using var patience = new CancellationTokenSource(RawPeer.Patience);
        var buffer = new byte[1000];
        Assert.Contains("welcome", Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, patience.Token)).Count), StringComparison.Ordinal);
        await server.Hub.All.SendTextAsync("last words");
        IWsConnection connection = Assert.Single(server.Hub.Connections);

        Task stopped = server.Server.App.StopAsync();

        Assert.Equal("last words", Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, patience.Token)).Count));
        WebSocketReceiveResult close = await socket.ReceiveAsync(buffer, patience.Token);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, close.CloseStatus);

        // The answer may have come, and the server have ended the HTTP connection, before the call that sent it returns; it then throws.
        await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, "", patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Assert.True((await connection.Closed.Soon()).WasClean);
        await stopped.WaitAsync(s_promptly);
        await server.AssertConnectionsAsync(0);
    }
}
