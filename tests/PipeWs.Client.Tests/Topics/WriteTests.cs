using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using PipeWs.Client.Tests.Support;
using PipeWs.Client.Topics;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class WriteTests
{
    [Fact]
    public async Task A_write_completes_at_the_servers_answer_by_its_id()
    {
        var seen = new ConcurrentQueue<JsonNode>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                seen.Enqueue(message);
                if (message.Type() != "ask")
                {
                    return false;
                }

                await peer.SendTextAsync($$"""{"id":"{{message.Id()}}","type":"answer","data":{"n":42} }""");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.IdPrefix = "me-");
        await client.StartAsync().Soon();
        Assert.Equal("c1", client.ConnectionId);

        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell", "/t") { Subject = "su\"b", Data = "[1]"u8.ToArray(), PrivateChannel = true }).Soon();
        using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("ask")).Soon();

        Assert.Equal("ack", ack.Type);
        Assert.Equal("""{"n":42}""", System.Text.Encoding.UTF8.GetString(answer.Data.Span));
        Assert.Equal("""{"id":"me-1","type":"tell","topic":"/t","subject":"su\"b","privateChannel":true,"response":true,"data":[1]}""", seen.First().ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        Assert.Equal(2, seen.Select(message => message.Id()).Distinct().Count());
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task A_write_without_an_answer_completes_at_sending()
    {
        var seen = new TaskCompletionSource<JsonNode>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                seen.TrySetResult(message);
                return Task.FromResult(true);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();

        Assert.True((await client.WriteAsync(new WsTopicRequest("tell") { Response = false }).Soon()).IsDefault);
        Assert.Null((await seen.Task.Soon())["response"]);
    }

    [Fact]
    public async Task A_write_fails_with_the_servers_error_in_its_words()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                await peer.ErrorAsync(message.Id()!, 404, "no such thing");
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();

        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => client.WriteAsync(new WsTopicRequest("tell")).Soon());

        Assert.Equal((WsTopicFailure.Refused, 404, "no such thing"), (error.Failure, error.Code, error.Message));
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task A_write_without_an_answer_in_time_fails_and_a_late_answer_harms_nobody()
    {
        var clock = new ManualTimeProvider();
        var asked = new TaskCompletionSource<string>();
        var answer = new TaskCompletionSource();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "slow")
                {
                    return false;
                }

                asked.TrySetResult(message.Id()!);
                _ = answer.Task.ContinueWith(_ => peer.AckAsync(message.Id()!), TaskScheduler.Default);
                await Task.CompletedTask;
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.TimeProvider = clock);
        await client.StartAsync().Soon();

        Task<WsTopicMessage> slow = client.WriteAsync(new WsTopicRequest("slow"));
        await asked.Task.Soon();
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(slow.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1.5));
        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => slow.Soon());
        Assert.Equal(WsTopicFailure.TimedOut, error.Failure);
        Assert.Equal(0, client.PendingRequests);

        answer.SetResult();
        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();
        Assert.Equal("ack", ack.Type);
    }

    [Fact]
    public async Task A_write_fails_when_the_connection_ends_before_the_answer()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                peer.Drop();
                return Task.FromResult(true);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient();
        await client.StartAsync().Soon();

        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => client.WriteAsync(new WsTopicRequest("tell")).Soon());

        Assert.Equal(WsTopicFailure.Disconnected, error.Failure);
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task Writes_are_sent_again_on_the_next_connection_in_their_order_where_that_is_chosen()
    {
        var second = new ConcurrentQueue<string>();
        var sawThree = new TaskCompletionSource();
        int left = 3;
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (peer.Number == 1)
                {
                    if (Interlocked.Decrement(ref left) == 0)
                    {
                        sawThree.SetResult();
                    }

                    return true;
                }

                second.Enqueue(message.Id()!);
                await peer.AckAsync(message.Id()!);
                return true;
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.SendAgain = true);
        await client.StartAsync().Soon();

        Task<WsTopicMessage>[] writes = [.. Enumerable.Range(0, 3).Select(_ => client.WriteAsync(new WsTopicRequest("tell")))];
        await sawThree.Task.Soon();
        client.Reconnect();
        await Task.WhenAll(writes).Soon();

        Assert.Equal(["1", "2", "3"], second);
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task A_write_that_is_given_up_leaves_nothing_behind()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(_ => Task.FromResult(true));
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.MaxPendingRequests = 1);
        await client.StartAsync().Soon();
        using var cancellation = new CancellationTokenSource();

        Task<WsTopicMessage> write = client.WriteAsync(new WsTopicRequest("tell"), cancellation.Token);
        WsTopicException tooMany = await Assert.ThrowsAsync<WsTopicException>(() => client.WriteAsync(new WsTopicRequest("tell")).Soon());
        await cancellation.CancelAsync();

        Assert.Equal(WsTopicFailure.TooManyPending, tooMany.Failure);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write.Soon());
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task Writes_without_an_answer_fail_when_the_client_is_stopped()
    {
        var seen = new TaskCompletionSource();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(_ =>
            {
                seen.TrySetResult();
                return Task.FromResult(true);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.SendAgain = true);
        await client.StartAsync().Soon();
        Task<WsTopicMessage> write = client.WriteAsync(new WsTopicRequest("tell"));
        await seen.Task.Soon();

        await client.StopAsync().Soon();

        WsTopicException error = await Assert.ThrowsAsync<WsTopicException>(() => write.Soon());
        Assert.Equal(WsTopicFailure.Stopped, error.Failure);
        await Assert.ThrowsAsync<WsTopicException>(() => client.WriteAsync(new WsTopicRequest("tell")).Soon());
        await Assert.ThrowsAsync<WsTopicException>(() => client.SubscribeAsync("/t").Soon());
    }

    [Fact]
    public async Task A_write_without_a_connection_was_not_sent()
    {
        await using var client = new WsTopicClient(new Uri("ws://memory.test/ws"));

        WsSendException error = await Assert.ThrowsAsync<WsSendException>(() => client.WriteAsync(new WsTopicRequest("tell")).Soon());

        Assert.Equal(WsSendFailure.Disconnected, error.Failure);
        Assert.Equal(0, client.PendingRequests);
    }

    [Fact]
    public async Task A_write_is_sent_again_where_its_connection_fails_it_after_the_next_has_become_ready()
    {
        await using var client = new WsTopicClient(new WsTopicClientOptions { Connection = { Endpoints = { new Uri("ws://memory.test/ws") } }, SendAgain = true });
        TopicSession session = client.Session;
        (WsClientConnection first, IDuplexPipe firstPeer) = Connect(client, 1);
        (WsClientConnection second, IDuplexPipe secondPeer) = Connect(client, 2);
        session.OnReady(first);

        // More than the transport takes: its beginning is there, and it has not been sent yet.
        Task<WsTopicMessage> write = client.WriteAsync(new WsTopicRequest("tell") { Data = System.Text.Encoding.UTF8.GetBytes($"\"{new string('x', 1_000_000)}\"") });
        Assert.False((await firstPeer.Input.ReadAsync().Soon()).Buffer.IsEmpty);
        session.OnDisconnected(first, WsDisconnect.From(new IOException("gone")));
        session.OnReady(second);
        await firstPeer.Input.CompleteAsync();
        first.Connection.Abort();

        var peer = new RawPeer(secondPeer, masks: false);
        RawFrame? frame = await peer.TryReadFrameAsync().Soon();
        Assert.StartsWith("{\"id\":\"1\",\"type\":\"tell\"", frame!.PayloadText, StringComparison.Ordinal);
        await peer.SendTextAsync("""{"id":"1","type":"ack"}""");
        using WsTopicMessage answer = await write.Soon();
        Assert.Equal("ack", answer.Type);
        Assert.Equal(0, client.PendingRequests);

        second.Connection.Abort();
        await Task.WhenAll(first.Ended, second.Ended).Soon();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MaxValue / TimeSpan.TicksPerMillisecond)]
    public void A_time_for_an_answer_that_no_timer_takes_is_refused(long milliseconds)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new WsTopicRequest("ask") { AckTimeout = TimeSpan.FromMilliseconds(milliseconds) });
        Assert.Contains("AckTimeout is ", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A connection that the client has not dialled itself.</summary>
    private static (WsClientConnection Connection, IDuplexPipe Peer) Connect(WsTopicClient client, int number)
    {
        DuplexPipePair pair = DuplexPipePair.Create();
        var transport = new WsConnection(pair.Connection, WsRole.Client, new WsConnectionOptions(), client.Client.Heartbeat);
        var connection = new WsClientConnection(client.Client, transport, number, new Uri("ws://memory"), subprotocol: null, remoteEndPoint: null, token: null);
        connection.Run();
        return (connection, pair.Peer);
    }
}
