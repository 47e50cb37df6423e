using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using PipeWs.Shared;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Connections;

public sealed class LoopWriterTests
{
    // Small enough for the kernel to take a little at a time.
    private static readonly Action<Socket> s_tiny = static socket => socket.ReceiveBufferSize = 4096;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bytes_leave_in_order_to_a_peer_that_reads_slowly(bool isOnLoop)
    {
        const int Total = 6_000_000;
        byte[] sent = new byte[Total];
        new Random(3).NextBytes(sent);
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        async Task Write()
        {
            var random = new Random(5);
            for (int at = 0; at < Total;)
            {
                int length = Math.Min(Total - at, random.Next(3) switch { 0 => random.Next(1, 200), 1 => random.Next(1, 20_000), _ => random.Next(1, 300_000) });
                FlushResult result;
                if (random.Next(2) == 0)
                {
                    result = await pair.Output.WriteAsync(sent.AsMemory(at, length));
                }
                else
                {
                    pair.Output.Write(sent.AsSpan(at, length));
                    result = await pair.Output.FlushAsync();
                }

                Assert.False(result.IsCompleted);
                Assert.Equal(0, pair.Output.UnflushedBytes);
                at += length;
            }

            await pair.Output.CompleteAsync();
        }

        Task writing = isOnLoop ? pair.OnLoopAsync(Write) : Task.Run(Write);
        byte[] received = await pair.ReceiveAsync(Total);
        await writing.Soon();
        Assert.True(received.AsSpan().SequenceEqual(sent));
        Assert.Empty(await pair.ReceiveAsync(1));
    }

    [Fact]
    public async Task A_flush_waits_until_the_kernel_has_taken_everything()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, int sent) = await FillAsync(pair);
        byte[] received = await pair.ReceiveAsync(sent);
        Assert.False((await flush.Soon()).IsCompleted);
        Assert.Equal(sent, received.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flush_goes_on_on_the_loop_where_the_reader_does(bool isOnLoop)
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        if (isOnLoop)
        {
            await pair.OnLoopAsync(() =>
            {
                _ = pair.Input.ReadAsync();
                return Task.CompletedTask;
            }).Soon();
        }

        (ValueTask<FlushResult> flush, int sent) = await FillAsync(pair);
        Task<bool> where = WhereAsync();
        await pair.ReceiveAsync(sent);
        Assert.Equal(isOnLoop, await where.Soon());

        async Task<bool> WhereAsync()
        {
            await flush;
            return LoopThread.Current is not null;
        }
    }

    [Fact]
    public async Task Giving_up_the_wait_for_a_flush_loses_no_byte()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        int total = 0;
        using (var source = new CancellationTokenSource())
        {
            (ValueTask<FlushResult> flush, int sent) = await FillAsync(pair, source.Token);
            total += sent;
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush.Soon());
        }

        // More is written behind what has not left, and waits with it.
        ValueTask<FlushResult> next = pair.Output.WriteAsync(Pattern(total, 50_000));
        total += 50_000;
        Assert.False(next.IsCompleted);
        pair.Output.CancelPendingFlush();
        Assert.True((await next.Soon()).IsCanceled);
        using (var source = new CancellationTokenSource())
        {
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.Output.WriteAsync(Pattern(total, 100), source.Token).Soon());
            total += 100;
        }

        ValueTask<FlushResult> last = pair.Output.FlushAsync();
        byte[] received = await pair.ReceiveAsync(total);
        Assert.False((await last.Soon()).IsCanceled);
        Assert.Equal(Pattern(0, total), received);
    }

    [Fact]
    public async Task CancelPendingFlush_before_a_flush_is_for_that_one_and_its_bytes_leave()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        pair.Output.CancelPendingFlush();
        Assert.True((await pair.Output.WriteAsync("ab"u8.ToArray()).Soon()).IsCanceled);
        Assert.False((await pair.Output.WriteAsync("cd"u8.ToArray()).Soon()).IsCanceled);
        Assert.Equal("abcd"u8.ToArray(), await pair.ReceiveAsync(4));
    }

    [Fact]
    public async Task A_completed_writer_sends_what_was_written_and_then_its_end_and_still_reads()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, int sent) = await FillAsync(pair);
        pair.Output.CancelPendingFlush();
        await flush.Soon();
        pair.Output.Write(Pattern(sent, 70_000));
        await pair.Output.CompleteAsync();
        byte[] received = await pair.ReceiveAsync(sent + 70_001);
        Assert.Equal(Pattern(0, sent + 70_000), received);
        await pair.Client.SendAsync("heard"u8.ToArray());
        Assert.Equal("heard"u8.ToArray(), await pair.ReadAsync(5));
        Assert.Throws<InvalidOperationException>(() => pair.Output.GetSpan());
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Output.FlushAsync().AsTask());
    }

    [Fact]
    public async Task What_is_written_and_completed_where_a_flush_goes_on_leaves_whole()
    {
        const int Each = 4_000_000;
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        Task writing = pair.OnLoopAsync(async () =>
        {
            // Begun on the loop: the flush goes on there, inside the loop's own look at what has left.
            ValueTask<ReadResult> reading = pair.Input.ReadAsync();
            await pair.Output.WriteAsync(Pattern(0, Each));
            pair.Output.Write(Pattern(Each, Each));
            await pair.Output.CompleteAsync();
            Assert.False(reading.IsCompleted);
        });
        Assert.Equal(Pattern(0, 2 * Each), await pair.ReceiveAsync((2 * Each) + 1));
        await writing.Soon();
    }

    [Fact]
    public async Task A_writer_completed_with_an_error_aborts_the_connection()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        ValueTask<ReadResult> read = pair.Input.ReadAsync();
        pair.Output.Write("never sent"u8);
        await pair.Output.CompleteAsync(new InvalidDataException("broken"));
        ConnectionAbortedException e = await Assert.ThrowsAsync<ConnectionAbortedException>(() => read.Soon());
        Assert.IsType<InvalidDataException>(e.InnerException);
        Assert.Empty(await pair.ReceiveAsync(10));
    }

    [Fact]
    public async Task An_abort_ends_a_flush_that_waits()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, _) = await FillAsync(pair);
        pair.Server.Abort(new ConnectionAbortedException("enough"));
        Assert.True((await flush.Soon()).IsCompleted);
        Assert.True((await pair.Output.WriteAsync(new byte[10]).Soon()).IsCompleted);
    }

    [Fact]
    public async Task A_peer_that_resets_ends_a_flush_that_waits()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, _) = await FillAsync(pair);
        pair.Reset();
        Assert.True((await flush.Soon()).IsCompleted);
        Assert.True((await pair.Output.WriteAsync(new byte[10]).Soon()).IsCompleted);
        await Assert.ThrowsAsync<ConnectionResetException>(() => pair.Input.ReadAsync().Soon());
    }

    [Fact]
    public async Task Disposing_waits_for_what_was_written()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, int sent) = await FillAsync(pair);
        pair.Output.CancelPendingFlush();
        await flush.Soon();
        Task disposed = pair.Server.DisposeAsync().AsTask();
        Assert.False(disposed.IsCompleted);
        Assert.Equal(sent, (await pair.ReceiveAsync(sent + 1)).Length);
        await disposed.Soon();
    }

    [Fact]
    public async Task Disposing_an_aborted_connection_waits_for_nobody()
    {
        await using LoopPair pair = await LoopPair.OpenAsync(client: s_tiny);
        (ValueTask<FlushResult> flush, _) = await FillAsync(pair);
        pair.Server.Abort();
        await pair.Server.DisposeAsync().Soon();
        Assert.True((await flush.Soon()).IsCompleted);
    }

    /// <summary>Writes until a flush waits.</summary>
    private static async Task<(ValueTask<FlushResult> Flush, int Sent)> FillAsync(LoopPair pair, CancellationToken cancellationToken = default)
    {
        int sent = 0;
        while (true)
        {
            ValueTask<FlushResult> flush = pair.Output.WriteAsync(Pattern(sent, 30_000), cancellationToken);
            sent += 30_000;
            if (!flush.IsCompleted)
            {
                return (flush, sent);
            }

            await flush;
        }
    }

    private static byte[] Pattern(int from, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)((from + i) * 31 / 7);
        }

        return bytes;
    }
}
