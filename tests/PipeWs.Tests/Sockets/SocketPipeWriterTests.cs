using System.IO.Pipelines;
using System.Net.Sockets;
using PipeWs.Shared;
using PipeWs.Sockets;

namespace PipeWs.Tests.Sockets;

public sealed class SocketPipeWriterTests
{
    /// <summary>As little as the kernel lets a socket have.</summary>
    private const int TinyBytes = 2048;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_kernel_takes_leaves_at_once_and_no_buffer_stays_behind(bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(isLowLatency: isLowLatency);
        for (byte i = 0; i < 100; i++)
        {
            pair.Write([i, 1, 2]);
            pair.Write([3]);
            Assert.Equal(4, pair.Writer.UnflushedBytes);
            Assert.True(pair.Writer.HoldsBuffer);

            ValueTask<FlushResult> flush = pair.Writer.FlushAsync();
            Assert.True(flush.IsCompletedSuccessfully);
            Assert.False((await flush).IsCompleted);
            Assert.False(pair.Writer.HoldsBuffer);
            Assert.Equal(0, pair.Writer.UnflushedBytes);

            byte[] received = new byte[5];
            Assert.Equal(4, await pair.Peer.ReceiveAsync(received).Soon());
            Assert.Equal([i, 1, 2, 3, 0], received);
        }
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(100, true)]
    [InlineData(LinuxSocket.MaxBytes, true)]
    [InlineData(LinuxSocket.MaxBytes + 1, true)]
    public async Task What_is_written_alone_is_the_writers_again_at_once(int length, bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(isLowLatency: isLowLatency);
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        byte[] sent = [.. bytes];
        ValueTask<FlushResult> write = pair.Writer.WriteAsync(bytes);
        Assert.True(write.IsCompletedSuccessfully);
        Assert.False((await write).IsCompleted);
        Assert.False(pair.Writer.HoldsBuffer);
        bytes.AsSpan().Clear();
        pair.Write([1]);
        Assert.False((await pair.Writer.WriteAsync(new byte[] { 2 })).IsCompleted);

        Assert.Equal([.. sent, 1, 2], await ReadSlowlyAsync(pair.Peer, length + 2, seed: 1));
    }

    [Fact]
    public async Task To_prefetch_changes_nothing_not_even_where_the_socket_has_gone()
    {
        using SocketPair pair = await SocketPair.ConnectAsync();
        pair.Write([1]);
        pair.Writer.Prefetch();
        Assert.Equal(1, pair.Writer.UnflushedBytes);
        pair.Socket.Dispose();
        pair.Writer.Prefetch();
        Assert.True((await pair.Writer.FlushAsync()).IsCompleted);
    }

    [Theory]
    [InlineData(1, TinyBytes, false)]
    [InlineData(2, TinyBytes, true)]
    [InlineData(3, TinyBytes, true)]
    [InlineData(4, 20_000, false)]
    [InlineData(5, 20_000, true)]
    [InlineData(6, 0, false)]
    [InlineData(7, 0, true)]
    public async Task Every_byte_arrives_once_and_in_order_at_a_peer_that_reads_slowly(int seed, int bufferBytes, bool isLowLatency)
    {
        const int Total = 3_000_000;
        using SocketPair pair = await SocketPair.ConnectAsync(bufferBytes, isLowLatency);
        byte[] all = new byte[Total];
        new Random(seed).NextBytes(all);
        Task<byte[]> reading = ReadSlowlyAsync(pair.Peer, Total, seed);

        int waited = 0;
        int written = 0;
        var random = new Random(seed);
        while (written < Total)
        {
            // Now and then more than is gathered at a time: such a message leaves in pieces while it is written.
            int length = Math.Min(Total - written, random.Next(10) == 0 ? random.Next(1, 300_000) : random.Next(1, 5_000));
            if (random.Next(4) == 0)
            {
                // After what was gathered, and of what is large without a copy.
                ValueTask<FlushResult> write = pair.Writer.WriteAsync(all.AsMemory(written, length));
                waited += write.IsCompleted ? 0 : 1;
                Assert.False((await write.Soon()).IsCompleted);
                Assert.False(pair.Writer.HoldsBuffer);
                written += length;
                continue;
            }

            pair.Write(all.AsSpan(written, length));
            written += length;
            if (random.Next(3) == 0 || written == Total)
            {
                ValueTask<FlushResult> flush = pair.Writer.FlushAsync();
                waited += flush.IsCompleted ? 0 : 1;
                Assert.False((await flush.Soon()).IsCompleted);
                Assert.False(pair.Writer.HoldsBuffer);
            }
        }

        byte[] received = await reading.Soon();
        Assert.True(all.AsSpan().SequenceEqual(received));
        if (bufferBytes > 0)
        {
            Assert.InRange(waited, 10, int.MaxValue);
        }
    }

    [Fact]
    public async Task There_is_as_much_room_as_is_asked_for_and_nothing_written_is_lost_by_it()
    {
        using SocketPair pair = await SocketPair.ConnectAsync(TinyBytes);
        (Task<FlushResult> flush, int written) = pair.FillUp();
        Task<byte[]> reading = ReadSlowlyAsync(pair.Peer, written, seed: 1);
        await flush.Soon();
        await reading.Soon();

        // Now the kernel has taken everything and the peer reads nothing: what is written must be kept.
        byte[] all = new byte[1_000_000];
        new Random(7).NextBytes(all);
        int next = 0;
        foreach (int room in (int[])[1, 100, 10_000, SocketPipeWriter.BufferBytes, 300_000, 500_000])
        {
            Memory<byte> memory = pair.Writer.GetMemory(room);
            Assert.InRange(memory.Length, room, int.MaxValue);
            all.AsSpan(next, room).CopyTo(memory.Span);
            pair.Writer.Advance(room);
            next += room;
        }

        ValueTask<FlushResult> last = pair.Writer.FlushAsync();
        Assert.False(last.IsCompleted);
        byte[] received = await ReadSlowlyAsync(pair.Peer, next, seed: 2).Soon();
        Assert.True(all.AsSpan(0, next).SequenceEqual(received));
        Assert.False((await last.Soon()).IsCompleted);
    }

    [Fact]
    public async Task More_than_the_room_there_is_cannot_be_claimed()
    {
        using SocketPair pair = await SocketPair.ConnectAsync();
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Writer.Advance(1));
        int room = pair.Writer.GetMemory().Length;
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Writer.Advance(room + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Writer.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Writer.GetMemory(-1));
    }

    [Fact]
    public async Task A_flush_of_nothing_is_done()
    {
        using SocketPair pair = await SocketPair.ConnectAsync();
        Assert.False((await pair.Writer.FlushAsync()).IsCompleted);
        pair.Writer.GetMemory();
        Assert.False((await pair.Writer.FlushAsync()).IsCompleted);
        Assert.False(pair.Writer.HoldsBuffer);
        Assert.Equal(0, pair.Peer.Available);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reset_completes_the_flush_that_waits_and_all_after_it(bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(TinyBytes, isLowLatency);
        (Task<FlushResult> flush, _) = pair.FillUp();
        pair.Reset();
        await AssertEndedAsync(pair, flush);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_has_gone_is_noticed_by_a_flush_that_need_not_wait(bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(isLowLatency: isLowLatency);
        pair.Reset();
        await Conditions.UntilAsync(
            () =>
            {
                pair.Write([1]);
                ValueTask<FlushResult> flush = pair.Writer.FlushAsync();
                return flush.IsCompletedSuccessfully && flush.Result.IsCompleted;
            },
            "a flush is completed");
        await AssertEndedAsync(pair, Task.FromResult(new FlushResult(isCanceled: false, isCompleted: true)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_transport_that_is_aborted_completes_the_flush_that_waits(bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(TinyBytes, isLowLatency);
        (Task<FlushResult> flush, _) = pair.FillUp();
        pair.Socket.Shutdown(SocketShutdown.Both);
        pair.Socket.Dispose();
        await AssertEndedAsync(pair, flush);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_transport_that_was_aborted_is_an_ordinary_end(bool isLowLatency)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(isLowLatency: isLowLatency);
        pair.Write([1]);
        pair.Socket.Dispose();
        await AssertEndedAsync(pair, pair.Writer.FlushAsync().AsTask());
        Assert.Throws<ObjectDisposedException>(() => new SocketPipeWriter(pair.Socket, pair.Transport.Writer, isLowLatency: true));
    }

    [Fact]
    public async Task Completion_reaches_the_transport_and_no_byte_does()
    {
        using SocketPair pair = await SocketPair.ConnectAsync();
        pair.Write(new byte[100_000]);
        await ReadSlowlyAsync(pair.Peer, SocketPipeWriter.BufferBytes, seed: 1).Soon();
        await pair.Writer.CompleteAsync();
        Assert.False(pair.Writer.HoldsBuffer);

        ReadResult result = await pair.Transport.Reader.ReadAsync().Soon();
        Assert.True(result.IsCompleted);
        Assert.True(result.Buffer.IsEmpty);

        // What was not flushed and did not have to leave early is dropped.
        Assert.Equal(0, pair.Peer.Available);
    }

    [Fact]
    public async Task A_failure_reaches_the_transport_too()
    {
        using SocketPair pair = await SocketPair.ConnectAsync();
        pair.Writer.Complete(new IOException("because"));
        IOException failure = await Assert.ThrowsAsync<IOException>(() => pair.Transport.Reader.ReadAsync().Soon());
        Assert.Equal("because", failure.Message);
    }

    /// <summary>The flush says that the socket takes no more, and what is written afterwards goes nowhere and costs nothing.</summary>
    private static async Task AssertEndedAsync(SocketPair pair, Task<FlushResult> flush)
    {
        Assert.True((await flush.Soon()).IsCompleted);
        Assert.False(pair.Writer.HoldsBuffer);
        pair.Write(new byte[SocketPipeWriter.BufferBytes * 3]);
        ValueTask<FlushResult> after = pair.Writer.FlushAsync();
        Assert.True(after.IsCompletedSuccessfully);
        Assert.True((await after).IsCompleted);
        Assert.False(pair.Writer.HoldsBuffer);
        await pair.Writer.CompleteAsync();
    }

    private static async Task<byte[]> ReadSlowlyAsync(Socket socket, int count, int seed)
    {
        var random = new Random(seed);
        byte[] all = new byte[count];
        int read = 0;
        while (read < count)
        {
            if (random.Next(20) == 0)
            {
                // Long enough for the writer to run into the full buffers, whatever they hold.
                await Task.Delay(1);
            }

            int got = await socket.ReceiveAsync(all.AsMemory(read, Math.Min(count - read, random.Next(1, 60_000))));
            Assert.NotEqual(0, got);
            read += got;
        }

        return all;
    }
}
