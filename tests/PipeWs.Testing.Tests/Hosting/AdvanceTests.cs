using PipeWs.Server;

namespace PipeWs.Testing.Tests.Hosting;

/// <summary>Time in the hands of a test.</summary>
public sealed class AdvanceTests
{
    [Fact]
    public async Task A_peer_that_answers_pings_stays_however_far_the_clock_goes()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync();

        await server.AdvanceAsync(TimeSpan.FromHours(1));

        Assert.False(peer.HasEnded);
        Assert.Equal(TimeSpan.FromHours(1), server.Clock.Elapsed);
        Assert.InRange(peer.WaitingFrames, 100, 130);
        Assert.Equal("pong", (await peer.RequestAsync("ping")).Type);
    }

    [Fact]
    public async Task A_peer_that_answers_no_ping_is_dropped_when_its_time_is_over()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { AnswersPings = false });

        await server.AdvanceAsync(TimeSpan.FromSeconds(31));
        (await peer.ReadFrameAsync()).AssertPing();
        Assert.False(peer.HasEnded);
        await server.AdvanceAsync(TimeSpan.FromSeconds(8));
        Assert.False(peer.HasEnded);
        await server.AdvanceAsync(TimeSpan.FromSeconds(3));

        await peer.ExpectAbortAsync();
        Assert.Equal(1006, (await peer.GetCloseInfoAsync()).Code);
    }

    [Fact]
    public async Task Half_a_frame_and_then_silence_is_1008()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync();

        await peer.SendBytesAsync(peer.Encode(WsRawFrame.Text("hello")).AsMemory(0, 7));
        await server.AdvanceAsync(TimeSpan.FromSeconds(28));
        await peer.ExpectNothingAsync();
        await server.AdvanceAsync(TimeSpan.FromSeconds(3));

        await peer.ExpectCloseAsync(1008);
    }

    [Fact]
    public async Task A_peer_that_never_answers_the_close_is_dropped_after_the_close_timeout()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { AnswersClose = false });
        IWsConnection connection = peer.Connection;

        connection.BeginClose(1000, "bye");
        await peer.ExpectCloseAsync(1000);
        await server.AdvanceAsync(TimeSpan.FromSeconds(4));
        Assert.False(connection.Closed.IsCompleted);
        await server.AdvanceAsync(TimeSpan.FromSeconds(2));

        Assert.False((await peer.GetCloseInfoAsync()).WasClean);
        await peer.Ended;
    }

    [Fact]
    public async Task A_slow_peer_is_closed_with_3008()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { WindowBytes = 1024 });
        IWsConnection connection = peer.Connection;
        peer.StopReading();

        for (int i = 0; i < 16; i++)
        {
            await connection.SendTextAsync(new string('x', 1000));
        }

        await server.AdvanceAsync(TimeSpan.FromSeconds(20));
        peer.ResumeReading();

        Assert.Equal(3008, (await peer.GetCloseInfoAsync()).Code);
    }

    [Fact]
    public async Task A_peer_that_stops_and_reads_on_gets_everything()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { WindowBytes = 1024 });
        peer.StopReading();

        for (int i = 0; i < 50; i++)
        {
            await peer.Connection.SendTextAsync($"{i} {new string('x', 200)}");
        }

        await server.WaitUntilIdleAsync();
        Assert.Equal(0, peer.WaitingFrames);
        peer.ResumeReading();
        await server.WaitUntilIdleAsync();

        Assert.Equal(Enumerable.Range(0, 50), peer.TakeMessages().Select(static message => int.Parse(message.Text.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task The_history_of_a_room_expires_by_the_clock()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.ConfigureRooms("news", static room =>
        {
            room.HistoryMessages = 10;
            room.HistoryAge = TimeSpan.FromMinutes(1);
        }));
        WsTestPeer peer = await server.ConnectAsync();
        WsTestMessage ack = await peer.SubscribeAsync("news");
        server.Hub.Room("news").Publish("1"u8.ToArray());
        server.Hub.Room("news").Publish("2"u8.ToArray());
        await peer.CloseAsync();

        WsTestPeer back = await server.ConnectAsync();
        WsTestMessage resumed = await back.SubscribeAsync("news", ack.Epoch, 1);
        Assert.True(resumed.Recovered);
        Assert.Equal(2, (await back.ExpectRoomMessageAsync("news")).SequenceNumber);

        await server.AdvanceAsync(TimeSpan.FromMinutes(2));
        WsTestPeer late = await server.ConnectAsync();
        Assert.False((await late.SubscribeAsync("news", ack.Epoch, 1)).Recovered);
    }

    [Fact]
    public async Task A_handler_that_waits_for_the_clock_goes_on_when_its_time_has_come()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static hub => hub.MapAction("later", static async context =>
        {
            await Task.Delay(TimeSpan.FromSeconds(5), (TimeProvider)context.Services.GetService(typeof(TimeProvider))!);
            await context.ReplyAsync("done");
        }));
        server.HandlerPatience = TimeSpan.FromMilliseconds(50);
        WsTestPeer peer = await server.ConnectAsync();

        await peer.SendActionAsync("later");
        await server.AdvanceAsync(TimeSpan.FromSeconds(4));
        await peer.ExpectNothingAsync();
        await server.AdvanceAsync(TimeSpan.FromSeconds(1));

        await peer.ExpectAsync("done");
    }

    [Fact]
    public async Task A_request_that_never_comes_is_refused_after_the_handshake_timeout()
    {
        await using WsTestServer server = await WsTestServer.StartHubAsync(static _ => { });

        Task<WsHandshakeAnswer> answer = server.HandshakeAsync(new WsTestConnectOptions { Request = "GET /ws HT" });
        await server.Clock.WhenTimerIsSetAsync(TimeSpan.FromSeconds(10));
        await server.AdvanceAsync(TimeSpan.FromSeconds(10));

        Assert.Equal(408, (await answer).StatusCode);
    }
}
