using System.Text;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Sending;

/// <summary>A write ends in exactly one outcome, and what waits is bounded.</summary>
public sealed class WriteTests
{
    private static readonly byte[] s_large = Encoding.ASCII.GetBytes(new string('x', 100_000));

    [Fact]
    public async Task A_write_fails_at_once_while_there_is_no_connection()
    {
        await using var client = new WsClient(new Uri("ws://127.0.0.1:1/"));

        Assert.Equal(WsSendFailure.Disconnected, await FailureAsync(client.SendTextAsync("x")));
        Assert.False(client.TrySend("x"u8));
        Assert.Equal(0, client.WriteBufferCount);
    }

    [Fact]
    public async Task Writes_wait_their_turn_and_leave_in_order_when_the_server_reads_again()
    {
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var received = new List<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await read.Task;
            await peer.ServeAsync(text =>
            {
                received.Add(text.Length > 100 ? "large" : text);
                return Task.CompletedTask;
            });
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();
        await FillAsync(client);
        Task[] writes = [.. Enumerable.Range(0, 300).Select(i => client.SendTextAsync($"{i}").AsTask())];
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        Assert.Equal(300, client.WriteBufferCount);
        read.SetResult();

        await Task.WhenAll(writes).Soon();
        await Conditions.UntilAsync(() => received.LastOrDefault() == "299", "all arrived");
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"{i}"), received.Where(text => text != "large"));
    }

    [Theory]
    [InlineData(WsBufferFullMode.DropOldest)]
    [InlineData(WsBufferFullMode.DropNewest)]
    [InlineData(WsBufferFullMode.Fail)]
    public async Task A_full_write_buffer_does_as_its_mode_says_and_tells(WsBufferFullMode mode)
    {
        await using ScriptedServer server = NotReading(out TaskCompletionSource read);
        await using WsClient client = server.CreateClient(o =>
        {
            o.WriteMessageBuffer = 4;
            o.WriteFullMode = mode;
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.WriteBufferFull).GetAsyncEnumerator();
        await client.StartAsync().Soon();
        await FillAsync(client);

        Task[] writes = [.. Enumerable.Range(0, 5).Select(i => client.SendTextAsync($"{i}").AsTask())];
        int victim = mode == WsBufferFullMode.DropOldest ? 0 : 4;
        var failure = await Assert.ThrowsAsync<WsSendException>(() => writes[victim].Soon());
        Assert.Equal(mode == WsBufferFullMode.Fail ? WsSendFailure.BufferFull : WsSendFailure.Dropped, failure.Failure);
        Assert.Equal(4, writes.Count(write => !write.IsCompleted));
        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal((mode, 4), (((WsWriteBufferFullEvent)events.Current).Mode, ((WsWriteBufferFullEvent)events.Current).Count));
        read.SetResult();
        await Task.WhenAll(writes.Where((_, i) => i != victim)).Soon();
    }

    [Fact]
    public async Task A_write_that_waits_too_long_times_out_and_a_cancelled_one_is_taken_back()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = NotReading(out TaskCompletionSource read);
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.WriteTimeout = TimeSpan.FromSeconds(3);
            o.PingInterval = Timeout.InfiniteTimeSpan;
        });
        await client.StartAsync().Soon();
        await FillAsync(client);
        using var cancellation = new CancellationTokenSource();
        Task first = client.SendTextAsync("first").AsTask();
        Task second = client.SendTextAsync("second", cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Soon());
        Assert.Equal(1, client.WriteBufferCount);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(first.IsCompleted);
        for (int i = 0; i < 4 && !first.IsCompleted; i++)
        {
            clock.Advance(WsHeartbeat.Interval);
        }

        Assert.Equal(WsSendFailure.TimedOut, (await Assert.ThrowsAsync<WsSendException>(() => first.Soon())).Failure);
        Assert.Equal(0, client.WriteBufferCount);
        read.SetResult();
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_sends_nothing()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.SendTextAsync("x", new CancellationToken(true)).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.SendAsync("x"u8.ToArray(), cancellationToken: new CancellationToken(true)).AsTask());
    }

    [Fact]
    public async Task What_waits_fails_when_the_connection_ends_without_an_offline_queue()
    {
        var drop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            if (peer.Number == 1)
            {
                await drop.Task;
                return;
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();
        await FillAsync(client);
        Task[] writes = [.. Enumerable.Range(0, 10).Select(i => client.SendTextAsync($"{i}").AsTask())];
        drop.SetResult();

        foreach (Task write in writes)
        {
            // What the connection had taken from the queue by then was handed over; the rest was not.
            Exception? error = await Record.ExceptionAsync(() => write.Soon());
            Assert.True(error is null or WsSendException { Failure: WsSendFailure.Disconnected }, error?.ToString());
        }

        Assert.Contains(writes, write => write.IsFaulted);
    }

    [Fact]
    public async Task The_offline_queue_keeps_writes_for_the_next_connection_within_its_count_and_age()
    {
        var clock = new ManualTimeProvider();
        var received = new List<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(text =>
            {
                lock (received)
                {
                    received.Add(text);
                }

                return Task.CompletedTask;
            });
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.OfflineQueueCount = 3;
            o.OfflineQueueAge = TimeSpan.FromSeconds(10);
            o.WriteFullMode = WsBufferFullMode.Fail;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromSeconds(60));
        });
        await client.StartAsync().Soon();
        client.Connection!.Connection.Abort();
        await Conditions.UntilAsync(() => client.State == WsClientState.Waiting, "it waits");

        Task early = client.SendTextAsync("too early").AsTask();
        for (int i = 0; i < 60; i++)
        {
            clock.Advance(WsHeartbeat.Interval);
        }

        Assert.Equal(WsSendFailure.TimedOut, (await Assert.ThrowsAsync<WsSendException>(() => early.Soon())).Failure);
        for (int i = 0; i < 44; i++)
        {
            clock.Advance(WsHeartbeat.Interval);
        }

        Task[] writes = [.. Enumerable.Range(0, 3).Select(i => client.SendTextAsync($"{i}").AsTask())];
        Assert.Equal(WsSendFailure.BufferFull, await FailureAsync(client.SendTextAsync("one too many")));
        clock.Advance(TimeSpan.FromSeconds(9));

        await Task.WhenAll(writes).Soon();
        await Conditions.UntilAsync(() => received.Count == 3, "all arrived");
        Assert.Equal(["0", "1", "2"], received);
    }

    [Fact]
    public async Task A_stop_sends_what_is_pending_before_it_closes()
    {
        await using ScriptedServer server = NotReading(out TaskCompletionSource read, out List<string> received);
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();
        await FillAsync(client);
        Task[] writes = [.. Enumerable.Range(0, 100).Select(i => client.SendTextAsync($"{i}").AsTask())];
        Task stopping = client.StopAsync();
        read.SetResult();

        await stopping.Soon();
        await Task.WhenAll(writes).Soon();
        await Conditions.UntilAsync(() => received.Count >= 101, "all arrived");
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), received.Where(text => text.Length < 100));
    }

    [Fact]
    public async Task Many_threads_write_and_each_message_arrives_once_and_in_its_thread_s_order()
    {
        const int Threads = 8;
        const int Each = 2_000;
        var last = new int[Threads];
        int total = 0;
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(text =>
            {
                string[] parts = text.Split(' ');
                int thread = int.Parse(parts[0]);
                Assert.Equal(++last[thread], int.Parse(parts[1]));
                Interlocked.Increment(ref total);
                return Task.CompletedTask;
            });
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.WriteMessageBuffer = 16;
            o.WriteBacklogBytes = 256;
        });
        await client.StartAsync().Soon();
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (int i = 1; i <= Each; i++)
            {
                await client.SendTextAsync($"{thread} {i}");
            }
        }))).Soon();

        await Conditions.UntilAsync(() => Volatile.Read(ref total) == Threads * Each, "all arrived");
        Assert.Empty(server.Failures);
    }

    private static ScriptedServer NotReading(out TaskCompletionSource read) => NotReading(out read, out _);

    private static ScriptedServer NotReading(out TaskCompletionSource read, out List<string> received)
    {
        var reads = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var texts = new List<string>();
        (read, received) = (reads, texts);
        return ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await reads.Task;
            await peer.ServeAsync(text =>
            {
                texts.Add(text);
                return Task.CompletedTask;
            });
        });
    }

    /// <summary>Sends until the connection has as much as it takes while the server does not read.</summary>
    private static async Task FillAsync(WsClient client)
    {
        await client.SendAsync(s_large).Soon();
        await Conditions.UntilAsync(() => client.Connection!.Connection.BacklogBytes > 0 || client.TrySend(s_large), "the transport is full");
    }

    private static async Task<WsSendFailure> FailureAsync(ValueTask write) => (await Assert.ThrowsAsync<WsSendException>(() => write.AsTask())).Failure;
}
