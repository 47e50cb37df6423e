using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Sends from any number of threads: order, wholeness, coalescing, and what happens where the peer does not read.</summary>
public sealed class SendTests
{
    [Theory]
    [InlineData(WsRole.Server, Delivery.Whole)]
    [InlineData(WsRole.Client, Delivery.Whole)]
    [InlineData(WsRole.Server, Delivery.TinyPipe)]
    [InlineData(WsRole.Client, Delivery.TinyPipe)]
    public async Task Sends_of_many_threads_keep_each_threads_order_and_lose_nothing(WsRole role, Delivery delivery)
    {
        const int Threads = 8;
        const int PerThread = 500;
        await using var harness = new ConnectionHarness(role, delivery: delivery);
        Task[] senders = Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            var random = new Random(thread);
            for (int i = 0; i < PerThread; i++)
            {
                byte[] message = Encoding.ASCII.GetBytes($"{thread} {i} " + new string((char)('a' + thread), random.Next(random.Next(20) == 0 ? 40_000 : 50)));
                switch (random.Next(4))
                {
                    case 0:
                        using (var frame = new Held(WsFrame.Create(WsMessageType.Text, message)))
                        {
                            while (harness.Connection.BacklogBytes > 1_000_000)
                            {
                                await Task.Yield();
                            }

                            Assert.True(harness.Connection.TrySend(frame.Frame));
                        }

                        break;
                    case 1:
                        await harness.Connection.SendAsync(WsMessageType.Text, Cut(message, random.Next(1, 5)));
                        break;
                    default:
                        await harness.Connection.SendAsync(WsMessageType.Text, message);
                        break;
                }
            }
        })).ToArray();

        var next = new int[Threads];
        for (int i = 0; i < Threads * PerThread; i++)
        {
            RawFrame frame = await harness.Peer.ReadFrameAsync();
            string[] words = frame.PayloadText.Split(' ');
            int thread = int.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(next[thread]++, int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(-1, words[2].AsSpan().IndexOfAnyExcept((char)('a' + thread)));
            Assert.True(frame.Fin);
        }

        await Task.WhenAll(senders).Soon();
        Assert.False(harness.Output.WasFlushedConcurrently);
        await Conditions.UntilAsync(() => harness.Connection.BacklogBytes == 0, "nothing waits");
    }

    [Fact]
    public async Task What_comes_while_a_flush_is_under_way_leaves_together_in_the_next()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Text, "first"u8.ToArray());
        Assert.Equal(1, harness.Output.Flushes);

        Parallel.For(0, 100, i => Assert.True(harness.Connection.TrySend(WsMessageType.Text, "next"u8)));
        Assert.Equal(1, harness.Output.Flushes);
        harness.Output.Release();
        for (int i = 0; i < 101; i++)
        {
            await harness.Peer.ReadFrameAsync();
        }

        Assert.Equal(2, harness.Output.Flushes);
    }

    [Fact]
    public async Task The_replies_of_one_read_leave_in_one_flush()
    {
        await using var harness = new ConnectionHarness(run: false);
        harness.Receiver.OnMessage = (type, payload) => harness.Connection.SendAsync(type, payload);
        byte[] requests = Enumerable.Range(0, 50).SelectMany(i => harness.Peer.Encode(i % 5 == 0 ? RawFrame.Ping : RawFrame.Text, [(byte)('A' + (i % 26))])).ToArray();
        await harness.SendAsync(requests);

        harness.Run();
        for (int i = 0; i < 50; i++)
        {
            RawFrame reply = await harness.Peer.ReadFrameAsync();
            Assert.Equal((i % 5 == 0 ? RawFrame.Pong : RawFrame.Text, (byte)('A' + (i % 26))), (reply.Opcode, reply.Payload[0]));
        }

        Assert.Equal(1, harness.Output.Flushes);
    }

    [Fact]
    public async Task What_the_messages_of_one_read_send_to_another_connection_leaves_in_one_flush()
    {
        await using var from = new ConnectionHarness(run: false);
        await using var to = new ConnectionHarness();
        from.Receiver.OnMessage = (type, payload) => to.Connection.SendAsync(type, payload);
        await from.SendAsync(Enumerable.Range(0, 50).SelectMany(i => from.Peer.Encode(RawFrame.Text, [(byte)('A' + (i % 26))])).ToArray());

        from.Run();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal((byte)('A' + (i % 26)), (await to.Peer.ReadFrameAsync()).Payload[0]);
        }

        Assert.Equal(1, to.Output.Flushes);
    }

    [Fact]
    public async Task Replies_leave_before_a_handler_waits()
    {
        await using var harness = new ConnectionHarness(run: false);
        var release = new TaskCompletionSource();
        harness.Receiver.OnMessage = async (type, payload) =>
        {
            await harness.Connection.SendAsync(type, payload);
            await release.Task;
        };
        harness.Run();

        await harness.Peer.SendTextAsync("now");

        Assert.Equal("now", (await harness.Peer.ReadFrameAsync()).PayloadText);
        release.SetResult();
    }

    [Fact]
    public async Task Sends_of_an_applications_own_batch_leave_in_one_flush()
    {
        await using var harness = new ConnectionHarness();

        using (WsBatch.Begin())
        {
            for (int i = 0; i < 10; i++)
            {
                Assert.True(harness.Connection.TrySend(WsMessageType.Text, "x"u8));
                using WsBatch.Scope inner = WsBatch.Begin();
                Assert.True(harness.Connection.TrySend(WsMessageType.Text, "y"u8));
            }

            Assert.Equal(0, harness.Output.Flushes);
        }

        for (int i = 0; i < 20; i++)
        {
            await harness.Peer.ReadFrameAsync();
        }

        Assert.Equal(1, harness.Output.Flushes);
    }

    [Fact]
    public async Task Many_batches_that_send_to_the_same_connection_lose_nothing()
    {
        await using var harness = new ConnectionHarness();
        Task[] senders = Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                using WsBatch.Scope batch = WsBatch.Begin();
                for (int j = 0; j < (i % 3) + 1; j++)
                {
                    Assert.True(harness.Connection.TrySend(WsMessageType.Text, "m"u8));
                }
            }
        })).ToArray();

        int expected = 4 * Enumerable.Range(0, 2_000).Sum(i => (i % 3) + 1);
        for (int i = 0; i < expected; i++)
        {
            await harness.Peer.ReadFrameAsync();
        }

        await Task.WhenAll(senders).Soon();
    }

    [Fact]
    public void Deferred_work_is_done_once_in_order_even_where_it_asks_for_it()
    {
        var done = new List<int>();
        using (WsBatch.Begin())
        {
            Assert.True(WsBatch.TryDefer(new Work(() =>
            {
                done.Add(1);
                Assert.True(WsBatch.TryDefer(new Work(() => done.Add(3))));
                WsBatch.RunDeferred();
                done.Add(4);
            })));
            Assert.True(WsBatch.TryDefer(new Work(() => done.Add(2))));
        }

        Assert.Equal([1, 2, 3, 4], done);
        Assert.False(WsBatch.IsActive);
        Assert.False(WsBatch.TryDefer(new Work(() => { })));
    }

    [Fact]
    public void Deferred_work_that_throws_does_not_leave_the_thread_in_the_batch()
    {
        Assert.Throws<InvalidOperationException>(static () =>
        {
            using WsBatch.Scope batch = WsBatch.Begin();
            WsBatch.TryDefer(new Work(() => throw new InvalidOperationException("a broken promise")));
        });

        Assert.False(WsBatch.IsActive);
        bool done = false;
        using (WsBatch.Begin())
        {
            WsBatch.TryDefer(new Work(() => done = true));
        }

        Assert.True(done);
    }

    [Fact]
    public async Task What_waits_for_a_peer_does_not_keep_what_it_sends_from_being_read()
    {
        // Two peers that both have much to say would otherwise wait for each other.
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        Task large = harness.Connection.SendAsync(WsMessageType.Binary, new byte[1_000_000]).AsTask();
        Assert.True(harness.Connection.TrySend(WsMessageType.Binary, new byte[100_000]));

        await harness.Peer.SendTextAsync("one");
        await harness.Receiver.NextAsync();
        await harness.Peer.SendTextAsync("two");
        await harness.Receiver.NextAsync();

        Assert.False(large.IsCompleted);
    }

    [Fact]
    public async Task A_send_waits_while_the_backlog_is_full_and_can_be_given_up()
    {
        await using var harness = new ConnectionHarness(configure: options => options.SendBacklogBytes = 1_000);
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Binary, new byte[500]);
        int sent = 1;
        ValueTask waiting;
        while ((waiting = harness.Connection.SendAsync(WsMessageType.Binary, new byte[500])).IsCompleted)
        {
            sent++;
            Assert.InRange(sent, 1, 5);
        }

        using var patience = new CancellationTokenSource();
        Task given = harness.Connection.SendAsync(WsMessageType.Text, "never"u8.ToArray(), patience.Token).AsTask();
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given.Soon());
        Assert.InRange(harness.Connection.BacklogBytes, 1_000, 2_000);

        harness.Output.Release();
        await waiting.Soon();
        for (int i = 0; i <= sent; i++)
        {
            Assert.Equal(RawFrame.Binary, (await harness.Peer.ReadFrameAsync()).Opcode);
        }

        await harness.Connection.SendAsync(WsMessageType.Text, "last"u8.ToArray());
        Assert.Equal("last", (await harness.Peer.ReadFrameAsync()).PayloadText);
    }

    [Fact]
    public async Task A_send_that_waits_is_refused_when_the_connection_ends()
    {
        await using var harness = new ConnectionHarness(configure: options => options.SendBacklogBytes = 1_000);
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Binary, new byte[2_000]);
        await harness.Connection.SendAsync(WsMessageType.Binary, new byte[2_000]);
        Task[] waiting = Enumerable.Range(0, 20).Select(i => harness.Connection.SendAsync(WsMessageType.Binary, new byte[i * 2_000]).AsTask()).ToArray();

        harness.Connection.Abort();

        foreach (Task send in waiting)
        {
            await Assert.ThrowsAsync<WsClosedException>(() => send.Soon());
        }

        await harness.Ended.Soon();
        Assert.Equal(0, harness.Connection.BacklogBytes);
    }

    [Fact]
    public async Task A_send_that_never_waits_is_refused_over_the_largest_backlog_and_the_peer_closed_with_3008()
    {
        await using var harness = new ConnectionHarness(configure: options => options.MaxSendBacklogBytes = 10_000);
        harness.Output.Hold();

        int sent = 0;
        while (harness.Connection.TrySend(WsMessageType.Binary, new byte[1_000]))
        {
            sent++;
        }

        Assert.InRange(sent, 11, 12);
        Assert.True(harness.Connection.IsClosing);
        Assert.False(harness.Connection.TrySend(WsMessageType.Text, "x"u8));
        harness.Output.Release();
        for (int i = 0; i < sent; i++)
        {
            Assert.Equal(RawFrame.Binary, (await harness.Peer.ReadFrameAsync()).Opcode);
        }

        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();
        Assert.Equal((3008, (ushort)3008), (close.CloseCode, info.Code));
        Assert.Equal(WsCloseInitiator.Local, info.Initiator);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_while_messages_wait_is_closed_with_3008_and_then_aborted()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Text, "one"u8.ToArray());
        await harness.AdvanceAsync(TimeSpan.FromSeconds(20));
        Assert.False(harness.Connection.IsClosing);

        await harness.Connection.SendAsync(WsMessageType.Text, "two"u8.ToArray());
        await harness.AdvanceAsync(TimeSpan.FromSeconds(5));
        Assert.False(harness.Connection.IsClosing);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.True(harness.Connection.IsClosing);
        Assert.False(harness.Ended.IsCompleted);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(6));

        WsCloseInfo info = await harness.Ended.Soon();
        Assert.Equal((3008, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
        Assert.Equal(1, harness.Aborts);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_takes_a_large_message_slowly_is_neither_too_slow_nor_dead(bool pings)
    {
        await using var harness = new ConnectionHarness(configure: options =>
        {
            options.FlushBytes = 1_000;
            options.PingInterval = pings ? TimeSpan.FromSeconds(30) : Timeout.InfiniteTimeSpan;
        });
        byte[] large = new byte[60_000];
        new Random(3).NextBytes(large);
        harness.Output.Hold();

        Task sending = harness.Connection.SendAsync(WsMessageType.Binary, large).AsTask();
        int flushes = harness.Output.Flushes;
        while (!sending.IsCompleted)
        {
            await harness.AdvanceAsync(TimeSpan.FromSeconds(4));
            Assert.False(harness.Connection.IsClosing);
            await LetOneFlushPassAsync(harness);
        }

        harness.Output.Release();
        RawFrame frame;
        while ((frame = await harness.Peer.ReadFrameAsync()).Opcode == RawFrame.Ping)
        {
        }

        Assert.Equal(large, frame.Payload);
        Assert.True(harness.Output.Flushes > flushes + 50);
        await sending.Soon();
    }

    public static TheoryData<WsRole, bool, bool, bool> LargeFrames()
    {
        var data = new TheoryData<WsRole, bool, bool, bool>();
        foreach (bool isShared in new[] { false, true })
        {
            foreach (bool pings in new[] { false, true })
            {
                data.Add(WsRole.Server, isShared, false, pings);
                data.Add(WsRole.Client, isShared, false, pings);
                data.Add(WsRole.Server, isShared, true, pings);
                data.Add(WsRole.Client, isShared, true, pings);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(LargeFrames))]
    public async Task A_peer_that_takes_a_large_frame_slowly_is_neither_too_slow_nor_dead(WsRole role, bool isShared, bool isCompressed, bool pings)
    {
        await using var harness = new ConnectionHarness(
            role,
            options =>
            {
                options.FlushBytes = 1_000;
                options.PingInterval = pings ? TimeSpan.FromSeconds(30) : Timeout.InfiniteTimeSpan;
            },
            compression: isCompressed ? new DeflateParameters() : null);

        // Random bytes do not become shorter: they leave as they are.
        byte[] large = new byte[60_000];
        new Random(4).NextBytes(large);
        harness.Output.Hold();
        using (WsBatch.Begin())
        {
            if (isShared)
            {
                WsFrame frame = WsFrame.Create(WsMessageType.Binary, large);
                Assert.True(harness.Connection.TrySend(frame));
                frame.Release();
            }
            else
            {
                Assert.True(harness.Connection.TrySend(WsMessageType.Binary, large));
            }

            Assert.True(harness.Connection.TrySend(WsMessageType.Binary, [7]));
        }

        int flushes = harness.Output.Flushes;
        while (harness.Connection.BacklogBytes > 0)
        {
            await harness.AdvanceAsync(TimeSpan.FromSeconds(4));
            Assert.False(harness.Connection.IsClosing);
            await LetOneFlushPassAsync(harness);
        }

        harness.Output.Release();
        Assert.Equal(large, (await NextMessageAsync(harness)).Payload);
        Assert.Equal([7], (await NextMessageAsync(harness)).Payload);
        Assert.True(harness.Output.Flushes > flushes + 50, $"{harness.Output.Flushes - flushes} flushes");
    }

    private static async Task<RawFrame> NextMessageAsync(ConnectionHarness harness)
    {
        RawFrame frame;
        while ((frame = await harness.Peer.ReadFrameAsync()).Opcode == RawFrame.Ping)
        {
        }

        return frame;
    }

    [Fact]
    public async Task What_a_sender_lends_does_not_make_the_peer_too_slow_for_what_others_send()
    {
        await using var harness = new ConnectionHarness(configure: static options => options.MaxSendBacklogBytes = 1024 * 1024);
        harness.Output.Hold();
        Task sending = harness.Connection.SendAsync(WsMessageType.Binary, new byte[2 * 1024 * 1024]).AsTask();
        Assert.True(harness.Connection.BacklogBytes > 2 * 1024 * 1024);

        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "small"u8));
        Assert.False(harness.Connection.IsClosing);
        harness.Output.Release();
        Assert.Equal(2 * 1024 * 1024, (await harness.Peer.ReadFrameAsync()).Payload.Length);
        Assert.Equal("small", Encoding.UTF8.GetString((await harness.Peer.ReadFrameAsync()).Payload));
        await sending.Soon();
        await Conditions.UntilAsync(() => harness.Connection.BacklogBytes == 0, "nothing waits");
    }

    [Fact]
    public async Task Whoever_writes_for_the_others_gets_away_though_they_never_stop()
    {
        bool goesOn = true;
        WsConnection? connection = null;
        var output = new EagerPipeWriter(() =>
        {
            if (Volatile.Read(ref goesOn))
            {
                connection!.TrySend(WsMessageType.Text, "more"u8);
            }
        });
        connection = new WsConnection(new DuplexPipePair.End(new Pipe().Reader, output), WsRole.Server, new WsConnectionOptions(), new WsHeartbeat(new ManualTimeProvider()));
        Task<bool> sending = Task.Factory.StartNew(() => connection.TrySend(WsMessageType.Text, "first"u8), TaskCreationOptions.LongRunning);
        Assert.True(await sending.Soon());
        await Conditions.UntilAsync(() => connection.MessagesSent > 10_000, "what the others send goes on leaving");
        Volatile.Write(ref goesOn, false);
        await Conditions.UntilAsync(() => connection.BacklogBytes == 0, "nothing waits");
        await connection.DisposeAsync();
    }

    /// <summary>An output that takes everything at once.</summary>
    private sealed class EagerPipeWriter(Action onFlush) : PipeWriter
    {
        private readonly byte[] _buffer = new byte[128 * 1024];

        public override void Advance(int bytes)
        {
        }

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public override Span<byte> GetSpan(int sizeHint = 0) => _buffer;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            onFlush();
            return default;
        }
    }

    public static TheoryData<WsRole, int> Cuts()
    {
        var data = new TheoryData<WsRole, int>();
        foreach (WsRole role in Enum.GetValues<WsRole>())
        {
            foreach (int segments in new[] { 1, 2, 3, 1000 })
            {
                data.Add(role, segments);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task A_large_payload_is_lent_whatever_its_segments_even_empty_ones(WsRole role, int segments)
    {
        await using var harness = new ConnectionHarness(role, delivery: Delivery.TinyPipe);
        byte[] large = new byte[200_003];
        new Random(segments).NextBytes(large);

        Task sending = harness.Connection.SendAsync(WsMessageType.Binary, Cut(large, segments)).AsTask();
        RawFrame frame = await harness.Peer.ReadFrameAsync();
        await sending.Soon();

        Assert.Equal((RawFrame.Binary, true), (frame.Opcode, frame.Fin));
        Assert.Equal(large, frame.Payload);
    }

    [Fact]
    public async Task A_handler_can_reply_with_a_large_message_in_its_place()
    {
        await using var harness = new ConnectionHarness(run: false);
        byte[] large = new byte[500_000];
        harness.Receiver.OnMessage = async (type, payload) =>
        {
            byte[] request = payload.ToArray();
            await harness.Connection.SendAsync(type, request);
            await harness.Connection.SendAsync(WsMessageType.Binary, large);
            Assert.True(harness.Connection.TrySend(type, request));
        };
        harness.Run();

        await harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, "1"u8), .. harness.Peer.Encode(RawFrame.Text, "2"u8)]);
        foreach (string request in new[] { "1", "2" })
        {
            Assert.Equal(request, (await harness.Peer.ReadFrameAsync()).PayloadText);
            Assert.Equal(large.Length, (await harness.Peer.ReadFrameAsync()).Payload.Length);
            Assert.Equal(request, (await harness.Peer.ReadFrameAsync()).PayloadText);
        }
    }

    [Fact]
    public async Task A_result_taken_too_early_does_not_put_a_node_back_that_waits()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray());
        WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);

        ValueTask sending = writer.CompleteAsync("whole"u8.ToArray());
        Assert.Throws<InvalidOperationException>(() => sending.GetAwaiter().GetResult());
        await using var other = new ConnectionHarness();
        await other.Connection.SendAsync(WsMessageType.Text, "other"u8.ToArray());
        harness.Output.Release();
        await sending;

        Assert.Equal("x", (await harness.Peer.ReadFrameAsync()).PayloadText);
        Assert.Equal("whole", (await harness.Peer.ReadFrameAsync()).PayloadText);
        Assert.Equal("other", (await other.Peer.ReadFrameAsync()).PayloadText);
    }

    [Fact]
    public async Task A_prepared_message_is_sent_as_it_is()
    {
        await using var harness = new ConnectionHarness(WsRole.Client);
        using var frame = new Held(WsFrame.Create(WsMessageType.Text, "shared"u8));

        Assert.True(harness.Connection.TrySend(frame.Frame));
        Assert.True(harness.Connection.TrySend(frame.Frame));
        RawFrame one = await harness.Peer.ReadFrameAsync();
        RawFrame two = await harness.Peer.ReadFrameAsync();

        Assert.Equal(("shared", "shared"), (one.PayloadText, two.PayloadText));
        Assert.NotEqual(one.MaskingKey, two.MaskingKey);
    }

    [Fact]
    public async Task A_client_masks_every_frame_with_a_fresh_key()
    {
        await using var harness = new ConnectionHarness(WsRole.Client);
        var keys = new HashSet<uint>();

        for (int i = 0; i < 2_000; i++)
        {
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, "same"u8));
            RawFrame frame = await harness.Peer.ReadFrameAsync();
            Assert.Equal("same", frame.PayloadText);
            keys.Add(frame.MaskingKey!.Value);
        }

        await harness.Peer.SendFrameAsync(RawFrame.Ping, default);
        keys.Add((await harness.Peer.ReadFrameAsync()).MaskingKey!.Value);
        await harness.Peer.SendCloseAsync(1000);
        keys.Add((await harness.Peer.ReadFrameAsync()).MaskingKey!.Value);

        // Two of two thousand keys of 32 bits are the same once in two thousand runs; a dozen never.
        Assert.InRange(keys.Count, 1_998, 2_002);
    }

    /// <summary>The same bytes in so many segments, with an empty one before each.</summary>
    internal static ReadOnlySequence<byte> Cut(byte[] bytes, int segments)
    {
        Segment first = new(default, 0);
        Segment last = first;
        int length = (bytes.Length / segments) + 1;
        for (int start = 0; start < bytes.Length; start += length)
        {
            last = last.Append(bytes.AsMemory(start, Math.Min(length, bytes.Length - start)));
            last = last.Append(default);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static async Task LetOneFlushPassAsync(ConnectionHarness harness)
    {
        int flushes = harness.Output.Flushes;
        harness.Output.ReleaseOne();
        await Conditions.UntilAsync(() => harness.Output.Flushes > flushes || harness.Connection.BacklogBytes == 0, "the next flush begins");
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }

    private sealed class Work(Action action) : IWsBatchWork
    {
        public void Run() => action();
    }

    private readonly struct Held(WsFrame frame) : IDisposable
    {
        public WsFrame Frame => frame;

        public void Dispose() => frame.Release();
    }
}
