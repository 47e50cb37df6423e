using System.Globalization;
using System.Text;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Chaos;

/// <summary>A server that does everything wrong, by a seeded script: nothing hangs, leaks or throws unobserved, and every write ends in one outcome.</summary>
[Collection(AloneCollection.Name)]
public sealed class MisbehavingServerTests
{
    private const int Runs = 2_000;
    private const int AtOnce = 16;

    private static readonly int[] s_codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3005, 3008, 3013, 4999];

    [Fact]
    public async Task Two_thousand_runs_against_a_server_that_misbehaves_end_well()
    {
        int seed = int.Parse(Environment.GetEnvironmentVariable("PIPEWS_SEED") ?? "4711", CultureInfo.InvariantCulture);
        var unobserved = new List<Exception>();
        void OnUnobserved(object? sender, UnobservedTaskExceptionEventArgs e)
        {
            lock (unobserved)
            {
                unobserved.Add(e.Exception);
            }
        }

        // Of the process: what a test before this one has left unobserved, or not given back, is not counted.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = WsFramePool.Outstanding;
        TaskScheduler.UnobservedTaskException += OnUnobserved;
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, Runs), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (run, _) =>
            {
                try
                {
                    await RunAsync((seed * 31) + run, listens: run % 4 == 0);
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"Seed {seed}, run {run}.", e);
                }
            });

            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            Assert.Empty(unobserved);
            await Conditions.UntilAsync(() => WsFramePool.Outstanding <= before, "every frame went back");
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= OnUnobserved;
        }
    }

    private static async Task RunAsync(int seed, bool listens)
    {
        var random = new Random(seed);
        Func<ServerPeer, Task> script = peer => MisbehaveAsync(peer, new Random((seed * 31) + peer.Number));
        await using ScriptedServer server = listens ? ScriptedServer.Listen(script) : ScriptedServer.InMemory(script);
        int inEvents = 0;
        WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(4), maxAttempts: 40, random: new Random(seed));
            o.StableAfter = TimeSpan.FromHours(1);
            o.CloseTimeout = TimeSpan.FromMilliseconds(200);
            o.DialTimeout = TimeSpan.FromMilliseconds(100);
            o.FrameTimeout = TimeSpan.FromMilliseconds(600);
            o.ReadMessageBuffer = 1 + random.Next(8);
            o.ReadFullMode = (WsBufferFullMode)random.Next(4);
            o.WriteMessageBuffer = 1 + random.Next(8);
            o.WriteFullMode = (WsBufferFullMode)random.Next(4);
            o.OfflineQueueCount = random.Next(2) * 4;
            o.OfflineQueueAge = TimeSpan.FromMilliseconds(50);
        });
        client.OnEvent(WsClientEventKinds.All, _ => Interlocked.Increment(ref inEvents));
        Task<string> lastEvent = ReadLastEventAsync(client);
        client.Start();
        Task<int> reader = ReadAsync(client, random.Next(2) == 0);
        Task<int>[] writers = [.. Enumerable.Range(0, 3).Select(i => WriteAsync(client, 20, seed + i))];

        int[] outcomes = await Task.WhenAll(writers).Soon();
        Assert.All(outcomes, count => Assert.Equal(20, count));
        if (random.Next(2) == 0)
        {
            // Some go on until they give up, or a server that behaves holds them.
            await Conditions.UntilAsync(() => server.Accepted >= 5 || client.State == WsClientState.Failed || client.IsConnected, "it went on");
        }

        await client.DisposeAsync().Soon();
        await reader.Soon();
        Assert.Contains(await lastEvent.Soon(), (string[])[nameof(WsClientFailEvent), nameof(WsClientShutdownEvent)]);
        Assert.Empty(server.Failures);
        Assert.Equal("", client.Unfinished);
    }

    private static async Task<string> ReadLastEventAsync(WsClient client)
    {
        string last = "";
        long sequence = 0;
        await foreach (WsClientEvent clientEvent in client.ReadEventsAsync())
        {
            Assert.True(clientEvent.Sequence > sequence);
            sequence = clientEvent.Sequence;
            last = clientEvent.GetType().Name;
        }

        return last;
    }

    private static async Task<int> ReadAsync(WsClient client, bool isSlow)
    {
        int read = 0;
        try
        {
            await foreach (WsClientMessage message in client.ReadAllAsync())
            {
                using (message)
                {
                    read++;
                    Assert.StartsWith("m", message.GetText(), StringComparison.Ordinal);
                }

                if (isSlow)
                {
                    await Task.Delay(1);
                }
            }
        }
        catch (WsClientFailedException)
        {
            // It gave up, as some close codes mean.
        }

        return read;
    }

    private static async Task<int> WriteAsync(WsClient client, int count, int seed)
    {
        var random = new Random(seed);
        int outcomes = 0;
        byte[] large = Encoding.ASCII.GetBytes(new string('x', 20_000));
        for (int i = 0; i < count; i++)
        {
            using var cancellation = new CancellationTokenSource();
            ValueTask write = random.Next(4) == 0 ? client.SendAsync(large, cancellationToken: cancellation.Token) : client.SendTextAsync("a message", cancellation.Token);
            if (random.Next(8) == 0)
            {
                await cancellation.CancelAsync();
            }

            try
            {
                await write;
            }
            catch (Exception e) when (e is WsSendException or OperationCanceledException)
            {
                await Task.Yield();
            }

            outcomes++;
        }

        return outcomes;
    }

    private static async Task MisbehaveAsync(ServerPeer peer, Random random)
    {
        switch (random.Next(12))
        {
            case 0:
                return;
            case 1:
                await peer.ReadRequestAsync();
                await peer.WriteAsync("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
                return;
            case 2:
                await peer.ReadRequestAsync();
                await peer.WriteAsync(random.Next(2) == 0 ? "SSH-2.0-OpenSSH_9.9\r\n" : peer.Answer()[..^7]);
                return;
            case 3 when random.Next(4) == 0:
                // Never answers: the dial's time is up.
                await peer.ReadRequestAsync();
                await peer.ServeAsync();
                return;
        }

        await peer.AcceptAsync();
        for (int i = random.Next(20); i > 0; i--)
        {
            await peer.SendTextAsync("m" + new string('y', random.Next(300)));
        }

        switch (random.Next(9))
        {
            case 0:
                peer.Drop();
                return;
            case 1:
                peer.Reset();
                return;
            case 2:
                // In the middle of a frame.
                byte[] frame = RawFrame.Encode(RawFrame.Text, "m cut off"u8);
                await peer.Frames.SendAsync(frame.AsMemory(0, 1 + random.Next(frame.Length - 1)));
                return;
            case 3:
                await peer.CloseAsync(s_codes[random.Next(s_codes.Length)], random.Next(2) == 0 ? "" : "reconnect after 2 ms");
                return;
            case 4:
                byte[][] bad = [[0x83, 0x00], [0xC1, 0x01, 0x6D], [0x81, 0x81, 1, 2, 3, 4, 0x6C], [0x80, 0x00], [0x89, 0x7E, 0x00, 0x7E], [0x81, 0x02, 0xC3, 0x28], [0x88, 0x01, 0x03], [0x82, 0xFF]];
                await peer.Frames.SendAsync(bad[random.Next(bad.Length)]);
                await peer.ServeAsync();
                return;
            case 5:
                // A close frame that is never followed by the transport's end, and an answer that never comes.
                await peer.Frames.SendCloseAsync(1001);
                while (await peer.Frames.TryReadFrameAsync() is not null)
                {
                }

                return;
            case 6 when random.Next(3) == 0:
                // Half a frame, then silence.
                await peer.Frames.SendAsync(new byte[] { 0x81, 0x20, 0x6D });
                await peer.ServeAsync();
                return;
            default:
                await peer.ServeAsync(text => peer.SendTextAsync("m" + text.Length));
                return;
        }
    }
}
