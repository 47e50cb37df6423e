using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Events;

public sealed class EventTests
{
    private static readonly WsReconnectPolicy s_atOnce = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);

    [Fact]
    public async Task Events_come_in_one_order_to_all_and_end_with_the_shutdown()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync($"hello {peer.Number}");
            await (peer.Number == 1 ? peer.CloseAsync(1012) : peer.ServeAsync());
        });
        WsClient client = server.CreateClient(o => o.ReconnectPolicy = s_atOnce);
        var called = new List<WsClientEvent>();
        using IDisposable subscription = client.OnEvent(WsClientEventKinds.All, called.Add);
        IAsyncEnumerable<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.All);
        await client.StartAsync().Soon();
        await Conditions.UntilAsync(() => client.ReadBufferCount == 2, "both messages came");
        await client.DisposeAsync();

        List<WsClientEvent> read = await events.ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            ["Connected", "MessageReceived", "Disconnected", "TryReconnect", "Connected", "MessageReceived", "Disconnected", "ClientShutdown"],
            read.Select(clientEvent => clientEvent.Kind.ToString()));
        Assert.Equal(Enumerable.Range(1, 8).Select(i => (long)i), read.Select(clientEvent => clientEvent.Sequence));
        Assert.Equal(read, called);
        Assert.False(((WsConnectedEvent)read[0]).IsReconnect);
        Assert.True(((WsConnectedEvent)read[4]).IsReconnect);
        Assert.Equal((1012, true), (((WsDisconnectedEvent)read[2]).Disconnect.Code, ((WsDisconnectedEvent)read[2]).WillReconnect));
        Assert.False(((WsDisconnectedEvent)read[6]).WillReconnect);
        Assert.Equal("hello 1"u8.ToArray(), ((WsMessageReceivedEvent)read[1]).Payload.ToArray());
    }

    [Fact]
    public async Task Whoever_hears_that_it_is_connected_can_send()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(static async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        using var heard = new ManualResetEventSlim();
        bool hasWaited = false;
        using var logger = new LogHook("Connected", () => hasWaited = heard.Wait(TimeSpan.FromSeconds(30)));
        await using var client = new WsClient(server.Options(), logger);
        string outcome = "";
        using IDisposable subscription = client.OnEvent(WsClientEventKinds.Connected, _ =>
        {
            try
            {
                client.SendTextAsync("hello").AsTask().GetAwaiter().GetResult();
                outcome = "sent";
            }
            catch (WsSendException e)
            {
                outcome = e.Message;
            }

            heard.Set();
        });
        await client.StartAsync().Soon();
        Assert.True(hasWaited);
        Assert.Equal("sent", outcome);
    }

    [Fact]
    public async Task A_callback_that_throws_is_reported_and_called_again()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await (peer.Number < 3 ? peer.CloseAsync(1012) : peer.ServeAsync());
        });
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = s_atOnce);
        int called = 0;
        using IDisposable failing = client.OnEvent(WsClientEventKinds.Connected | WsClientEventKinds.CallbackError, clientEvent =>
        {
            Interlocked.Increment(ref called);
            throw new InvalidOperationException(clientEvent.Kind.ToString());
        });
        var errors = new List<string>();
        using IDisposable reports = client.OnEvent(WsClientEventKinds.CallbackError, e => errors.Add(((WsCallbackErrorEvent)e).Exception.Message));
        await client.StartAsync().Soon();

        // Three connections, each reported, and the report of each given to the failing callback too, which is not reported again.
        await Conditions.UntilAsync(() => called == 6 && errors.Count == 3, "all were called");
        Assert.All(errors, message => Assert.Equal("Connected", message));
        Assert.True(client.IsConnected);
    }

    [Fact]
    public async Task A_callback_that_blocks_holds_up_nobody_and_is_told_what_it_missed()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(peer.SendTextAsync);
        });
        await using WsClient client = server.CreateClient(o => o.EventBuffer = 5);
        var release = new TaskCompletionSource();
        var blocked = new List<WsClientEvent>();
        using IDisposable subscription = client.OnEvent(WsClientEventKinds.MessageReceived, async clientEvent =>
        {
            blocked.Add(clientEvent);
            await release.Task;
        });
        await client.StartAsync().Soon();
        for (int i = 0; i < 50; i++)
        {
            await client.SendTextAsync($"{i}");
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.True(client.TryRead(out WsClientMessage message));
            message.Dispose();
            if (i == 0)
            {
                await Conditions.UntilAsync(() => blocked.Count == 1, "it is in its callback");
            }
        }

        release.SetResult();
        await Conditions.UntilAsync(() => blocked.Count == 6, "it caught up");
        Assert.Equal(44, blocked[1].MissedBefore);
        Assert.All(blocked.Skip(2), clientEvent => Assert.Equal(0, clientEvent.MissedBefore));
        Assert.Equal([1, 46, 47, 48, 49, 50], blocked.Select(clientEvent => clientEvent.Sequence));
    }

    [Fact]
    public async Task A_callback_may_stop_its_client_and_a_subscription_can_be_ended()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        WsClient client = server.CreateClient();
        int calls = 0;
        client.OnEvent(WsClientEventKinds.All, _ => Interlocked.Increment(ref calls)).Dispose();
        var stopped = new TaskCompletionSource();
        client.OnEvent(WsClientEventKinds.Connected, async _ =>
        {
            await client.StopAsync();
            stopped.SetResult();
        });
        await client.StartAsync().Soon();

        await stopped.Task.Soon();
        await client.StopAsync().Soon();
        Assert.Equal("", client.Unfinished);
        Assert.Equal(0, calls);
        Assert.Empty(await client.ReadEventsAsync(WsClientEventKinds.All).ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_callback_waits_for_the_whole_stop_of_another_client()
    {
        await using ScriptedServer server = AnswersCloseOnlyAfter(out Task asked, out TaskCompletionSource answers);
        await using WsClient other = server.CreateClient();
        await using WsClient client = server.CreateClient();
        await other.StartAsync().Soon();
        var state = new TaskCompletionSource<(bool, WsClientState, string)>();
        client.OnEvent(WsClientEventKinds.Connected, async _ =>
        {
            Task stopping = other.StopAsync();
            await asked;
            bool isEarly = stopping.IsCompleted;
            answers.SetResult();
            await stopping;
            state.SetResult((isEarly, other.State, other.Unfinished));
        });
        await client.StartAsync().Soon();

        Assert.Equal((false, WsClientState.Stopped, ""), await state.Task.Soon());
    }

    [Fact]
    public async Task What_a_callback_started_and_left_behind_waits_for_the_whole_stop()
    {
        await using ScriptedServer server = AnswersCloseOnlyAfter(out Task asked, out TaskCompletionSource answers);
        await using WsClient client = server.CreateClient();
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = new TaskCompletionSource<Task<bool>>();
        client.OnEvent(WsClientEventKinds.Connected, _ => left.SetResult(Task.Run(async () =>
        {
            await goOn.Task;
            Task stopping = client.StopAsync();
            await asked;
            bool isEarly = stopping.IsCompleted;
            answers.SetResult();
            await stopping;
            return isEarly;
        })));
        await client.StartAsync().Soon();
        Task<bool> stop = await left.Task.Soon();
        await Conditions.UntilAsync(() => !client.Unfinished.Contains("callbacks", StringComparison.Ordinal), "the callback has returned");
        goOn.SetResult();

        Assert.False(await stop.Soon());
        Assert.Equal("", client.Unfinished);
    }

    [Fact]
    public async Task A_pong_is_an_event_with_its_round_trip()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.PongReceived).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        await client.Connection!.Connection.PingAsync().Soon();

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(client.Connection.RoundTripTime, ((WsPongReceivedEvent)events.Current).RoundTripTime);
    }

    /// <summary>A server that reads a close frame and answers when it is told to.</summary>
    private static ScriptedServer AnswersCloseOnlyAfter(out Task asked, out TaskCompletionSource answers)
    {
        var closing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (asked, answers) = (closing.Task, released);
        return ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            while (await peer.Frames.TryReadFrameAsync() is { } frame)
            {
                if (frame.Opcode == RawFrame.Close)
                {
                    closing.TrySetResult();
                    await released.Task;
                    await peer.Frames.SendFrameAsync(RawFrame.Close, frame.Payload);

                    // The server ends the transport, and the client need not wait for that.
                    return;
                }
            }
        });
    }
}
