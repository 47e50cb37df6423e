using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>When the server is told what readers are done with.</summary>
public sealed class AcknowledgeTests
{
    private static readonly WsSubscribeOptions s_manual = new() { Acknowledgement = WsTopicAcknowledgement.Manual };

    [Fact]
    public async Task What_was_acknowledged_on_a_connection_that_ended_is_acknowledged_again_on_the_next()
    {
        var clock = new ManualTimeProvider();
        var acks = new ConcurrentQueue<string>();
        var joins = new ConcurrentQueue<WsClientEvent>();
        await using ScriptedServer server = Serve(acks);
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.TimeProvider = clock);
        client.OnEvent(WsClientEventKinds.ReSubscribeOK, joins.Enqueue);
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", s_manual).Soon();
        await subscription.NextAsync(3);

        // It came, and for all that the client knows it did not.
        await subscription.AcknowledgeAsync(2);
        await Conditions.UntilAsync(() => acks.Count == 1, "it is acknowledged");
        client.Reconnect();
        await Conditions.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(1));
                return joins.Count == 1;
            },
            "the topic was joined again");
        clock.Advance(TimeSpan.FromMilliseconds(500));
        await Conditions.UntilAsync(() => acks.Count == 2, "it is acknowledged again");

        Assert.Equal(["1 /t 2", "2 /t 2"], acks);
    }

    [Fact]
    public async Task The_others_acknowledgements_do_not_wait_for_a_subscription_that_was_disposed()
    {
        var clock = new ManualTimeProvider();
        var acks = new ConcurrentQueue<string>();
        await using ScriptedServer server = Serve(acks);
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.TimeProvider = clock);
        await client.StartAsync().Soon();
        WsTopicSubscription slow = await client.SubscribeAsync("/t", s_manual).Soon();
        await using WsTopicSubscription fast = await client.SubscribeAsync("/t", s_manual).Soon();
        await fast.AcknowledgeAsync(3);
        clock.Advance(TimeSpan.FromMilliseconds(500));
        using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("tell")).Soon();
        Assert.Empty(acks);

        await slow.DisposeAsync();
        clock.Advance(TimeSpan.FromMilliseconds(500));
        await Conditions.UntilAsync(() => !acks.IsEmpty, "the other's is sent");

        Assert.Equal(["1 /t 3"], acks);
    }

    private static ScriptedServer Serve(ConcurrentQueue<string> acks) => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            switch (message.Type())
            {
                case "ack":
                    acks.Enqueue($"{peer.Number} {message.Topic()} {message["sn"]}");
                    return true;

                case "subscribe" when message.Since() < 0:
                    await peer.JoinedAsync(message, "e", 0);
                    for (int number = 1; number <= 3; number++)
                    {
                        await peer.PublishAsync("/t", number);
                    }

                    return true;

                case "subscribe":
                    await peer.JoinedAsync(message, "e", 3, ",\"recovered\":true");
                    return true;
            }

            return false;
        });
    });
}
