using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using PipeWs.Shared;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Connections;

public sealed class LoopReaderTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bytes_come_in_order_whatever_is_consumed_of_each_read(bool isOnLoop)
    {
        const int Total = 3_000_000;
        var random = new Random(7);
        byte[] sent = new byte[Total];
        random.NextBytes(sent);
        await using LoopPair pair = await LoopPair.OpenAsync();
        Task sending = SendAllAsync(pair.Client, sent);
        var received = new ArrayBufferWriter<byte>(Total);
        async Task Read()
        {
            int demand = 1;
            while (received.WrittenCount < Total)
            {
                ReadResult result = await pair.Input.ReadAsync();
                ReadOnlySequence<byte> buffer = result.Buffer;
                Assert.True(buffer.Length > 0);

                // A reader of units: waits for a whole one without consuming, then takes a few.
                if (buffer.Length < demand && received.WrittenCount + buffer.Length < Total)
                {
                    pair.Input.AdvanceTo(buffer.Start, buffer.End);
                    continue;
                }

                long taken = Math.Min(buffer.Length, random.Next(1, 20_000));
                foreach (ReadOnlyMemory<byte> piece in buffer.Slice(0, taken))
                {
                    received.Write(piece.Span);
                }

                pair.Input.AdvanceTo(buffer.GetPosition(taken));
                demand = random.Next(4) == 0 ? random.Next(1, 100_000) : random.Next(1, 300);
                if (random.Next(8) == 0)
                {
                    // Off the loop, where that is where the reader was.
                    await Task.Yield();
                }
            }
        }

        await (isOnLoop ? pair.OnLoopAsync(Read) : Read()).Soon();
        await sending;
        Assert.True(received.WrittenSpan.SequenceEqual(sent), "Bytes were lost, doubled or mixed up.");
    }

    [Fact]
    public async Task A_reader_that_began_on_the_loop_goes_on_there_and_others_on_the_thread_pool()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        Task<bool> elsewhere = WhereAsync();
        await pair.Client.SendAsync(new byte[1]);
        Assert.False(await elsewhere.Soon());

        Task<bool>? there = null;
        await pair.OnLoopAsync(() =>
        {
            there = WhereAsync();
            return Task.CompletedTask;
        }).Soon();
        await pair.Client.SendAsync(new byte[1]);
        Assert.True(await there!.Soon());

        // And from then on, wherever the next read is begun.
        Task<bool> later = WhereAsync();
        await pair.Client.SendAsync(new byte[1]);
        Assert.True(await later.Soon());

        async Task<bool> WhereAsync()
        {
            ReadResult result = await pair.Input.ReadAsync();
            bool isOnLoop = LoopThread.Current is not null;
            pair.Input.AdvanceTo(result.Buffer.End);
            return isOnLoop;
        }
    }

    [Fact]
    public async Task A_reader_that_leaves_the_loop_keeps_its_bytes()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        await using LoopPair unused = await LoopPair.OpenAsync();
        byte[] first = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        var mayLook = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hasLeft = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        byte[]? seen = null;
        Task reading = pair.OnLoopAsync(async () =>
        {
            ReadResult result = await pair.Input.ReadAsync();
            hasLeft.SetResult();
            await mayLook.Task;
            seen = result.Buffer.ToArray();
            pair.Input.AdvanceTo(result.Buffer.End);
            for (int i = 0; i < 20; i++)
            {
                result = await pair.Input.ReadAsync();
                pair.Input.AdvanceTo(result.Buffer.End);
            }
        });
        await pair.Client.SendAsync(first);
        await hasLeft.Task.Soon();

        // The loop goes on reading, with another buffer.
        for (int i = 0; i < 20; i++)
        {
            await pair.Client.SendAsync(Enumerable.Repeat((byte)0xEE, 500).ToArray());
            if (i == 10)
            {
                mayLook.SetResult();
            }

            await Task.Yield();
        }

        pair.Client.Shutdown(SocketShutdown.Send);
        await reading.Soon();
        Assert.Equal(first, seen);
    }

    [Fact]
    public async Task What_was_not_examined_is_given_again_at_once()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        await pair.Client.SendAsync("abcdef"u8.ToArray());
        ReadResult result = await pair.Input.ReadAtLeastAsync(6).Soon();
        pair.Input.AdvanceTo(result.Buffer.GetPosition(2));
        Assert.True(pair.Input.TryRead(out result));
        Assert.Equal("cdef"u8.ToArray(), result.Buffer.ToArray());
        pair.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Assert.False(pair.Input.TryRead(out _));
        ValueTask<ReadResult> next = pair.Input.ReadAsync();
        Assert.False(next.IsCompleted);
        await pair.Client.SendAsync("g"u8.ToArray());
        result = await next.Soon();
        Assert.Equal("cdefg"u8.ToArray(), result.Buffer.ToArray());
        pair.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task The_end_comes_after_the_bytes_before_it_and_stays()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        await pair.Client.SendAsync("tail"u8.ToArray());
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal("tail"u8.ToArray(), await pair.ReadAsync(4));
        for (int i = 0; i < 2; i++)
        {
            ReadResult result = await pair.Input.ReadAsync().Soon();
            Assert.True(result.IsCompleted);
            Assert.True(result.Buffer.IsEmpty);
            pair.Input.AdvanceTo(result.Buffer.End);
        }

        // The other direction is open still.
        await pair.Output.WriteAsync("still here"u8.ToArray()).Soon();
        Assert.Equal("still here"u8.ToArray(), await pair.ReceiveAsync(10));
    }

    [Fact]
    public async Task The_end_shows_what_was_left_unconsumed()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        await pair.Client.SendAsync("half"u8.ToArray());
        ReadResult result = await pair.Input.ReadAtLeastAsync(4).Soon();
        pair.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        pair.Client.Shutdown(SocketShutdown.Send);
        result = await pair.Input.ReadAsync().Soon();
        Assert.True(result.IsCompleted);
        Assert.Equal("half"u8.ToArray(), result.Buffer.ToArray());
        pair.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task A_reset_is_a_ConnectionResetException()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        pair.Reset();
        await Assert.ThrowsAsync<ConnectionResetException>(() => read.Soon());
        await Assert.ThrowsAsync<ConnectionResetException>(() => pair.Input.ReadAsync().Soon());
        await pair.Server.ConnectionClosed.WaitAsync().Soon();
    }

    [Fact]
    public async Task An_end_that_nobody_waits_for_is_told_by_ConnectionClosed()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        Task closed = pair.Server.ConnectionClosed.WaitAsync();
        await pair.Client.SendAsync("not read yet"u8.ToArray());
        pair.Client.Shutdown(SocketShutdown.Send);
        await closed.Soon();
        Assert.Equal("not read yet"u8.ToArray(), await pair.ReadAsync(12));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_that_waits_is_given_up_by_CancelPendingRead_alone(bool isBefore)
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        if (isBefore)
        {
            pair.Input.CancelPendingRead();
        }

        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        if (!isBefore)
        {
            pair.Input.CancelPendingRead();
        }

        ReadResult result = await read.Soon();
        Assert.True(result.IsCanceled);
        pair.Input.AdvanceTo(result.Buffer.End);
        await pair.Client.SendAsync("x"u8.ToArray());
        Assert.Equal("x"u8.ToArray(), await pair.ReadAsync(1));
    }

    [Fact]
    public async Task A_token_gives_up_one_read_and_harms_no_other()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        for (int i = 0; i < 50; i++)
        {
            using var source = new CancellationTokenSource();
            ValueTask<ReadResult> read = pair.Input.ReadAsync(source.Token);
            source.Cancel();
            OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
            Assert.Equal(source.Token, e.CancellationToken);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.Input.ReadAsync(source.Token).Soon());
            await pair.Client.SendAsync(new[] { (byte)i });
            Assert.Equal([(byte)i], await pair.ReadAsync(1));
        }
    }

    [Fact]
    public async Task Tokens_that_fire_while_bytes_come_lose_none()
    {
        const int Total = 20_000;
        await using LoopPair pair = await LoopPair.OpenAsync();
        byte[] sent = new byte[Total];
        new Random(11).NextBytes(sent);
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Total; i += 10)
            {
                await pair.Client.SendAsync(sent.AsMemory(i, 10));
            }
        });
        var received = new List<byte>();
        int given = 0;
        async Task Read()
        {
            while (received.Count < Total)
            {
                using var source = new CancellationTokenSource();
                ValueTask<ReadResult> read = pair.Input.ReadAsync(source.Token);
                Task cancelling = Task.Run(source.Cancel);
                try
                {
                    ReadResult result = await read;
                    received.AddRange(result.Buffer.ToArray());
                    pair.Input.AdvanceTo(result.Buffer.End);
                }
                catch (OperationCanceledException)
                {
                    given++;
                }

                await cancelling;
            }
        }

        await Read().Soon();
        await sending;
        Assert.True(received.SequenceEqual(sent));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_abort_ends_a_read_with_its_reason(bool isBefore)
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var reason = new ConnectionAbortedException("enough");
        if (isBefore)
        {
            pair.Server.Abort(reason);
        }

        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        if (!isBefore)
        {
            pair.Server.Abort(reason);
        }

        Assert.Same(reason, await Assert.ThrowsAsync<ConnectionAbortedException>(() => read.Soon()));
        await pair.Server.ConnectionClosed.WaitAsync().Soon();
        Assert.Empty(await pair.ReceiveAsync(1));
    }

    [Fact]
    public async Task Two_reads_at_once_are_an_error_and_the_first_is_unharmed()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        ValueTask<ReadResult> first = pair.Input.ReadAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Input.ReadAsync().AsTask());
        await pair.Client.SendAsync("1"u8.ToArray());
        Assert.Equal(1, (await first.Soon()).Buffer.Length);
    }

    [Fact]
    public async Task A_completed_reader_refuses_and_the_writer_goes_on()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        await pair.Input.CompleteAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Input.ReadAsync().AsTask());
        Assert.Throws<InvalidOperationException>(() => pair.Input.TryRead(out _));
        await pair.Client.SendAsync(new byte[100]);
        await pair.Output.WriteAsync("bye"u8.ToArray()).Soon();
        Assert.Equal("bye"u8.ToArray(), await pair.ReceiveAsync(3));
    }

    [Fact]
    public async Task A_read_that_waits_ends_with_its_reader()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        await pair.Server.DisposeAsync().Soon();
        Assert.True((await read.Soon()).IsCanceled);
    }

    [Fact]
    public async Task A_read_that_waits_ends_with_its_transport()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        await pair.StopTransportAsync();
        var error = await Assert.ThrowsAsync<ConnectionAbortedException>(async () => await read.Soon());
        Assert.Contains("transport has stopped", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, await pair.Client.ReceiveAsync(new byte[1]).Soon());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Readers_that_are_completed_while_bytes_come_harm_nobody(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 200; i++)
        {
            await using LoopPair pair = await LoopPair.OpenAsync();
            await pair.Client.SendAsync(new byte[300]);
            ReadResult kept = await pair.Input.ReadAsync().Soon();
            pair.Input.AdvanceTo(kept.Buffer.Start, kept.Buffer.End);
            ValueTask<ReadResult> read = pair.Input.ReadAsync();
            Task sending = pair.Client.SendAsync(new byte[300]);
            for (int spins = random.Next(2000); spins > 0; spins--)
            {
                Thread.SpinWait(1);
            }

            await pair.Server.DisposeAsync().Soon();
            await sending;
            ReadResult result = await read.Soon();
            Assert.True(result.IsCanceled || result.Buffer.Length >= 300);
        }
    }

    [Fact]
    public async Task Giving_up_from_several_threads_loses_no_byte()
    {
        const int Total = 20_000;
        await using LoopPair pair = await LoopPair.OpenAsync();
        byte[] sent = new byte[Total];
        new Random(13).NextBytes(sent);
        bool ends = false;
        Task[] cancelling = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!Volatile.Read(ref ends))
            {
                pair.Input.CancelPendingRead();
                Thread.Yield();
            }
        }))];
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Total; i += 10)
            {
                await pair.Client.SendAsync(sent.AsMemory(i, 10));
            }
        });
        var received = new List<byte>();
        while (received.Count < Total)
        {
            ReadResult result = await pair.Input.ReadAsync().Soon();
            long taken = result.Buffer.Length / 2 * 2;
            received.AddRange(result.Buffer.Slice(0, taken).ToArray());
            pair.Input.AdvanceTo(result.Buffer.GetPosition(taken), result.Buffer.End);
        }

        Volatile.Write(ref ends, true);
        await Task.WhenAll([.. cancelling, sending]).Soon();
        Assert.True(received.SequenceEqual(sent));
    }

    [Fact]
    public async Task The_kernel_holds_back_a_peer_that_nobody_reads()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        pair.Client.Blocking = false;
        byte[] piece = new byte[64 * 1024];
        long sent = 0;
        SocketError error = SocketError.Success;
        long lastProgress = Environment.TickCount64;
        while (Environment.TickCount64 - lastProgress < 300)
        {
            int count = pair.Client.Send(piece, SocketFlags.None, out error);
            if (error == SocketError.Success)
            {
                sent += count;
                lastProgress = Environment.TickCount64;
            }
            else
            {
                await Task.Yield();
            }
        }

        Assert.Equal(SocketError.WouldBlock, error);
        long received = 0;
        while (received < sent)
        {
            ReadResult result = await pair.Input.ReadAsync().Soon();
            received += result.Buffer.Length;
            pair.Input.AdvanceTo(result.Buffer.End);
        }

        Assert.Equal(sent, received);
    }

    private static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent, Math.Min(bytes.Length - sent, 37_000)));
        }
    }
}
