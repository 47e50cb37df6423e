using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class SubscribeTests
{
    [Fact]
    public async Task A_subscription_gets_its_topics_messages_and_the_reader_of_the_rest_gets_the_others()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                await peer.AckAsync(message.Id()!);
                await peer.SendTextAsync("""{"type":"message","topic":"/other","data":0}""");
                await peer.SendTextAsync("""{"id":"x","type":"message","topic":"\/mine","subject":"a\u0062","privateChannel":true,"data":{"price":1.5}}""");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/mine").Soon();

        Assert.True(await subscription.WaitToReadAsync().Soon());
        Assert.True(subscription.TryRead(out WsTopicMessage mine));
        Assert.Equal(("x", "message", "/mine", "ab", true), (mine.Id, mine.Type, mine.Topic, mine.Subject, mine.PrivateChannel));
        Assert.Null(mine.SequenceNumber);
        Assert.Equal("""{"price":1.5}""", System.Text.Encoding.UTF8.GetString(mine.Data.Span));
        WsTopicMessage copy = mine.Copy();
        mine.Dispose();
        mine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => mine.Topic);
        Assert.Equal("/mine", copy.Topic);
        await foreach (WsTopicMessage other in client.ReadAllAsync())
        {
            Assert.Equal("/other", other.Topic);
            break;
        }
    }

    [Fact]
    public async Task Subscribers_of_one_topic_share_one_subscription_and_the_last_one_ends_it()
    {
        var seen = new ConcurrentQueue<string>();
        ServerPeer? connection = null;
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            connection = peer;
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                seen.Enqueue($"{message.Type()} {message.Topic()}");
                return Task.FromResult(false);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        WsTopicSubscription first = await client.SubscribeAsync("/t").Soon();
        WsTopicSubscription second = await client.SubscribeAsync("/t").Soon();
        await connection!.SendTextAsync("""{"type":"message","topic":"/t","data":1}""");

        Assert.Equal("1", await first.NextAsync());
        Assert.Equal("1", await second.NextAsync());
        await first.DisposeAsync();
        Assert.Equal(1, client.TopicCount);
        Assert.False(await first.WaitToReadAsync().Soon());
        await second.DisposeAsync();
        await Conditions.UntilAsync(() => client.TopicCount == 0, "the topic is forgotten");
        await Conditions.UntilAsync(() => seen.Count == 2, "the server was told");

        Assert.Equal(["subscribe /t", "unsubscribe /t"], seen);
    }

    [Fact]
    public async Task Several_topics_of_one_path_are_one_request_and_one_stream()
    {
        var seen = new ConcurrentQueue<JsonNode>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                seen.Enqueue(message);
                await peer.AckAsync(message.Id()!);
                if (message.Type() == "subscribe")
                {
                    await peer.SendTextAsync("""{"type":"message","topic":"/market/ticker:BTC-USDT","data":"btc"}""");
                    await peer.SendTextAsync("""{"type":"message","topic":"/market/ticker:ETH-USDT","data":"eth"}""");
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/market/ticker:BTC-USDT, ETH-USDT").Soon();

        Assert.Equal(["\"btc\"", "\"eth\""], await subscription.NextAsync(2));
        Assert.Equal("/market/ticker:BTC-USDT,ETH-USDT", Assert.Single(seen).Topic());

        // Topics that a task is still at work on are joined by it, one by one.
        await client.Session.WhenIdleAsync().Soon();
        client.Reconnect();
        Assert.Equal(["\"btc\"", "\"eth\""], await subscription.NextAsync(2));
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public async Task A_refused_subscribe_throws_and_leaves_nothing()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                await peer.ErrorAsync(message.Id()!, 404, $"topic {message.Topic()} is not found");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();

        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => client.SubscribeAsync("/none").Soon());

        Assert.Equal((404, "topic /none is not found"), (error.Code, error.Message));
        await Conditions.UntilAsync(() => client.TopicCount == 0, "the topic is forgotten");
    }

    [Fact]
    public async Task A_subscribe_waits_for_the_connection_and_survives_its_end()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                if (peer.Number == 1)
                {
                    peer.Drop();
                }

                return Task.FromResult(peer.Number == 1);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        Task<WsTopicSubscription> subscribe = client.SubscribeAsync("/t");
        using var cancellation = new CancellationTokenSource();
        Task<WsTopicSubscription> givenUp = client.SubscribeAsync("/u", cancellationToken: cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp.Soon());
        await client.StartAsync().Soon();

        await using WsTopicSubscription subscription = await subscribe.Soon();

        Assert.Equal(2, server.Accepted);
    }

    [Fact]
    public async Task A_reconnect_resumes_each_topic_where_it_was_and_drops_what_came_before()
    {
        var sinces = new ConcurrentQueue<(string?, long)>();
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                sinces.Enqueue((message.SinceEpoch(), message.Since()));
                if (peer.Number == 1)
                {
                    await peer.JoinedAsync(message, "e", 10);
                    await peer.PublishAsync("/t", 11);
                    await peer.PublishAsync("/t", 12);
                    await peer.PublishAsync("/t", 12);
                    await peer.CloseAsync(1012);
                }
                else
                {
                    await peer.JoinedAsync(message, "e", 14, ",\"recovered\":true");
                    foreach (int number in (int[])[12, 13, 14, 14, 15])
                    {
                        await peer.PublishAsync("/t", number);
                    }
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.ReSubscribeOK | WsClientEventKinds.Reconnected, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();

        Assert.Equal(["11", "12", "13", "14", "15"], await subscription.NextAsync(5));
        Assert.Equal([(null, -1L), ("e", 12L)], sinces);
        Assert.Equal(new WsTopicPosition("e", 14), subscription.Position);
        await Conditions.UntilAsync(() => events.Count == 2, "both were told");
        Assert.Contains(events, e => e is WsReSubscribeOKEvent { Topic: "/t", Recovered: true });
        Assert.Contains(events, e => e is WsReconnectedEvent { Joined: 1, Failed: 0 });
    }

    [Theory]
    [InlineData("e", 20, ",\"recovered\":false,\"reason\":\"expired\"", "gap 12-20 expired", "21")]
    [InlineData("f", 3, ",\"recovered\":false,\"reason\":\"epoch\"", "gap 1-3 epoch", "4")]
    [InlineData("e", 20, "", "gap 12-20 not resumed", "21")]
    public async Task What_a_resume_does_not_find_is_a_gap_in_its_place(string epoch, long head, string more, string gap, string next)
    {
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() == "go")
                {
                    await peer.CloseAsync(1012);
                    return true;
                }

                if (message.Type() != "subscribe")
                {
                    return false;
                }

                if (peer.Number == 1)
                {
                    await peer.JoinedAsync(message, "e", 10);
                    await peer.PublishAsync("/t", 11);
                }
                else
                {
                    await peer.JoinedAsync(message, epoch, head, more);
                    await peer.PublishAsync("/t", head + 1);
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.TopicGap, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        await using WsTopicSubscription quiet = await client.SubscribeAsync("/t", new WsSubscribeOptions { GapsInStream = false }).Soon();

        Assert.Equal("11", await subscription.NextAsync());
        await client.WriteAsync(new WsTopicRequest("go") { Response = false }).Soon();
        Assert.Equal([gap, next], await subscription.NextAsync(2));
        await Conditions.UntilAsync(() => events.Count == 2, "each subscription's gap is told");
    }

    [Fact]
    public async Task Gaps_that_the_server_announces_stand_in_their_place_and_holes_only_where_they_count()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                await peer.JoinedAsync(message, "e", 0);
                await peer.PublishAsync(message.Topic()!, 1);
                await peer.SendTextAsync($$"""{"type":"gap","topic":"{{message.Topic()}}","from":2,"to":5,"reason":"slow"}""");
                await peer.PublishAsync(message.Topic()!, 6);
                await peer.SendTextAsync($$"""{"type":"gap","topic":"{{message.Topic()}}","from":7,"to":12,"reason":"conflated"}""");
                await peer.PublishAsync(message.Topic()!, 8);
                await peer.PublishAsync(message.Topic()!, 12);
                await peer.PublishAsync(message.Topic()!, 15);
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription plain = await client.SubscribeAsync("/a").Soon();
        await using WsTopicSubscription strict = await client.SubscribeAsync("/b", new WsSubscribeOptions { ReportHoles = true }).Soon();

        Assert.Equal(["1", "gap 2-5 slow", "6", "gap 7-12 conflated", "8", "12", "15"], await plain.NextAsync(7));
        Assert.Equal(["1", "gap 2-5 slow", "6", "gap 7-12 conflated", "8", "12", "gap 13-14 hole", "15"], await strict.NextAsync(8));
    }

    [Fact]
    public async Task One_topic_that_cannot_be_joined_again_does_not_hold_up_the_others_and_is_tried_until_it_can()
    {
        int refusals = 3;
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                if (peer.Number == 2 && message.Topic() == "/bad" && Interlocked.Decrement(ref refusals) >= 0)
                {
                    await peer.ErrorAsync(message.Id()!, 503, "later");
                    return true;
                }

                await peer.JoinedAsync(message, "e", peer.Number);
                await peer.PublishAsync(message.Topic()!, peer.Number + 1);
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.ReSubscribeOK | WsClientEventKinds.ReSubscribeError | WsClientEventKinds.Reconnected, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription bad = await client.SubscribeAsync("/bad").Soon();
        await using WsTopicSubscription good = await client.SubscribeAsync("/good").Soon();

        // A connection that is closing takes no more messages.
        Assert.Equal("2", await good.NextAsync());
        Assert.Equal("2", await bad.NextAsync());
        client.Reconnect();

        Assert.Equal("3", await good.NextAsync());
        Assert.Equal("3", await bad.NextAsync());
        await Conditions.UntilAsync(() => events.Count == 6, "all was told");
        Assert.Equal(3, events.Count(e => e is WsReSubscribeErrorEvent { Topic: "/bad", Exception: WsTopicException { Code: 503 } }));
        Assert.Equal(2, events.Count(e => e is WsReSubscribeOKEvent));
        Assert.Contains(events, e => e is WsReconnectedEvent { Joined: 1, Failed: 1 });
    }

    [Fact]
    public async Task A_topic_that_the_policy_gives_up_ends_its_stream_with_the_servers_error()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (peer.Number == 1)
                {
                    return false;
                }

                await peer.ErrorAsync(message.Id()!, 403, "not any more");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = WsReconnectPolicy.Never);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        client.Reconnect();

        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => subscription.WaitToReadAsync().Soon());
        Assert.Equal(403, error.Code);
        await Conditions.UntilAsync(() => client.TopicCount == 0, "the topic is forgotten");
    }

    [Fact]
    public async Task A_membership_that_the_server_ends_is_taken_up_again_where_it_was()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                if (message.Since() < 0)
                {
                    await peer.JoinedAsync(message, "e", 0);
                    await peer.PublishAsync("/t", 1);
                    await peer.SendTextAsync("""{"type":"error","code":429,"topic":"/t","data":"unsubscribed: too slow"}""");
                    return true;
                }

                await peer.JoinedAsync(message, "e", 2, ",\"recovered\":true");
                await peer.PublishAsync("/t", message.Since() + 1);
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();

        Assert.Equal(["1", "2"], await subscription.NextAsync(2));
        Assert.Equal(1, server.Accepted);
    }

    [Fact]
    public async Task A_handler_gets_messages_where_they_lie_and_its_exceptions_are_events()
    {
        var seen = new ConcurrentQueue<string>();
        var errors = new ConcurrentQueue<WsClientEvent>();
        WsTopicMessage kept = default;
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                await peer.JoinedAsync(message, "e", 0);
                for (int number = 1; number <= 4; number++)
                {
                    await peer.PublishAsync("/t", number);
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.CallbackError, errors.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", async (message, _) =>
        {
            kept = message;
            seen.Enqueue($"{message.Topic} {message.SequenceNumber}");
            switch (message.SequenceNumber)
            {
                case 2:
                    throw new InvalidOperationException("at once");
                case 3:
                    await Task.Yield();
                    throw new InvalidOperationException("later");
            }
        }).Soon();

        await Conditions.UntilAsync(() => seen.Count == 4 && errors.Count == 2, "all were handled");
        await Conditions.UntilAsync(() => subscription.Position == new WsTopicPosition("e", 4), "the handler has returned");
        Assert.Equal(["/t 1", "/t 2", "/t 3", "/t 4"], seen);
        Assert.Throws<ObjectDisposedException>(() => kept.Topic);
        Assert.Throws<InvalidOperationException>(() => subscription.TryRead(out _));
    }

    [Fact]
    public async Task A_slow_reader_holds_up_neither_acks_nor_pongs_and_loses_nothing_of_a_topic_that_resumes()
    {
        const int Messages = 500;
        var sinces = new ConcurrentQueue<long>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                sinces.Enqueue(message.Since());
                await peer.JoinedAsync(message, "e", Messages, ",\"recovered\":true");
                for (long number = message.Since() + 1; number <= Messages; number++)
                {
                    await peer.PublishAsync("/t", number);
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", new WsSubscribeOptions { BufferMessages = 10, Since = WsTopicSince.After("e", 0) }).Soon();

        // Its answer comes behind all of the topic's messages.
        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();
        Assert.Equal(10, subscription.BufferCount);
        Assert.Equal(Enumerable.Range(1, Messages).Select(number => $"{number}"), await subscription.NextAsync(Messages));

        // How often is the reader's luck; that the buffer was full was seen above.
        Assert.InRange(sinces.Count, 2, Messages);
        Assert.Equal(0, subscription.DroppedCount);
    }

    [Theory]
    [InlineData(WsTopicOverflow.DropOldest, "gap 1-7 overflow,8,9,10")]
    [InlineData(WsTopicOverflow.DropNewest, "1,2,3,gap 4-10 overflow")]
    [InlineData(WsTopicOverflow.Conflate, "9,10")]
    [InlineData(WsTopicOverflow.Fail, "1,2,3,end")]
    public async Task A_full_buffer_does_what_was_chosen_and_says_what_was_lost(WsTopicOverflow overflow, string expected)
    {
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                await peer.JoinedAsync(message, "e", 0);
                for (int number = 1; number <= 10; number++)
                {
                    await peer.PublishAsync("/t", number, subject: number % 2 == 0 ? "even" : "odd");
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.ReadBufferFull, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", new WsSubscribeOptions { BufferMessages = 3, Overflow = overflow }).Soon();
        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        foreach (string next in expected.Split(','))
        {
            if (next == "end")
            {
                WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => subscription.WaitToReadAsync().Soon());
                Assert.Equal(WsTopicFailure.Overflow, error.Failure);
            }
            else
            {
                Assert.Equal(next, await subscription.NextAsync());
            }
        }

        Assert.Equal(0, subscription.BufferCount);
        if (overflow != WsTopicOverflow.Conflate)
        {
            await Conditions.UntilAsync(() => events.Count == 1, "it was told once");
            Assert.Equal("/t", Assert.IsType<WsReadBufferFullEvent>(events.First()).Topic);
        }
    }

    [Fact]
    public async Task Subscribers_at_different_places_of_one_log_each_get_theirs_once()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return false;
                }

                // The log holds 5 to 10.
                long since = message.Since() < 0 ? 10 : message.Since();
                bool holds = since >= 4;
                await peer.JoinedAsync(message, "e", 10, message.Since() < 0 ? "" : holds ? ",\"recovered\":true" : ",\"recovered\":false,\"reason\":\"expired\"");
                for (long number = since + 1; holds && number <= 10; number++)
                {
                    await peer.PublishAsync("/t", number);
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription head = await client.SubscribeAsync("/t").Soon();
        await using WsTopicSubscription last = await client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.Last }).Soon();
        await using WsTopicSubscription middle = await client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.After("e", 7) }).Soon();

        // A gap of one that comes later ends where another still waits for what follows.
        Assert.Equal("10", await last.NextAsync());
        Assert.Equal(["8", "9", "10"], await middle.NextAsync(3));
        await using WsTopicSubscription old = await client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.After("e", 1) }).Soon();
        await using WsTopicSubscription other = await client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.After("d", 99) }).Soon();

        Assert.Equal("gap 2-10 expired", await old.NextAsync());
        Assert.Equal("gap 1-10 epoch", await other.NextAsync());
        Assert.Equal(0, head.BufferCount + last.BufferCount + middle.BufferCount + old.BufferCount + other.BufferCount);
    }

    [Fact]
    public async Task What_a_reader_is_done_with_is_acknowledged_in_one_message()
    {
        var clock = new ManualTimeProvider();
        var acks = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() == "ack")
                {
                    acks.Enqueue($"{message.Topic()} {message["sn"]}");
                    return true;
                }

                if (message.Type() == "subscribe")
                {
                    await peer.JoinedAsync(message, "e", 0);
                    for (int number = 1; number <= 5; number++)
                    {
                        await peer.PublishAsync(message.Topic()!, number);
                    }

                    return true;
                }

                return false;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.TimeProvider = clock);
        await client.StartAsync().Soon();
        await using WsTopicSubscription automatic = await client.SubscribeAsync("/a", new WsSubscribeOptions { Acknowledgement = WsTopicAcknowledgement.Automatic }).Soon();
        await using WsTopicSubscription manual = await client.SubscribeAsync("/m", new WsSubscribeOptions { Acknowledgement = WsTopicAcknowledgement.Manual }).Soon();
        await using WsTopicSubscription none = await client.SubscribeAsync("/n").Soon();

        await automatic.NextAsync(4);
        clock.Advance(TimeSpan.FromMilliseconds(500));
        await Conditions.UntilAsync(() => acks.Count == 1, "the first three are acknowledged");
        await manual.NextAsync(4);
        await manual.AcknowledgeAsync(2);
        await manual.AcknowledgeAsync(1);
        await Conditions.UntilAsync(() => acks.Count == 2, "the chosen ones are acknowledged");
        await none.NextAsync(4);

        Assert.Equal(["/a 3", "/m 2"], acks);
        Assert.Throws<InvalidOperationException>(() => { _ = none.AcknowledgeAsync(1); });
    }
}
