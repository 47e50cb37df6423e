using System.Diagnostics;
using System.Globalization;
using PipeWs.Client.Tests.Support;
using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>
/// A server killed and restarted again and again under 1,000 messages a second to a topic with history. PIPEWS_RESTART_SECONDS=120 runs it for two minutes with a restart every second.
/// </summary>
public sealed class RestartTests
{
    private const int MessagesPerSecond = 1000;

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(
        int.TryParse(Environment.GetEnvironmentVariable("PIPEWS_RESTART_SECONDS"), CultureInfo.InvariantCulture, out int seconds) ? seconds : 3);

    private static readonly TimeSpan s_interval = s_duration.TotalSeconds > 10 ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Nothing_is_lost_doubled_or_reordered_where_the_log_outlives_the_server()
    {
        await using LiveHub hub = await LiveHub.StartAsync(hub => hub.ConfigureRooms("log", room => room.HistoryMessages = 100_000));
        await using var relay = new Relay(hub.Port);
        await using WsTopicClient client = CreateClient(relay.Port);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("log").Soon();

        Task<long> reader = Task.Run(async () =>
        {
            long expected = 0;
            await foreach (WsTopicMessage message in subscription)
            {
                using (message)
                {
                    Assert.False(message.IsGap, $"{message.Gap}");
                    Assert.Equal(++expected, message.SequenceNumber);
                    Assert.Equal(expected, NumberOf(message));
                }
            }

            return expected;
        });
        int kills = 0;
        long published = await PublishAsync(number => hub.Publish("log", number), () =>
        {
            kills++;
            relay.Kill();
            relay.Start();
            return Task.CompletedTask;
        });
        await Conditions.UntilAsync(() => reader.IsCompleted || subscription.Position?.SequenceNumber >= published - 1, "all was read");
        await subscription.DisposeAsync();

        Assert.InRange(await reader.Soon(), published - 1, published);
        Assert.True(kills >= 5);
    }

    [Fact]
    public async Task Where_the_log_dies_with_the_server_there_is_an_explicit_gap_and_nothing_else_is_lost()
    {
        LiveHub hub = await StartHubAsync(0);
        int port = hub.Port;
        await using WsTopicClient client = CreateClient(port);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("log").Soon();
        long last = 0;
        int gaps = 0;
        Task reader = Task.Run(async () =>
        {
            string? epoch = null;
            long sequence = -1;
            await foreach (WsTopicMessage message in subscription)
            {
                using (message)
                {
                    if (message.Gap is { } gap)
                    {
                        Assert.Equal("epoch", gap.Reason);
                        Assert.NotEqual(epoch, gap.Epoch);
                        gaps++;
                        epoch = gap.Epoch;
                        sequence = gap.To;
                        continue;
                    }

                    // Without a gap in between each follows the one before, in the numbers of the server and of the publisher.
                    long number = NumberOf(message);
                    Assert.True(number > Volatile.Read(ref last));
                    if (epoch == message.Epoch && sequence >= 0)
                    {
                        Assert.Equal(sequence + 1, message.SequenceNumber);
                    }
                    else
                    {
                        Assert.Null(epoch);
                    }

                    epoch = message.Epoch;
                    sequence = message.SequenceNumber!.Value;
                    Volatile.Write(ref last, number);
                }
            }
        });
        int kills = 0;
        try
        {
            long published = await PublishAsync(number => hub.Publish("log", number), async () =>
            {
                await hub.DisposeAsync();
                hub = await StartHubAsync(port);
                kills++;
            });
            await Conditions.UntilAsync(
                () =>
                {
                    // A client that is just coming back begins at the head: it needs something to get.
                    published++;
                    hub.Publish("log", published);
                    return reader.IsCompleted || Volatile.Read(ref last) >= published - 100;
                },
                "the reader has come up with the publisher");
            await subscription.DisposeAsync();
            await reader.Soon();
        }
        finally
        {
            await hub.DisposeAsync();
        }

        Assert.True(kills >= 2);
        Assert.InRange(gaps, 1, kills);
    }

    private static Task<LiveHub> StartHubAsync(int port) =>
        LiveHub.StartAsync(hub => hub.ConfigureRooms("log", room => room.HistoryMessages = 100_000), port: port);

    private static long NumberOf(WsTopicMessage message) => long.Parse(message.Data.Span, CultureInfo.InvariantCulture);

    private static async Task<long> PublishAsync(Action<long> publish, Func<Task> restart)
    {
        long published = 0;
        var watch = Stopwatch.StartNew();
        TimeSpan next = s_interval;
        while (watch.Elapsed < s_duration)
        {
            while (published < watch.Elapsed.TotalSeconds * MessagesPerSecond)
            {
                publish(++published);
            }

            if (watch.Elapsed >= next)
            {
                await restart();
                next = watch.Elapsed + s_interval;
            }

            await Task.Delay(1);
        }

        return published;
    }

    private static WsTopicClient CreateClient(int port) => new(new WsTopicClientOptions
    {
        Connection =
        {
            Endpoints = { new Uri($"ws://127.0.0.1:{port}/ws") },
            ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50)),
        },
    });
}
