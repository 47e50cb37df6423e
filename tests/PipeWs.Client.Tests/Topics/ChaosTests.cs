using System.Globalization;
using System.Text.Json.Nodes;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>
/// A server that misbehaves by a seed: refuses, drops in the middle of a frame, closes with each code, stalls, sends bad frames and bad JSON, answers late or never. PIPEWS_CHAOS_RUNS sets the
/// number of runs of each kind.
/// </summary>
public sealed class ChaosTests
{
    private const int Messages = 60;
    private const int Writes = 12;

    private static readonly int s_runs = int.TryParse(Environment.GetEnvironmentVariable("PIPEWS_CHAOS_RUNS"), CultureInfo.InvariantCulture, out int runs) ? runs : 50;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_write_has_one_outcome_and_a_log_arrives_once_and_in_order(int part)
    {
        await Parallel.ForAsync(0, s_runs, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (run, _) =>
        {
            int seed = (part * 1_000_000) + run;
            try
            {
                await RunAsync(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        });
    }

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        var clock = new ManualTimeProvider();
        var log = new Log(losesHistory: random.Next(3) == 0);
        var chaos = new Chaos(random, log);
        bool sendsAgain = random.Next(2) == 0;
        await using ScriptedServer server = ScriptedServer.InMemory(chaos.RunAsync);
        await using (WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.RetryFirstDial = true;
            o.Connection.ShouldReconnect = static _ => true;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1), random: new Random(seed));
            o.Connection.PingInterval = TimeSpan.FromSeconds(4);
            o.Connection.PongTimeout = TimeSpan.FromSeconds(2);
            o.SendAgain = sendsAgain;
            o.AckTimeout = TimeSpan.FromSeconds(3);
        }))
        {
            client.Start();
            Task<List<string>> reader = ReadAsync(client, random.Next(2) == 0 ? 1024 : 5);
            Task<Exception?>[] writes = [.. Enumerable.Range(0, Writes).Select(async number =>
            {
                await Task.Yield();
                return await Record.ExceptionAsync(() => client.WriteAsync(new WsTopicRequest("tell", $"/w{number}")));
            })];

            // Time passes until all is over; the server behaves from its twentieth connection on.
            long start = Environment.TickCount64;
            while (!(reader.IsCompleted && writes.All(static write => write.IsCompleted)))
            {
                Assert.True(Environment.TickCount64 - start < 60_000, $"it hangs: {client.State}, {client.PendingRequests} pending, reader {reader.Status}, connections {server.Accepted}");
                log.Publish();
                clock.Advance(TimeSpan.FromMilliseconds(250));
                await Task.Delay(1);
            }

            Check(await reader, log);
            foreach (Task<Exception?> write in writes)
            {
                Assert.True(await write is null or WsTopicException or WsSendException, $"{await write}");
            }

            // The server may be one that stalls: the close has its own time.
            Task stop = client.StopAsync();
            await Conditions.UntilAsync(
                () =>
                {
                    clock.Advance(TimeSpan.FromMilliseconds(250));
                    return stop.IsCompleted;
                },
                "the client has stopped");
            await stop;
            Assert.Equal(0, client.PendingRequests);
            Assert.Equal(0, client.TopicCount);
        }

        Assert.Empty(server.Failures);
    }

    private static async Task<List<string>> ReadAsync(WsTopicClient client, int buffer)
    {
        WsTopicSubscription? subscription = null;
        while (subscription is null)
        {
            try
            {
                subscription = await client.SubscribeAsync("/log", new WsSubscribeOptions { BufferMessages = buffer });
            }
            catch (WsTopicException)
            {
                // The first subscribe is told when it is refused or not answered; asking again is up to us.
            }
        }

        var read = new List<string>();
        await using (subscription)
        {
            await foreach (WsTopicMessage message in subscription)
            {
                using (message)
                {
                    read.Add(message.Gap is { } gap ? $"gap {gap.Epoch} {gap.From} {gap.To}" : $"{message.Epoch} {message.SequenceNumber} {System.Text.Encoding.UTF8.GetString(message.Data.Span)}");
                    if (read.Count(static item => item[0] != 'g') >= Messages)
                    {
                        break;
                    }
                }
            }
        }

        return read;
    }

    /// <summary>Within an epoch each number is there once, in order, with its data, or in a gap; an epoch that ends is a gap.</summary>
    private static void Check(List<string> read, Log log)
    {
        string? epoch = null;
        long number = -1;
        foreach (string item in read)
        {
            string[] parts = item.Split(' ');
            if (parts[0] == "gap")
            {
                Assert.True(parts[1] != epoch || long.Parse(parts[2], CultureInfo.InvariantCulture) == number + 1, $"{item} after {epoch} {number}");
                epoch = parts[1];
                number = long.Parse(parts[3], CultureInfo.InvariantCulture);
                continue;
            }

            long next = long.Parse(parts[1], CultureInfo.InvariantCulture);
            Assert.True(epoch is null || (epoch == parts[0] && next == number + 1), $"{item} after {epoch} {number}");
            Assert.Equal($"\"{parts[0]}-{next}\"", parts[2]);
            epoch = parts[0];
            number = next;
        }

        Assert.True(log.Epochs > 1 || read.TrueForAll(static item => item[0] != 'g'), "a log that was never lost has no gap");
    }

    /// <summary>A topic's log, which all connections serve.</summary>
    private sealed class Log(bool losesHistory)
    {
        private readonly Lock _lock = new();
        private long _head;
        private TaskCompletionSource _published = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Epochs { get; private set; } = 1;

        public (string Epoch, long Head, Task Published) Look()
        {
            lock (_lock)
            {
                return ($"e{Epochs}", _head, _published.Task);
            }
        }

        public void Publish()
        {
            TaskCompletionSource published;
            lock (_lock)
            {
                _head++;
                published = _published;
                _published = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            published.SetResult();
        }

        public void Lose()
        {
            if (losesHistory)
            {
                lock (_lock)
                {
                    Epochs++;
                    _head = 0;
                }
            }
        }
    }

    /// <summary>One server's ill behaviour. A connection has one fault, at one of its messages.</summary>
    private sealed class Chaos(Random random, Log log)
    {
        private static readonly int[] s_codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3001, 3005, 3008, 3013, 4000];

        public async Task RunAsync(ServerPeer peer)
        {
            int fault;
            int at;
            int lies;
            int code;
            lock (random)
            {
                fault = peer.Number >= 20 ? -1 : random.Next(12);
                at = random.Next(12);
                lies = peer.Number >= 20 ? 0 : random.Next(4);
                code = s_codes[random.Next(s_codes.Length)];
                if (random.Next(4) == 0 && peer.Number < 20)
                {
                    log.Lose();
                }
            }

            switch (fault)
            {
                case 0:
                    return;
                case 1:
                    await peer.ReadRequestAsync();
                    await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
                    return;
                case 2:
                    await peer.AcceptAsync();
                    await peer.ServeAsync();
                    return;
            }

            await peer.WelcomeAsync("""{"id":"c","type":"welcome","pingInterval":2000,"pingTimeout":1000}""");
            var sending = new SemaphoreSlim(1);
            Task? pump = null;
            int sent = 0;
            Task SendAsync(string text) => SendGuardedAsync(() => peer.SendTextAsync(text));

            async Task SendGuardedAsync(Func<Task> send)
            {
                await sending.WaitAsync();
                try
                {
                    if (sent++ == at)
                    {
                        await MisbehaveAsync(peer, fault, code);
                    }

                    await send();
                }
                finally
                {
                    sending.Release();
                }
            }

            async Task PumpAsync(string epoch, long next, CancellationToken stop)
            {
                while (!stop.IsCancellationRequested)
                {
                    (string now, long head, Task published) = log.Look();
                    if (now != epoch)
                    {
                        // The log is gone: so is the connection.
                        peer.Drop();
                        return;
                    }

                    for (; next <= head && !stop.IsCancellationRequested; next++)
                    {
                        await SendAsync($$"""{"type":"message","topic":"/log","sn":{{next}},"data":"{{epoch}}-{{next}}"}""");
                    }

                    await published.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }

            CancellationTokenSource member = new();
            try
            {
                await peer.ServeAsync(async text =>
                {
                    JsonNode message = JsonNode.Parse(text)!;
                    string? id = message.Id();
                    bool isSilent;
                    bool isError;
                    lock (random)
                    {
                        isSilent = lies > 0 && random.Next(8) == 0;
                        isError = lies > 1 && random.Next(8) == 0;
                    }

                    switch (message.Type())
                    {
                        case "ping":
                            await SendAsync($$"""{"id":"{{id}}","type":"pong"}""");
                            break;
                        case "unsubscribe":
                            await member.CancelAsync();
                            if (pump is not null)
                            {
                                await pump;
                            }

                            pump = null;
                            break;
                        case "subscribe" when isError:
                            await SendAsync($$"""{"id":"{{id}}","type":"error","code":503,"data":"later"}""");
                            break;
                        case "subscribe":
                            Assert.True(pump is null, "A member subscribes again without leaving first.");
                            (string epoch, long head, _) = log.Look();
                            bool resumes = message.SinceEpoch() is not null;
                            bool recovers = message.SinceEpoch() == epoch && message.Since() <= head;
                            member = new CancellationTokenSource();
                            if (!isSilent)
                            {
                                string more = !resumes ? "" : recovers ? ",\"recovered\":true" : ",\"recovered\":false,\"reason\":\"epoch\"";
                                await SendAsync($$"""{"id":"{{id}}","type":"ack","topic":"/log","epoch":"{{epoch}}","sn":{{head}}{{more}}}""");
                            }

                            pump = PumpAsync(epoch, (recovers ? message.Since() : head) + 1, member.Token);
                            break;
                        default:
                            if (!isSilent)
                            {
                                await SendAsync(isError ? $$"""{"id":"{{id}}","type":"error","code":400,"data":"no"}""" : $$"""{"id":"{{id}}","type":"ack"}""");
                            }

                            break;
                    }
                });
            }
            finally
            {
                await member.CancelAsync();
                peer.Drop();
                if (pump is not null)
                {
                    await ((Task)pump).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }

        private static async Task MisbehaveAsync(ServerPeer peer, int fault, int code)
        {
            switch (fault)
            {
                case 3:
                    // In the middle of a frame.
                    await peer.Frames.SendAsync(peer.Frames.Encode(RawFrame.Text, "{\"type\":\"message\""u8).AsMemory(..5));
                    peer.Drop();
                    break;
                case 4:
                    await peer.Frames.SendCloseAsync(code, "chaos");
                    break;
                case 5:
                    // Stalls: nothing more is sent nor read.
                    await Task.Delay(Timeout.Infinite, peer.Stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    break;
                case 6:
                    await peer.Frames.SendAsync(RawFrameBytes);
                    break;
                case 7:
                    await peer.SendTextAsync("{\"type\":\"message\",\"topic\":\"/log\",\"sn\":");
                    break;
                case 8:
                    await peer.SendTextAsync("""{"type":"error","code":429,"topic":"/log","data":"chaos"}""");
                    peer.Drop();
                    break;
                case 9:
                    peer.Drop();
                    break;
                case 10:
                    await peer.SendTextAsync("""{"type":"reconnect","after":100}""");
                    break;
            }
        }

        /// <summary>A reserved opcode. RFC 6455, section 5.2.</summary>
        private static readonly byte[] RawFrameBytes = [0x83, 0x00];
    }
}
