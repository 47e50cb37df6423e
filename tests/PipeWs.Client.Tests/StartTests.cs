using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests;

/// <summary>A start ends in one way: there is a connection, or the client may be started again.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task A_start_that_is_given_up_while_the_first_message_is_handled_ends_the_connection()
    {
        var closes = new ConcurrentQueue<RawFrame?>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.ReadRequestAsync();

            // In one write, so that the handler is called before the start has returned.
            await peer.WriteAsync(peer.Answer() + "\u0081\u0005hello");
            closes.Enqueue(await peer.ServeAsync());
        });
        using var patience = new CancellationTokenSource();
        int handled = 0;
        bool wasTold = false;
        await using WsClient client = server.CreateClient(o => o.MessageHandler = new Handler((_, _, cancellationToken) =>
        {
            if (Interlocked.Increment(ref handled) == 1)
            {
                patience.Cancel();
                wasTold = cancellationToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(5));
            }

            return default;
        }));
        IAsyncEnumerable<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Connected | WsClientEventKinds.Disconnected);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.StartAsync(patience.Token).Soon());
        Assert.True(wasTold);
        Assert.Equal(WsClientState.Created, client.State);
        Assert.False(client.IsConnected);
        Assert.Equal("", client.Unfinished);
        await Conditions.UntilAsync(() => !closes.IsEmpty, "the server has seen the end");
        Assert.Equal(1000, closes.First()!.CloseCode);

        await client.StartAsync().Soon();
        Assert.Equal(2, client.Connection!.Number);
        await client.StopAsync().Soon();
        List<WsClientEvent> seen = await events.ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["Connected", "Disconnected", "Connected", "Disconnected"], seen.Select(clientEvent => clientEvent.Kind.ToString()));
        Assert.All(seen.OfType<WsDisconnectedEvent>(), ended => Assert.False(ended.WillReconnect));
    }

    [Fact]
    public async Task A_start_that_is_given_up_while_a_ready_handler_works_leaves_no_connection()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        using var patience = new CancellationTokenSource();
        bool gaveUp = false;
        await using WsClient client = server.CreateClient(o => o.ReadyHandlers.Add(new Ready((_, cancellationToken) =>
        {
            if (!gaveUp)
            {
                // Returns all the same: the connection is ready just as the start is given up.
                gaveUp = true;
                patience.Cancel();
                cancellationToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            }

            return default;
        })));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.StartAsync(patience.Token).Soon());
        Assert.Equal(WsClientState.Created, client.State);
        Assert.Null(client.Connection);
        await client.StartAsync().Soon();
        Assert.True(client.IsConnected);
    }

    [Fact]
    public async Task The_first_connection_that_is_ready_is_no_reconnect_whatever_was_tried_before()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            if (peer.Number != 3)
            {
                await peer.ServeAsync();
                return;
            }

            await goOn.Task;
            await peer.CloseAsync(1012);
        });
        int tries = 0;
        await using WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
            o.ReadyHandlers.Add(new Ready((_, _) => ++tries < 3 ? throw new InvalidOperationException("not yet") : default));
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Connected).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await client.StartAsync().Soon();

        foreach ((int number, bool isReconnect) in ((int, bool)[])[(3, false), (4, true)])
        {
            Assert.True(await events.MoveNextAsync().Soon());
            var connected = (WsConnectedEvent)events.Current;
            Assert.Equal((number, isReconnect), (connected.Connection.Number, connected.IsReconnect));
            goOn.TrySetResult();
        }
    }

    [Fact]
    public async Task A_topic_client_reports_no_reconnect_at_its_first_connection()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            if (peer.Number == 1)
            {
                await peer.AcceptAsync();
                await peer.CloseAsync(1012);
                return;
            }

            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.RetryFirstDial = true);
        IAsyncEnumerable<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Connected | WsClientEventKinds.Reconnected);
        await client.StartAsync().Soon();
        await client.StopAsync().Soon();

        var only = Assert.IsType<WsConnectedEvent>(Assert.Single(await events.ToListAsync(TestContext.Current.CancellationToken)));
        Assert.Equal((2, false), (only.Connection.Number, only.IsReconnect));
    }
}
