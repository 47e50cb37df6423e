using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>A subscription that begins with the newest message, where another one of the topic has the server begin elsewhere.</summary>
public sealed class LastTests
{
    private const long Head = 100;

    private static readonly WsSubscribeOptions s_last = new() { Since = WsTopicSince.Last, ReportHoles = true };

    /// <summary>What a server says of a resume: that it was one, and whether; nothing; and of a room without history.</summary>
    public enum Log
    {
        History,
        Silent,
        None,
    }

    [Theory]
    [InlineData(Log.History, "-1,99", "100,101")]
    [InlineData(Log.Silent, "-1,99", "101")]
    [InlineData(Log.None, "-1,99", "101")]
    public async Task It_gets_the_newest_message_where_it_came_while_the_others_join_was_under_way(Log log, string sinces, string read)
    {
        var joining = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        var seen = new ConcurrentQueue<long>();
        await using ScriptedServer server = Serve(log, seen, async () =>
        {
            joining.TrySetResult();
            await goOn.Task;
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        Task<WsTopicSubscription> first = client.SubscribeAsync("/t");
        await joining.Task.Soon();
        Task<WsTopicSubscription> second = client.SubscribeAsync("/t", s_last);
        goOn.SetResult();
        await using WsTopicSubscription now = await first.Soon();
        await using WsTopicSubscription last = await second.Soon();
        await client.WriteAsync(new WsTopicRequest("go") { Response = false }).Soon();

        string[] expected = read.Split(',');
        Assert.Equal(expected, await last.NextAsync(expected.Length));
        Assert.Equal("101", await now.NextAsync());
        Assert.Equal(sinces, string.Join(',', seen));
        Assert.Equal(0, now.BufferCount + last.BufferCount);
    }

    [Theory]
    [InlineData(Log.History, 100, "100,99", "101", "100,101")]
    [InlineData(Log.History, 98, "98", "99,100,101", "100,101")]
    [InlineData(Log.History, 1, "1,99", "gap 2-100 expired,101", "100,101")]
    [InlineData(Log.Silent, 1, "1,99", "gap 2-100 not resumed,101", "101")]
    [InlineData(Log.None, 100, "100,99", "101", "101")]
    [InlineData(Log.None, 98, "98,99", "gap 99-100 expired,101", "101")]
    public async Task It_gets_the_newest_message_where_the_other_resumes(Log log, long since, string sinces, string readByOther, string read)
    {
        var seen = new ConcurrentQueue<long>();
        await using ScriptedServer server = Serve(log, seen);
        await using WsTopicClient client = server.CreateTopicClient();
        Task<WsTopicSubscription> first = client.SubscribeAsync("/t", new WsSubscribeOptions { Since = WsTopicSince.After("e", since) });
        Task<WsTopicSubscription> second = client.SubscribeAsync("/t", s_last);
        await client.StartAsync().Soon();
        await using WsTopicSubscription after = await first.Soon();
        await using WsTopicSubscription last = await second.Soon();
        await client.WriteAsync(new WsTopicRequest("go") { Response = false }).Soon();

        string[] expected = read.Split(',');
        string[] expectedByOther = readByOther.Split(',');
        Assert.Equal(expected, await last.NextAsync(expected.Length));
        Assert.Equal(expectedByOther, await after.NextAsync(expectedByOther.Length));
        Assert.Equal(sinces, string.Join(',', seen));
        Assert.Equal(0, after.BufferCount + last.BufferCount);
    }

    [Fact]
    public async Task Alone_where_the_log_does_not_hold_the_newest_message_nothing_is_missing()
    {
        var seen = new ConcurrentQueue<long>();
        await using ScriptedServer server = Serve(Log.None, seen);
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription last = await client.SubscribeAsync("/t", s_last).Soon();
        await client.WriteAsync(new WsTopicRequest("go") { Response = false }).Soon();

        Assert.Equal("101", await last.NextAsync());
        Assert.Equal([-1L], seen);
    }

    [Fact]
    public async Task It_begins_anew_where_the_epoch_ends_before_it_was_served()
    {
        var seen = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "subscribe")
                {
                    return message.Type() == "unsubscribe";
                }

                seen.Enqueue($"{message.SinceEpoch()} {message.Since()}");
                if (peer.Number == 1)
                {
                    if (message.Since() >= 0)
                    {
                        peer.Drop();
                        return true;
                    }

                    await peer.JoinedAsync(message, "e", Head);
                    return true;
                }

                bool recovers = message.SinceEpoch() == "f";
                await peer.JoinedAsync(message, "f", 3, recovers ? ",\"recovered\":true" : ",\"recovered\":false,\"reason\":\"epoch\"");
                if (recovers)
                {
                    await peer.PublishAsync("/t", 3);
                }

                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();
        await using WsTopicSubscription now = await client.SubscribeAsync("/t").Soon();
        await using WsTopicSubscription last = await client.SubscribeAsync("/t", s_last).Soon();

        Assert.Equal("3", await last.NextAsync());
        Assert.Equal("gap 1-3 epoch", await now.NextAsync());
        Assert.Equal([" -1", "e 99", "e 99", "f 2"], seen);
        Assert.Equal(0, now.BufferCount + last.BufferCount);
    }

    private static ScriptedServer Serve(Log log, ConcurrentQueue<long> sinces, Func<Task>? beforeJoin = null) => ScriptedServer.InMemory(async peer =>
    {
        long tail = log == Log.None ? Head + 1 : Head - 5;
        await peer.WelcomeAsync();
        await peer.ServeTopicsAsync(async message =>
        {
            switch (message.Type())
            {
                case "go":
                    await peer.PublishAsync("/t", Head + 1);
                    return true;

                case "unsubscribe":
                    return true;

                case "subscribe":
                    sinces.Enqueue(message.Since());
                    await (beforeJoin?.Invoke() ?? Task.CompletedTask);
                    await JoinAsync(peer, log, message, tail);
                    return true;
            }

            return false;
        });
    });

    private static async Task JoinAsync(ServerPeer peer, Log log, JsonNode message, long tail)
    {
        long since = message.Since();
        if (since < 0 || log == Log.Silent)
        {
            bool isLast = message["since"] is JsonValue && tail <= Head;
            await peer.JoinedAsync(message, "e", Head);
            if (isLast)
            {
                await peer.PublishAsync("/t", Head);
            }

            return;
        }

        bool holds = since == Head || since + 1 >= tail;
        await peer.JoinedAsync(message, "e", Head, holds ? ",\"recovered\":true" : ",\"recovered\":false,\"reason\":\"expired\"");
        for (long number = since + 1; holds && number <= Head; number++)
        {
            await peer.PublishAsync("/t", number);
        }
    }
}
