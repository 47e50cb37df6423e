using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using PipeWs.Shared;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Loops;

/// <summary>What scheduled work flushes leaves together at its end, and is as exact as if each had left at once.</summary>
public sealed class SendBatchTests(ITestOutputHelper output)
{
    [Fact]
    public async Task What_work_flushes_leaves_at_its_end()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(300);
        bool isEarly = false;
        await crowd.DoAsync(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                Flush(crowd, i, $"to {i}");
            }

            isEarly = crowd.Clients[0].Poll(20_000, SelectMode.SelectRead);

            // More than there is room for: those that came first leave.
            for (int i = 200; i < 300; i++)
            {
                Flush(crowd, i, $"to {i}");
            }
        });
        Assert.False(isEarly);
        for (int i = 0; i < 300; i++)
        {
            Assert.Equal($"to {i}", Encoding.ASCII.GetString(await crowd.ReceiveAsync(i, $"to {i}".Length)));
        }
    }

    [Fact]
    public async Task What_many_get_alike_leaves_whole_to_each()
    {
        // As much as a connection may leave to the batch: were it copied for each, there would be room for sixteen.
        const int Connections = 100;
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(Connections);
        string[] texts = [new string('a', 16_000), new string('a', 15_999) + "b", new string('a', 15_999)];
        await crowd.DoAsync(() =>
        {
            for (int i = 0; i < Connections; i++)
            {
                // Alike, alike but for the end, and a part of it.
                Flush(crowd, i, texts[i / 30 % 3]);
            }
        });
        for (int i = 0; i < Connections; i++)
        {
            Assert.Equal(texts[i / 30 % 3], Encoding.ASCII.GetString(await crowd.ReceiveAsync(i, texts[i / 30 % 3].Length)));
        }
    }

    [Fact]
    public async Task What_is_written_with_its_flush_leaves_at_the_end_and_is_the_writers_again_at_once()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(3);
        bool isEarly = false;
        await crowd.DoAsync(() =>
        {
            byte[] bytes = "lent"u8.ToArray();
            for (int i = 0; i < 3; i++)
            {
                if (i == 2)
                {
                    // Behind what was gathered before.
                    crowd.Output(i).Write("gathered "u8);
                }

                ValueTask<FlushResult> flush = crowd.Output(i).WriteAsync(bytes);
                Assert.True(flush.IsCompletedSuccessfully);
                Assert.Equal(0, crowd.Output(i).UnflushedBytes);
            }

            "gone"u8.CopyTo(bytes);
            isEarly = crowd.Clients[0].Poll(20_000, SelectMode.SelectRead);
        });
        Assert.False(isEarly);
        Assert.Equal("lent", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 4)));
        Assert.Equal("lent", Encoding.ASCII.GetString(await crowd.ReceiveAsync(1, 4)));
        Assert.Equal("gathered lent", Encoding.ASCII.GetString(await crowd.ReceiveAsync(2, 13)));
    }

    [Fact]
    public async Task What_one_connection_flushes_keeps_its_order()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(2);
        var expected = new StringBuilder();
        await crowd.DoAsync(() =>
        {
            for (int i = 0; i < 50; i++)
            {
                // Small, none, larger than a batch takes, and gathered without a flush.
                string text = $"<{i}{new string('.', i % 25 == 7 ? 20_000 : i % 7)}>";
                crowd.Output(1).Write("x"u8);
                Flush(crowd, 0, text);
                Flush(crowd, 0, "");
                expected.Append(text);
            }
        });
        Assert.Equal(expected.ToString(), Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, expected.Length)));
        Assert.Equal(50, crowd.Output(1).UnflushedBytes);
    }

    [Fact]
    public async Task What_another_thread_flushes_meanwhile_leaves_behind()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(1);
        Task<FlushResult>? second = null;
        bool wasDone = true;
        await crowd.DoAsync(() =>
        {
            Flush(crowd, 0, "first ");
            var other = new Thread(() => second = FlushAsync(crowd.Output(0), "second").AsTask());
            other.Start();
            other.Join();
            wasDone = second!.IsCompleted;
        });
        Assert.Equal("first second", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 12)));
        Assert.False((await second!.Soon()).IsCompleted);
        Assert.False(wasDone);
    }

    [Fact]
    public async Task The_end_comes_behind_what_was_flushed()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(2);
        await crowd.DoAsync(() =>
        {
            Flush(crowd, 0, "flushed");
            crowd.Output(0).Complete();
            Flush(crowd, 1, "flushed ");
            crowd.Output(1).Write("and not"u8);
            crowd.Output(1).Complete();
        });
        Assert.Equal("flushed", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 100)));
        Assert.Equal("flushed and not", Encoding.ASCII.GetString(await crowd.ReceiveAsync(1, 100)));
    }

    [Fact]
    public async Task Work_that_blocks_does_not_keep_what_it_flushed()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(2, static options => options.StallTimeout = TimeSpan.FromMilliseconds(20));
        using var release = new ManualResetEventSlim();
        bool isWhole = false;
        Task<FlushResult>? after = null;
        Task work = crowd.DoAsync(() =>
        {
            Flush(crowd, 0, "before ");
            Flush(crowd, 1, "other");
            release.Wait();

            // The loop is another thread's now; this one sends at once, or leaves it to that thread while it is still telling the writers what it has sent.
            after = FlushAsync(crowd.Output(0), "after").AsTask();
            isWhole = crowd.Clients[0].Poll(10_000_000, SelectMode.SelectRead);
        });
        Assert.Equal("before ", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 7)));
        Assert.Equal("other", Encoding.ASCII.GetString(await crowd.ReceiveAsync(1, 5)));
        release.Set();
        await work;
        Assert.True(isWhole);
        Assert.False((await after!.Soon()).IsCompleted);
        Assert.Equal("after", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 5)));
        await crowd.DoAsync(() => Flush(crowd, 1, "on"));
        Assert.Equal("on", Encoding.ASCII.GetString(await crowd.ReceiveAsync(1, 2)));
    }

    [Fact]
    public async Task A_connection_that_has_gone_harms_no_other()
    {
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(3);
        crowd.Clients[1].LingerState = new LingerOption(true, 0);
        crowd.Clients[1].Dispose();
        crowd.Servers[2].Abort();
        bool isEnded = false;
        for (int round = 0; round < 1000 && !isEnded; round++)
        {
            await crowd.DoAsync(() =>
            {
                Flush(crowd, 0, "still");
                isEnded = Flush(crowd, 1, "gone") & Flush(crowd, 2, "aborted");
            });
            Assert.Equal("still", Encoding.ASCII.GetString(await crowd.ReceiveAsync(0, 5)));
        }

        Assert.True(isEnded);
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 10)]
    public async Task Slow_and_fast_readers_get_every_byte_while_the_collector_runs(int number, int stallMilliseconds)
    {
        const int Connections = 40;
        const int Rounds = 300;
        int seed = Environment.GetEnvironmentVariable("PIPEWS_SEED") is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : number * 7919;
        output.WriteLine($"PIPEWS_SEED={seed}");
        await using LoopCrowd crowd = await LoopCrowd.OpenAsync(Connections, options => options.StallTimeout = TimeSpan.FromMilliseconds(stallMilliseconds), static (socket, index) => socket.ReceiveBufferSize = index % 2 == 0 ? 4096 : 1024 * 1024);
        byte[] bytes = new byte[30_000];
        new Random(seed).NextBytes(bytes);
        long[] sent = new long[Connections];
        var busy = new Task<FlushResult>?[Connections];
        using var ends = new CancellationTokenSource();
        Task collecting = Task.Run(() =>
        {
            // Back to back, collections leave the threads they stop no time at all.
            while (!ends.Token.WaitHandle.WaitOne(1))
            {
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
            }
        });
        Task<bool>[] readers = [.. Enumerable.Range(0, Connections).Select(index => CheckAsync(crowd.Clients[index], bytes))];
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            await crowd.DoAsync(() =>
            {
                for (int i = 0; i < Connections; i++)
                {
                    // Some flush once, some again and again: where a flush finds the one before it in the batch, that leaves first.
                    for (int flushes = random.Next(4); flushes > 0 && busy[i] is not { IsCompleted: false }; flushes--)
                    {
                        // Wherever a connection is in its stream, it goes on there.
                        int at = (int)(sent[i] % bytes.Length);
                        int length = Math.Min(bytes.Length - at, random.Next(10) == 0 ? random.Next(1, 25_000) : random.Next(1, 500));
                        sent[i] += length;
                        if (random.Next(2) == 0)
                        {
                            busy[i] = crowd.Output(i).WriteAsync(bytes.AsMemory(at, length)).AsTask();
                        }
                        else
                        {
                            crowd.Output(i).Write(bytes.AsSpan(at, length));
                            busy[i] = crowd.Output(i).FlushAsync().AsTask();
                        }
                    }
                }
            });
            if (round % 25 == 0)
            {
                // Those in between come from other threads.
                await Parallel.ForAsync(0, Connections, async (i, token) =>
                {
                    if (busy[i] is { } flush)
                    {
                        await flush;
                    }

                    int at = (int)(sent[i] % bytes.Length);
                    int length = Math.Min(bytes.Length - at, 1000);
                    sent[i] += length;
                    await crowd.Output(i).WriteAsync(bytes.AsMemory(at, length), token);
                    busy[i] = null;
                }).Soon();
            }
        }

        for (int i = 0; i < Connections; i++)
        {
            await (busy[i] ?? Task.FromResult(default(FlushResult))).Soon();
            await crowd.Output(i).CompleteAsync();
        }

        Assert.DoesNotContain(false, await Task.WhenAll(readers).Soon());
        await ends.CancelAsync();
        await collecting.Soon();
        async Task<bool> CheckAsync(Socket client, byte[] expected)
        {
            int index = crowd.Clients.IndexOf(client);
            byte[] buffer = new byte[3000];
            long length = 0;
            while (await client.ReceiveAsync(buffer) is var count and > 0)
            {
                for (int i = 0; i < count; i++)
                {
                    if (buffer[i] != expected[(length + i) % expected.Length])
                    {
                        int really = expected.AsSpan().IndexOf(buffer.AsSpan(i, Math.Min(16, count - i)));
                        output.WriteLine($"Connection {index}: at {length + i} comes what belongs to {really}, not to {(length + i) % expected.Length}.");
                        return false;
                    }
                }

                length += count;
            }

            if (length != sent[index])
            {
                output.WriteLine($"Connection {index}: {length} bytes of {sent[index]} came.");
            }

            return length == sent[index];
        }
    }

    /// <returns>Whether nothing more is taken.</returns>
    private static bool Flush(LoopCrowd crowd, int index, string text)
    {
        ValueTask<FlushResult> flush = FlushAsync(crowd.Output(index), text);
        Assert.True(flush.IsCompletedSuccessfully);
        return flush.Result.IsCompleted;
    }

    private static ValueTask<FlushResult> FlushAsync(PipeWriter writer, string text)
    {
        writer.Write(Encoding.ASCII.GetBytes(text));
        return writer.FlushAsync();
    }
}
