using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Sessions;

public sealed class ReadyTests
{
    [Fact]
    public async Task A_ready_handler_logs_in_before_the_client_counts_as_connected_and_what_it_leaves_goes_to_the_reader()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync("welcome");
            Assert.Equal("login", (await peer.Frames.ReadFrameAsync()).PayloadText);
            await peer.SendTextAsync("granted");
            await peer.SendTextAsync("first");
            await peer.SendTextAsync("second");
            await peer.ServeAsync(peer.SendTextAsync);
        });
        WsClient? client = null;
        client = server.CreateClient(o => o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) =>
        {
            Assert.False(client!.IsConnected);
            Assert.Equal(WsClientState.Connecting, client.State);
            using (WsClientMessage welcome = await connection.ReceiveAsync(cancellationToken))
            {
                Assert.Equal("welcome", welcome.GetText());
            }

            await connection.SendTextAsync("login", cancellationToken);
            using WsClientMessage granted = await connection.ReceiveAsync(cancellationToken);
            Assert.Equal("granted", granted.GetText());
        })));
        await using WsClient disposed = client;
        await client.StartAsync().Soon();
        await client.SendTextAsync("third");

        foreach (string expected in (string[])["first", "second", "third"])
        {
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.True(client.TryRead(out WsClientMessage message));
            Assert.Equal(expected, message.GetText());
            message.Dispose();
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.Connection!.ReceiveAsync().AsTask());
        Assert.Empty(server.Failures);
    }

    [Fact]
    public async Task A_ready_handler_that_fails_is_a_failed_attempt_and_its_connection_is_closed()
    {
        var closes = new List<RawFrame?>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            RawFrame? close = await peer.ServeAsync();
            lock (closes)
            {
                closes.Add(close);
            }
        });
        int tries = 0;
        await using WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
            o.ReadyHandlers.Add(new Ready((_, _) => ++tries < 3 ? throw new InvalidOperationException("not yet") : default));
        });
        await client.StartAsync().Soon();

        Assert.Equal(3, client.Connection!.Number);
        Assert.Equal(2, closes.Count);
        Assert.All(closes, close => Assert.Equal(1000, close!.CloseCode));
    }

    [Fact]
    public async Task A_refusal_while_logging_in_says_whether_to_try_again()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.CloseAsync(3001, "who are you");
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) => (await connection.ReceiveAsync(cancellationToken)).Dispose()));
        });

        var error = await Assert.ThrowsAsync<WsClientFailedException>(() => client.StartAsync().Soon());
        Assert.Equal(3001, error.Disconnect!.Code);
        Assert.Contains("who are you", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ready_handler_that_does_not_return_fails_after_its_time()
    {
        var clock = new ManualTimeProvider();
        var waiting = new TaskCompletionSource();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync("nobody takes this");
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReadyHandlers.Add(new Ready(async (_, _) =>
            {
                waiting.SetResult();
                await new TaskCompletionSource().Task;
            }));
        });
        Task starting = client.StartAsync();
        await waiting.Task.Soon();
        clock.Advance(TimeSpan.FromSeconds(10));

        var error = await Assert.ThrowsAnyAsync<WsDialException>(() => starting.Soon());
        Assert.Contains("did not return within 10 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_half_open_link_is_found_within_the_interval_and_the_timeout()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            if (peer.Number == 1)
            {
                // Takes everything and says nothing.
                while (await peer.Frames.TryReadFrameAsync() is not null)
                {
                }

                return;
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.PingInterval = TimeSpan.FromSeconds(18);
            o.PongTimeout = TimeSpan.FromSeconds(10);
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        TimeSpan start = clock.Elapsed;
        WsConnection first = client.Connection!.Connection;
        while (!first.IsClosing && clock.Elapsed - start < TimeSpan.FromMinutes(5))
        {
            clock.Advance(WsHeartbeat.Interval);
        }

        Assert.InRange(clock.Elapsed - start, TimeSpan.FromSeconds(27), TimeSpan.FromSeconds(28) + (2 * WsHeartbeat.Interval));
        Assert.True(await events.MoveNextAsync().Soon());
        var disconnect = ((WsDisconnectedEvent)events.Current).Disconnect;
        Assert.Equal(1006, disconnect.Code);
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
    }
}
