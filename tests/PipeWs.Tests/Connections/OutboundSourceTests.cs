using System.Buffers.Binary;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Sources: asked whenever they were signalled, by one thread at a time, and fair to mail and to each other.</summary>
public sealed class OutboundSourceTests
{
    [Fact]
    public async Task A_signal_is_never_lost_and_a_source_never_asked_by_two_at_once()
    {
        await using var harness = new ConnectionHarness();
        Counter[] sources = Enumerable.Range(0, 3).Select(id => new Counter(id)).ToArray();
        const int PerThread = 5_000;
        Task[] publishers = Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                Counter source = sources[(thread + i) % 3];
                Interlocked.Increment(ref source.Head);
                harness.Connection.Signal(source);
                if (i % 64 == 0)
                {
                    Assert.True(harness.Connection.TrySend(WsMessageType.Text, "mail"u8));
                }
            }
        })).ToArray();

        var next = new long[3];
        int expected = 4 * (PerThread + ((PerThread + 63) / 64));
        for (int i = 0; i < expected; i++)
        {
            RawFrame frame = await harness.Peer.ReadFrameAsync();
            if (frame.Opcode == RawFrame.Binary)
            {
                Assert.Equal(++next[frame.Payload[0]], BinaryPrimitives.ReadInt64BigEndian(frame.Payload.AsSpan(1)));
            }
        }

        await Task.WhenAll(publishers).Soon();
        Assert.All(sources, source => Assert.False(source.WasAskedConcurrently));
    }

    [Fact]
    public async Task One_signal_after_another_is_answered_with_nothing_else_going_on()
    {
        // The narrowest case of a lost wakeup: one publisher, and a holder that is just letting go.
        await using var harness = new ConnectionHarness();
        var source = new Counter(0);
        for (int round = 0; round < 3_000; round++)
        {
            Task publisher = Task.Run(() =>
            {
                Interlocked.Increment(ref source.Head);
                harness.Connection.Signal(source);
            });
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, "x"u8));
            await harness.Peer.ReadFrameAsync();
            await harness.Peer.ReadFrameAsync();
            await publisher;
        }
    }

    [Fact]
    public async Task Mail_that_always_fills_a_flush_does_not_starve_a_source()
    {
        await using var harness = new ConnectionHarness(configure: options => options.FlushBytes = 1_000);
        var source = new Counter(0);
        harness.Output.Hold();
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "x"u8));
        for (int i = 0; i < 10; i++)
        {
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, new byte[600]));
        }

        source.Head = 1;
        harness.Connection.Signal(source);
        int passed = 0;
        Task<byte[]> reading = ReadNumberAsync(harness.Peer);
        while (source.Cursor == 0)
        {
            // As much comes as leaves.
            Assert.InRange(++passed, 1, 100);
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, new byte[600]));
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, new byte[600]));
            int flushes = harness.Output.Flushes;
            harness.Output.ReleaseOne();
            await Conditions.UntilAsync(() => harness.Output.Flushes > flushes, "the next flush begins");
        }

        harness.Output.Release();
        Assert.Equal(9, (await reading).Length);
    }

    [Fact]
    public async Task A_source_that_always_has_more_starves_neither_mail_nor_another_source()
    {
        await using var harness = new ConnectionHarness(configure: options => options.FlushBytes = 1_000);
        var busy = new Counter(1) { Head = 1_000_000 };
        var other = new Counter(2) { Head = 1 };
        harness.Output.Hold();
        harness.Connection.Signal(busy);
        harness.Connection.Signal(other);
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "mail"u8));

        for (int i = 0; i < 4; i++)
        {
            int flushes = harness.Output.Flushes;
            harness.Output.ReleaseOne();
            await Conditions.UntilAsync(() => harness.Output.Flushes > flushes, "the next flush begins");
        }

        Assert.Equal(1, other.Cursor);
        bool mail = false;
        for (int i = 0; i < 400 && !mail; i++)
        {
            mail = (await harness.Peer.ReadFrameAsync()).Opcode == RawFrame.Text;
        }

        Assert.True(mail);
        harness.Connection.Abort();
    }

    [Fact]
    public async Task What_was_sent_before_a_source_was_signalled_leaves_before_its_frames()
    {
        await using var harness = new ConnectionHarness();
        using var stop = new CancellationTokenSource();
        Task noise = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (harness.Connection.BacklogBytes < 50_000)
                {
                    harness.Connection.TrySend(WsMessageType.Text, "noise"u8);
                }
            }
        });
        Task joins = Task.Run(() =>
        {
            for (byte i = 0; i < 250; i++)
            {
                Assert.True(harness.Connection.TrySend(WsMessageType.Binary, [i]));
                harness.Connection.Signal(new Counter(i) { Head = 1 });
            }
        });

        var announced = new bool[250];
        for (int seen = 0; seen < 250;)
        {
            RawFrame frame = await harness.Peer.ReadFrameAsync();
            if (frame.Payload.Length == 1)
            {
                announced[frame.Payload[0]] = true;
            }
            else if (frame.Opcode == RawFrame.Binary)
            {
                Assert.True(announced[frame.Payload[0]]);
                seen++;
            }
        }

        await stop.CancelAsync();
        harness.Connection.Abort();
        await Task.WhenAll(noise, joins).Soon();
    }

    [Fact]
    public async Task What_a_source_had_when_the_connection_is_closed_leaves_before_the_close_frame()
    {
        for (int round = 0; round < 200; round++)
        {
            await using var harness = new ConnectionHarness();
            var source = new Counter(0) { Head = 100 };
            harness.Connection.Signal(source);
            source.Head = 300;
            harness.Connection.Signal(source);
            harness.Connection.BeginClose(1001, "");

            for (int i = 0; i < 300; i++)
            {
                Assert.Equal(RawFrame.Binary, (await harness.Peer.ReadFrameAsync()).Opcode);
            }

            Assert.Equal(RawFrame.Close, (await harness.Peer.ReadFrameAsync()).Opcode);
        }
    }

    [Fact]
    public async Task A_source_that_throws_ends_its_connection()
    {
        await using var harness = new ConnectionHarness();
        var bug = new InvalidOperationException("a bug");

        harness.Connection.Signal(new Bad(() => throw bug));
        harness.Peer.Finish();

        Assert.Same(bug, (await harness.Ended.Soon()).Exception);
    }

    [Fact]
    public async Task A_source_may_close_its_connection_while_it_is_asked()
    {
        await using var harness = new ConnectionHarness();

        harness.Connection.Signal(new Bad(() => harness.Connection.CloseSlow("it fell off the log's tail")));

        RawFrame close = await harness.AnswerCloseAsync();
        Assert.Equal((3008, "it fell off the log's tail"), (close.CloseCode, close.CloseReason));
        Assert.True((await harness.Ended.Soon()).WasClean);
    }

    private static async Task<byte[]> ReadNumberAsync(RawPeer peer)
    {
        while (true)
        {
            RawFrame frame = await peer.ReadFrameAsync();
            if (frame.Opcode == RawFrame.Binary)
            {
                return frame.Payload;
            }
        }
    }

    private sealed class Bad(Action action) : WsOutboundSource
    {
        protected internal override bool Write(ref WsFrameWriter writer)
        {
            action();
            return false;
        }
    }

    /// <summary>A log of numbers and a cursor into it.</summary>
    private sealed class Counter(int id) : WsOutboundSource
    {
        public long Head;
        private long _cursor;
        private int _asked;

        public long Cursor => Volatile.Read(ref _cursor);

        public bool WasAskedConcurrently { get; private set; }

        protected internal override bool Write(ref WsFrameWriter writer)
        {
            if (Interlocked.Exchange(ref _asked, 1) != 0)
            {
                WasAskedConcurrently = true;
            }

            Span<byte> payload = stackalloc byte[9];
            payload[0] = (byte)id;
            bool more;
            while ((more = _cursor < Volatile.Read(ref Head)) && !writer.IsFull)
            {
                BinaryPrimitives.WriteInt64BigEndian(payload[1..], ++_cursor);
                writer.Write(WsMessageType.Binary, payload);
            }

            Volatile.Write(ref _asked, 0);
            return more;
        }
    }
}
