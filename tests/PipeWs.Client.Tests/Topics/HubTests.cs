using System.Collections.Concurrent;
using System.Security.Claims;
using PipeWs.Client.Tests.Support;
using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>With our own hub over sockets.</summary>
public sealed class HubTests
{
    private static Task<LiveHub> StartHubAsync() => LiveHub.StartAsync(hub => hub.ConfigureRooms("log*", room => room.HistoryMessages = 1000));

    [Fact]
    public async Task Requests_subscriptions_and_the_last_message_of_a_log()
    {
        await using LiveHub hub = await StartHubAsync();
        hub.Publish("log", 7);
        await using var client = new WsTopicClient(hub.Uri);
        await client.StartAsync().Soon();
        Assert.NotNull(client.ConnectionId);

        using WsTopicMessage echo = await client.WriteAsync(new WsTopicRequest("echo") { Data = "[1,2]"u8.ToArray() }).Soon();
        Assert.Equal("[1,2]", System.Text.Encoding.UTF8.GetString(echo.Data.Span));
        WsTopicException unknown = await Assert.ThrowsAsync<WsTopicException>(() => client.WriteAsync(new WsTopicRequest("what")).Soon());
        Assert.Equal(WsTopicFailure.Refused, unknown.Failure);

        await using WsTopicSubscription last = await client.SubscribeAsync("log", new WsSubscribeOptions { Since = WsTopicSince.Last }).Soon();
        await using WsTopicSubscription plain = await client.SubscribeAsync("plain").Soon();
        hub.Publish("log", 8);
        hub.Publish("plain", 9);
        Assert.Equal(["1", "2"], await last.NextAsync(2));
        Assert.Equal("1", await plain.NextAsync());
        await plain.DisposeAsync();
        await Conditions.UntilAsync(() => !hub.Hub.TryGetRoom("plain", out IWsRoom? room) || room.MemberCount == 0, "the hub was told");
    }

    [Fact]
    public async Task A_token_is_replaced_on_the_open_connection_and_one_that_is_refused_brings_a_new_one()
    {
        var seen = new ConcurrentQueue<string>();
        await using LiveHub hub = await LiveHub.StartAsync(
            builder => builder.UseAuthenticator((request, _) =>
            {
                seen.Enqueue(request.Token!);
                return ValueTask.FromResult(request.Token == "token-3"
                    ? WsAuthenticationResult.Refuse("not this one")
                    : WsAuthenticationResult.Success(new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, "ann")], "test")), DateTimeOffset.UtcNow.AddHours(1)));
            }).RequireAuthentication(),
            isFast: true);
        var clock = new ManualTimeProvider();
        var tokens = new CountingTokens(i => new WsToken($"token-{i}") { ExpiresAt = clock.GetUtcNow() + TimeSpan.FromSeconds(120) });
        var options = new WsTopicClientOptions { SendPings = false, RefreshTokenInPlace = true, AckTimeout = TimeSpan.FromHours(1), WelcomeTimeout = TimeSpan.FromHours(1) };
        options.Connection.Endpoints.Add(hub.Uri);
        options.Connection.TimeProvider = clock;
        options.Connection.TokenProvider = tokens;
        options.Connection.PingInterval = Timeout.InfiniteTimeSpan;
        options.Connection.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
        await using var client = new WsTopicClient(options);
        await client.StartAsync().Soon();

        clock.Advance(TimeSpan.FromSeconds(100));
        await Conditions.UntilAsync(() => seen.Count == 2 && client.PendingRequests == 0 && client.Connection!.RefreshAt < long.MaxValue, "the first token was replaced");
        Assert.Equal(1, client.Connection!.Number);
        Assert.Equal(1, hub.Hub.ConnectionCount);

        clock.Advance(TimeSpan.FromSeconds(100));
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "the refused one brought a new connection");
        Assert.Equal(["token-1", "token-2", "token-3", "token-4"], seen);
        using WsTopicMessage echo = await client.WriteAsync(new WsTopicRequest("echo") { Data = "1"u8.ToArray() }).Soon();
    }

    [Fact]
    public async Task Several_topics_of_one_path_join_their_rooms_each()
    {
        await using LiveHub hub = await LiveHub.StartAsync(hub => hub.ConfigureRooms("/log:*", room => room.HistoryMessages = 1000));
        await using var client = new WsTopicClient(hub.Uri);
        await client.StartAsync().Soon();
        await using WsTopicSubscription both = await client.SubscribeAsync("/log:A,B").Soon();
        hub.Publish("/log:A", 1);
        Assert.Equal("1", await both.NextAsync());
        hub.Publish("/log:B", 1);
        Assert.Equal("1", await both.NextAsync());
    }

    [Fact]
    public async Task A_gap_is_shown_to_a_handler_under_its_own_topic()
    {
        const int Messages = 500;
        await using LiveHub hub = await LiveHub.StartAsync(hub => hub.ConfigureRooms("/log:*", room =>
        {
            room.HistoryMessages = 1;
            room.MaxLagMessages = 2;
        }));
        await using var relay = new Relay(hub.Port);
        await using WsTopicClient client = CreateClient(relay.Port);
        await client.StartAsync().Soon();
        var seen = new ConcurrentQueue<(string Topic, string? GapTopic)>();
        WsTopicHandler handler = (message, _) =>
        {
            seen.Enqueue((message.Topic!, message.Gap?.Topic));
            return default;
        };
        await using WsTopicSubscription both = await client.SubscribeAsync("/log:A,B", handler).Soon();
        hub.Publish("/log:A", 1);
        hub.Publish("/log:B", 1);
        await Conditions.UntilAsync(() => seen.Count == 2, "the first of both came");

        var gaps = new ConcurrentQueue<string>();
        using IDisposable events = client.OnEvent(WsClientEventKinds.TopicGap, e => gaps.Enqueue(((WsTopicGapEvent)e).Gap.Topic));

        // More than the logs hold, so that something is missing.
        relay.Kill();
        for (int number = 2; number <= Messages; number++)
        {
            hub.Publish("/log:A", number);
            hub.Publish("/log:B", number);
        }

        relay.Start();
        await Conditions.UntilAsync(() => gaps.Count == 2, "both gaps are known");
        hub.Publish("/log:A", Messages + 1);
        await Conditions.UntilAsync(() => seen.Count(static one => one.GapTopic is not null) == 2, "both gaps were shown");
        Assert.Equal(["/log:A", "/log:B"], seen.Select(static one => one.GapTopic).OfType<string>().Order());
        Assert.All(seen, static one => Assert.Equal(one.GapTopic ?? one.Topic, one.Topic));
    }

    [Fact]
    public async Task A_log_is_read_on_over_killed_connections()
    {
        await using LiveHub hub = await StartHubAsync();
        await using var relay = new Relay(hub.Port);
        await using WsTopicClient client = CreateClient(relay.Port);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("log").Soon();
        for (int round = 0; round < 5; round++)
        {
            hub.Publish("log", 1);
            relay.Kill();
            hub.Publish("log", 2);
            relay.Start();
            hub.Publish("log", 3);
        }

        Assert.Equal(Enumerable.Range(1, 15).Select(number => $"{number}"), await subscription.NextAsync(15));
    }

    [Fact]
    public async Task What_is_not_acknowledged_comes_again_to_the_next_client_of_the_user()
    {
        await using LiveHub hub = await LiveHub.StartAsync(hub => hub.ConfigureRooms("inbox", room =>
        {
            room.HistoryMessages = 100;
            room.Acknowledged = true;
        }));
        for (int round = 0; round < 2; round++)
        {
            await using var client = new WsTopicClient(new Uri(hub.Uri, "?user=ann"));
            await client.StartAsync().Soon();
            await using WsTopicSubscription inbox = await client.SubscribeAsync("inbox", new WsSubscribeOptions { Acknowledgement = WsTopicAcknowledgement.Automatic }).Soon();
            if (round == 0)
            {
                for (int number = 1; number <= 5; number++)
                {
                    hub.Publish("inbox", number);
                }

                Assert.Equal(["1", "2", "3", "4"], await inbox.NextAsync(4));
            }
            else
            {
                Assert.Equal(["4", "5"], await inbox.NextAsync(2));
            }
        }
    }

    [Fact]
    public async Task A_reader_far_too_slow_for_the_room_loses_nothing_that_the_log_holds()
    {
        const int Messages = 20_000;
        await using LiveHub hub = await LiveHub.StartAsync(hub => hub.ConfigureRooms("log", room =>
        {
            room.HistoryMessages = Messages;
            room.MaxLagMessages = Messages;
        }));
        await using var client = new WsTopicClient(hub.Uri);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("log", new WsSubscribeOptions { BufferMessages = 200 }).Soon();
        for (int number = 1; number <= Messages; number++)
        {
            hub.Publish("log", number);
        }

        for (long expected = 1; expected <= Messages;)
        {
            Assert.True(await subscription.WaitToReadAsync().Soon());
            while (subscription.TryRead(out WsTopicMessage message))
            {
                using (message)
                {
                    Assert.False(message.IsGap);
                    Assert.Equal(expected++, message.SequenceNumber);
                }
            }
        }

        Assert.True(client.IsConnected);
    }

    private static WsTopicClient CreateClient(int port) => new(new WsTopicClientOptions
    {
        Connection =
        {
            Endpoints = { new Uri($"ws://127.0.0.1:{port}/ws") },
            ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMilliseconds(5)),
        },
    });
}
