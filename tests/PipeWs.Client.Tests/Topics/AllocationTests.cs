using System.Buffers;
using System.Text;
using PipeWs.Client.Tests.Support;
using PipeWs.Client.Topics;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class AllocationTests
{
    private const int Count = 1000;

    [Fact]
    public async Task A_message_to_a_handler_allocates_nothing()
    {
        long seen = 0;
        await using ScriptedServer server = Serve();
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t", (message, _) =>
        {
            seen += message.SequenceNumber!.Value + message.Data.Length + message.SubjectUtf8.Length + message.Topic!.Length;
            return default;
        }).Soon();

        Assert.Equal(0, Measure(client, () => { }));
        Assert.True(seen > 0);
    }

    [Fact]
    public async Task A_message_through_a_buffer_allocates_nothing()
    {
        await using ScriptedServer server = Serve();
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();

        Assert.Equal(0, Measure(client, () =>
        {
            Assert.True(subscription.TryRead(out WsTopicMessage message));
            message.Dispose();
        }));
    }

    private static ScriptedServer Serve() => ScriptedServer.InMemory(async peer =>
    {
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            if (message.Type() == "subscribe")
            {
                await peer.JoinedAsync(message, "e", 0);
                return true;
            }

            return false;
        });
    });

    /// <summary>What the session allocates for messages that the receive loop would give it.</summary>
    private static long Measure(WsTopicClient client, Action read)
    {
        TopicSession session = client.Session;
        WsClientConnection connection = client.Connection!;
        long number = 0;
        byte[] message = Encoding.UTF8.GetBytes("""{"type":"message","topic":"/t","subject":"ticker","sn":1000000,"data":{"price":"1.5","size":"2"}}""");
        int at = Encoding.UTF8.GetString(message).IndexOf("1000000", StringComparison.Ordinal);
        var payload = new ReadOnlySequence<byte>(message);
        return SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < Count; i++)
            {
                Assert.True(System.Buffers.Text.Utf8Formatter.TryFormat(1_000_000 + number++, message.AsSpan(at), out _));
                Assert.True(session.OnMessageAsync(connection, WsMessageType.Text, payload).Result);
                read();
            }
        });
    }
}
