using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>What the server says that is missing, and what is passed over without a word: in the stream, and as events.</summary>
public sealed class GapTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_handlers_gaps_and_holes_are_events_whether_it_is_shown_them_or_not(bool isShown)
    {
        var seen = new ConcurrentQueue<string>();
        var events = new ConcurrentQueue<string>();
        await using ScriptedServer server = Serve(async peer =>
        {
            await peer.PublishAsync("/t", 1);
            await peer.SendTextAsync("""{"type":"gap","topic":"/t","from":2,"to":4,"reason":"slow"}""");
            await peer.PublishAsync("/t", 5);
            await peer.PublishAsync("/t", 7);
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.TopicGap, e => events.Enqueue(Describe(((WsTopicGapEvent)e).Gap)));
        await client.StartAsync().Soon();
        WsTopicHandler handler = (message, _) =>
        {
            seen.Enqueue(message.Gap is { } gap ? Describe(gap) : $"{message.SequenceNumber}");
            return default;
        };
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", handler, new WsSubscribeOptions { GapsInStream = isShown, ReportHoles = true }).Soon();

        // Its answer comes behind all of the topic's messages.
        using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("tell")).Soon();
        await Conditions.UntilAsync(() => events.Count == 2, "both were told");

        Assert.Equal(["2-4 slow 3", "6-6 hole 1"], events);
        Assert.Equal(isShown ? ["1", "2-4 slow 3", "5", "6-6 hole 1", "7"] : ["1", "5", "7"], seen);
    }

    [Fact]
    public async Task A_gap_and_a_hole_that_find_no_room_are_told_and_part_of_what_is_lost()
    {
        var events = new ConcurrentQueue<string>();
        await using ScriptedServer server = Serve(async peer =>
        {
            await peer.PublishAsync("/t", 1);
            await peer.SendTextAsync("""{"type":"gap","topic":"/t","from":2,"to":5,"reason":"slow"}""");
            await peer.PublishAsync("/t", 8);
        });
        await using WsTopicClient client = server.CreateTopicClient();
        client.OnEvent(WsClientEventKinds.TopicGap, e => events.Enqueue(Describe(((WsTopicGapEvent)e).Gap)));
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync(
            "/t", new WsSubscribeOptions { BufferMessages = 1, Overflow = WsTopicOverflow.DropNewest, ReportHoles = true }).Soon();
        using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        Assert.Equal("1", await subscription.NextAsync());
        Assert.True(subscription.TryRead(out WsTopicMessage lost));
        Assert.Equal("2-8 overflow 7", Describe(lost.Gap!));
        Assert.False(subscription.TryRead(out _));
        Assert.Equal(1, subscription.DroppedCount);
        await Conditions.UntilAsync(() => events.Count == 3, "all was told");
        Assert.Equal(["2-5 slow 4", "6-7 hole 2", "2-8 overflow 7"], events);
    }

    [Fact]
    public async Task Gaps_of_a_server_that_names_them_as_this_client_does_are_bounded_as_others_are()
    {
        string reason = new('r', 122);
        await using ScriptedServer server = Serve(async peer =>
        {
            for (int number = 1; number < 100; number++)
            {
                await peer.SendTextAsync($$"""{"type":"gap","topic":"/t","from":{{number}},"to":{{number}},"reason":"overflow"}""");
            }

            await peer.SendTextAsync($$"""{"type":"gap","topic":"/t","from":100,"to":100,"reason":"{{reason}}\ud83d\ude00 and so on"}""");
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", new WsSubscribeOptions { BufferMessages = 3, Overflow = WsTopicOverflow.DropOldest }).Soon();
        using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        Assert.Equal(3, subscription.BufferCount);

        // No half of a pair is left where a reason is cut.
        Assert.Equal(["gap 1-97 overflow", "gap 98-98 overflow", "gap 99-99 overflow", $"gap 100-100 {reason}"], await subscription.NextAsync(4));
        Assert.Equal(0, subscription.BufferCount);
        Assert.Equal(0, subscription.DroppedCount);
    }

    private static ScriptedServer Serve(Func<ServerPeer, Task> publish) => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            if (message.Type() != "subscribe")
            {
                return false;
            }

            await peer.JoinedAsync(message, "e", 0);
            await publish(peer);
            return true;
        });
    });

    private static string Describe(WsTopicGap gap) => $"{gap.From}-{gap.To} {gap.Reason} {gap.Count}";
}
