using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>Subscriptions of one topic that resume from different places by one join.</summary>
public sealed class ResumeTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_the_log_does_not_hold_of_one_it_may_hold_of_the_other(bool isOldFirst)
    {
        var sinces = new ConcurrentQueue<string>();
        await using ScriptedServer server = Serve(sinces);
        await using WsTopicClient client = server.CreateTopicClient();
        long[] places = isOldFirst ? [1, 7] : [7, 1];
        Task<WsTopicSubscription>[] subscribing = [.. places.Select(place => client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.After("e", place) }))];
        await client.StartAsync().Soon();
        WsTopicSubscription[] subscriptions = await Task.WhenAll(subscribing).Soon();
        await using WsTopicSubscription old = subscriptions[isOldFirst ? 0 : 1];
        await using WsTopicSubscription middle = subscriptions[isOldFirst ? 1 : 0];

        Assert.Equal(["8", "9", "10"], await middle.NextAsync(3));
        Assert.Equal(["gap 2-7 expired", "8", "9", "10"], await old.NextAsync(4));
        Assert.Equal(["e 1", "e 7"], sinces);
        Assert.Equal(0, old.BufferCount + middle.BufferCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_over_for_one_is_not_for_another_in_the_epoch_that_is(bool isOverFirst)
    {
        var sinces = new ConcurrentQueue<string>();
        await using ScriptedServer server = Serve(sinces);
        await using WsTopicClient client = server.CreateTopicClient();
        WsTopicSince[] places = [WsTopicSince.After("d", 6), WsTopicSince.After("e", 8)];
        Task<WsTopicSubscription>[] subscribing = [.. (isOverFirst ? places : places.Reverse()).Select(place => client.SubscribeAsync("/t", new WsSubscribeOptions { Since = place }))];
        await client.StartAsync().Soon();
        WsTopicSubscription[] subscriptions = await Task.WhenAll(subscribing).Soon();
        await using WsTopicSubscription over = subscriptions[isOverFirst ? 0 : 1];
        await using WsTopicSubscription current = subscriptions[isOverFirst ? 1 : 0];

        Assert.Equal(["9", "10"], await current.NextAsync(2));
        Assert.Equal("gap 1-10 epoch", await over.NextAsync());
        Assert.Equal(isOverFirst ? ["d 6", "e 8"] : ["e 8"], sinces);
        Assert.Equal(0, over.BufferCount + current.BufferCount);
    }

    /// <summary>A log of the epoch e that holds 5 to 10.</summary>
    private static ScriptedServer Serve(ConcurrentQueue<string> sinces) => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            if (message.Type() != "subscribe")
            {
                return message.Type() == "unsubscribe";
            }

            sinces.Enqueue($"{message.SinceEpoch()} {message.Since()}");
            bool isEpoch = message.SinceEpoch() == "e";
            bool holds = isEpoch && message.Since() >= 4;
            await peer.JoinedAsync(message, "e", 10, holds ? ",\"recovered\":true" : $",\"recovered\":false,\"reason\":\"{(isEpoch ? "expired" : "epoch")}\"");
            for (long number = message.Since() + 1; holds && number <= 10; number++)
            {
                await peer.PublishAsync("/t", number);
            }

            return true;
        });
    });
}
