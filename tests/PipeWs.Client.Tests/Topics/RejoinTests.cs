using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>Topics that could not be joined again, and whatever of the application's goes wrong meanwhile.</summary>
public sealed class RejoinTests
{
    [Theory]
    [InlineData(-5000)]
    [InlineData(-1)]
    public async Task A_policys_delay_below_zero_is_none(int milliseconds)
    {
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = Serve(refusals: 1);
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(TimeSpan.FromMilliseconds(milliseconds)));
        client.OnEvent(WsClientEventKinds.ReSubscribeError, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        Assert.Equal("1", await subscription.NextAsync());
        client.Reconnect();

        Assert.Equal("2", await subscription.NextAsync());
        Assert.Equal(2, server.Accepted);
        await Conditions.UntilAsync(() => events.Count == 1, "the refusal was told");
    }

    [Fact]
    public async Task A_policys_delay_that_no_timer_takes_is_a_long_one()
    {
        var events = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = Serve(refusals: 1);
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(TimeSpan.MaxValue));
        client.OnEvent(WsClientEventKinds.ReSubscribeError | WsClientEventKinds.ErrorReceived, events.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        Assert.Equal("1", await subscription.NextAsync());
        client.Reconnect();
        await Conditions.UntilAsync(() => !events.IsEmpty, "it was refused once");

        // The next connection does not wait for it.
        client.Reconnect();

        Assert.Equal("3", await subscription.NextAsync());
        Assert.IsType<WsReSubscribeErrorEvent>(Assert.Single(events));
    }

    [Fact]
    public async Task A_topic_is_joined_again_on_the_next_connection_whatever_went_wrong_on_the_last()
    {
        var errors = new ConcurrentQueue<WsClientEvent>();
        using var logger = new LogHook("JoinFailed", static () => throw new InvalidTimeZoneException("The logger fails."));
        await using ScriptedServer server = Serve(refusals: 1);
        var options = new WsTopicClientOptions
        {
            Connection =
            {
                Endpoints = { server.Uri },
                TransportFactory = server.Transports,
                ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMilliseconds(1)),
            },
        };
        await using var client = new WsTopicClient(options, logger);
        client.OnEvent(WsClientEventKinds.ErrorReceived, errors.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        Assert.Equal("1", await subscription.NextAsync());
        client.Reconnect();
        await Conditions.UntilAsync(() => errors.Any(static e => e is WsErrorReceivedEvent { Exception: InvalidTimeZoneException }), "the logger has failed");

        client.Reconnect();

        Assert.Equal("3", await subscription.NextAsync());
    }

    [Fact]
    public async Task A_membership_that_ends_as_soon_as_it_began_is_tried_again_ever_later()
    {
        var attempts = new ConcurrentQueue<int>();
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
                await peer.SendTextAsync("""{"type":"error","topic":"/t","code":403,"data":"no longer yours"}""");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(context =>
        {
            attempts.Enqueue(context.Attempt);
            return context.Attempt < 6 ? TimeSpan.Zero : null;
        }));
        await client.StartAsync().Soon();

        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();

        var error = await Assert.ThrowsAsync<WsTopicException>(() => subscription.WaitToReadAsync().Soon());
        Assert.Contains("no longer yours", error.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3, 4, 5, 6], attempts);
    }

    [Fact]
    public async Task A_new_subscription_does_not_wait_for_a_topic_that_was_refused()
    {
        var refused = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = Serve(refusals: 1);
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(TimeSpan.FromDays(1)));
        client.OnEvent(WsClientEventKinds.ReSubscribeError, refused.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription first = await client.SubscribeAsync("/t").Soon();
        Assert.Equal("1", await first.NextAsync());
        client.Reconnect();
        await Conditions.UntilAsync(() => !refused.IsEmpty, "it was refused once");

        await using WsTopicSubscription second = await client.SubscribeAsync("/t").Soon();

        Assert.Equal("2", await first.NextAsync());
    }

    [Fact]
    public async Task New_subscriptions_that_are_refused_do_not_use_up_the_patience_of_those_before()
    {
        var attempts = new ConcurrentQueue<int>();
        await using ScriptedServer server = Serve(refusals: 5);
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(context =>
        {
            attempts.Enqueue(context.Attempt);
            return TimeSpan.FromDays(1);
        }));
        await client.StartAsync().Soon();
        await using WsTopicSubscription first = await client.SubscribeAsync("/t").Soon();
        Assert.Equal("1", await first.NextAsync());
        client.Reconnect();
        await Conditions.UntilAsync(() => attempts.Count == 1, "it was refused");
        for (int i = 2; i <= 5; i++)
        {
            await Assert.ThrowsAsync<WsTopicException>(() => client.SubscribeAsync("/t").Soon());
            await Conditions.UntilAsync(() => attempts.Count == i, "it waits again");
        }

        await using WsTopicSubscription last = await client.SubscribeAsync("/t").Soon();

        Assert.Equal("2", await first.NextAsync());
        Assert.Equal([1, 1, 1, 1, 1], attempts);
    }

    [Fact]
    public async Task A_topic_that_nobody_wants_any_more_is_forgotten_although_it_was_to_be_tried_again()
    {
        var refused = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = Serve(refusals: 1);
        await using WsTopicClient client = server.CreateTopicClient(o => o.RejoinPolicy = new Policy(TimeSpan.FromDays(1)));
        client.OnEvent(WsClientEventKinds.ReSubscribeError, refused.Enqueue);
        await client.StartAsync().Soon();
        WsTopicSubscription first = await client.SubscribeAsync("/t").Soon();
        client.Reconnect();
        await Conditions.UntilAsync(() => !refused.IsEmpty, "it was refused once");

        await first.DisposeAsync();
        await Conditions.UntilAsync(() => client.Session.TopicCount == 0, "it is forgotten");

        // So it may be the other kind of channel now.
        await using WsTopicSubscription second = await client.SubscribeAsync("/t", new WsSubscribeOptions { PrivateChannel = true }).Soon();
    }

    /// <summary>Refuses a topic so many times on its second connection, and publishes one message on each join.</summary>
    private static ScriptedServer Serve(int refusals) => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            if (message.Type() != "subscribe")
            {
                return false;
            }

            if (peer.Number == 2 && Interlocked.Decrement(ref refusals) >= 0)
            {
                await peer.ErrorAsync(message.Id()!, 503, "later");
                return true;
            }

            await peer.JoinedAsync(message, "e", peer.Number - 1, peer.Number == 1 ? "" : ",\"recovered\":true");
            await peer.PublishAsync("/t", peer.Number);
            return true;
        });
    });

    private sealed class Policy(Func<WsReconnectContext, TimeSpan?> find) : WsReconnectPolicy
    {
        public Policy(TimeSpan delay)
            : this(_ => delay)
        {
        }

        public override TimeSpan? GetDelay(WsReconnectContext context) => find(context);
    }
}
