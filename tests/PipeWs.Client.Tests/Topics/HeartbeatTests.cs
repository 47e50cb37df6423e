using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>The dialect's pings, and what counts as life where their pongs do not come.</summary>
public sealed class HeartbeatTests
{
    private const string Welcome = """{"id":"c","type":"welcome","pingInterval":4000,"pingTimeout":2000}""";

    [Fact]
    public async Task Pings_go_at_the_servers_interval_and_a_pong_that_does_not_come_means_a_new_connection()
    {
        var clock = new ManualTimeProvider();
        var pings = new ConcurrentQueue<TimeSpan>();
        int answers = 2;
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync(Welcome);
            await peer.ServeTopicsAsync(message =>
            {
                pings.Enqueue(clock.Elapsed);
                return Task.FromResult(Interlocked.Decrement(ref answers) < 0);
            });
        });
        await using WsTopicClient client = CreateClient(server, clock);
        var pongs = new ConcurrentQueue<WsClientEvent>();
        client.OnEvent(WsClientEventKinds.PongReceived, pongs.Enqueue);
        await client.StartAsync().Soon();

        // One step of the heartbeat at a time, so that what it sends is answered before the next.
        while (client.IsConnected)
        {
            clock.Advance(TimeSpan.FromMilliseconds(500));
            await Conditions.UntilAsync(
                () => !client.IsConnected || (pings.Count == client.Session.PingsSent && pongs.Count == Math.Min(2, pings.Count)), "the ping was answered, or will not be");
        }

        TimeSpan dropped = clock.Elapsed;
        TimeSpan[] sent = [.. pings];
        Assert.True(sent.Length >= 3);
        Assert.All(sent.Zip(sent.Skip(1)).Take(2), pair => Assert.InRange(pair.Second - pair.First, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(4.5)));
        Assert.InRange(dropped - sent[2], TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2.5));
        Assert.Equal(2, pongs.Count);
        await ComesBackAsync(server, clock);
    }

    [Fact]
    public async Task A_large_message_that_is_still_coming_is_a_sign_of_life()
    {
        const int Pieces = 20;
        var clock = new ManualTimeProvider();
        bool isFirst = true;
        using var more = new SemaphoreSlim(0);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync(Welcome);
            await peer.ServeTopicsAsync(async message =>
            {
                if (isFirst)
                {
                    // Behind the first ping only.
                    isFirst = false;
                    for (int piece = 1; piece <= Pieces; piece++)
                    {
                        await more.WaitAsync(peer.Stopped);
                        await peer.Frames.SendFrameAsync(piece == 1 ? RawFrame.Text : RawFrame.Continuation, piece == 1 ? "{}"u8.ToArray() : " "u8.ToArray(), fin: piece == Pieces);
                    }
                }

                return false;
            });
        });
        await using WsTopicClient client = CreateClient(server, clock);
        var pongs = new ConcurrentQueue<WsClientEvent>();
        client.OnEvent(WsClientEventKinds.PongReceived, pongs.Enqueue);
        await client.StartAsync().Soon();
        WsConnection connection = client.Connection!.Connection;
        await Conditions.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(500));
                return client.Session.PingsSent > 0;
            },
            "a ping was sent");

        for (int piece = 1; piece <= Pieces; piece++)
        {
            long before = connection.BytesReceived;
            more.Release();
            await Conditions.UntilAsync(() => connection.BytesReceived > before, "the piece has come");
            clock.Advance(TimeSpan.FromMilliseconds(500));
        }

        await Conditions.UntilAsync(() => !pongs.IsEmpty, "the pong came behind it");
        Assert.Equal((true, 1), (client.IsConnected, server.Accepted));
    }

    [Fact]
    public async Task A_server_that_answers_WebSocket_pings_alone_is_not_alive()
    {
        var clock = new ManualTimeProvider();
        using var more = new SemaphoreSlim(0);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync(Welcome);
            Task<RawFrame?> serve = peer.ServeTopicsAsync(static message => Task.FromResult(message.Type() == "ping"));
            while (peer.Number == 1 && await Task.WhenAny(serve, more.WaitAsync(peer.Stopped)) != serve)
            {
                await peer.Frames.SendFrameAsync(RawFrame.Ping, "x"u8.ToArray());
            }

            await serve;
        });
        await using WsTopicClient client = CreateClient(server, clock);
        await client.StartAsync().Soon();
        WsConnection connection = client.Connection!.Connection;
        while (!connection.IsClosing && clock.Elapsed < TimeSpan.FromSeconds(20))
        {
            long before = connection.BytesReceived;
            more.Release();
            await Conditions.UntilAsync(() => connection.BytesReceived > before || connection.IsClosing, "the ping has come");
            clock.Advance(TimeSpan.FromMilliseconds(500));
        }

        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(8));
        await ComesBackAsync(server, clock);
    }

    /// <summary>A client without WebSocket pings of its own.</summary>
    private static WsTopicClient CreateClient(ScriptedServer server, ManualTimeProvider clock) => server.CreateTopicClient(options =>
    {
        options.Connection.TimeProvider = clock;
        options.Connection.PingInterval = Timeout.InfiniteTimeSpan;
    });

    private static Task ComesBackAsync(ScriptedServer server, ManualTimeProvider clock) => Conditions.UntilAsync(
        () =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(1));
            return server.Accepted == 2;
        },
        "it came back");
}
