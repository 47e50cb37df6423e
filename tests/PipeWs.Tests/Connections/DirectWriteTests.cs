using System.IO.Pipelines;
using PipeWs.Protocol.Framing;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>What is large and leaves alone is not copied: its bytes are the sender's, or the log's, until the flush has ended.</summary>
[Collection(AloneCollection.Name)]
public sealed class DirectWriteTests
{
    private const int Large = 20_000;
    private const int FlushBytes = 64 * 1024;

    private readonly HoldingPipeWriter _output = new();
    private readonly WsConnection _connection;

    public DirectWriteTests() => _connection = Connect(WsRole.Server);

    [Fact]
    public void A_large_frame_leaves_from_where_it_lies_and_is_held_until_it_has_left()
    {
        long before = WsFramePool.Outstanding;
        byte[] expected = Post(Large, 1);

        Assert.True(_output.Direct.Span.SequenceEqual(expected));
        Assert.Equal(0, _output.UnflushedBytes);
        Assert.Equal(before + 1, WsFramePool.Outstanding);
        _output.End();

        Assert.Equal(expected, _output.Sent);
        Assert.Equal(before, WsFramePool.Outstanding);
        Assert.False(_output.IsFlushing);
    }

    [Fact]
    public void Large_frames_that_wait_together_leave_together_in_their_order()
    {
        long before = WsFramePool.Outstanding;
        byte[] first = Post(100, 1);
        byte[] second = Post(Large, 2);
        byte[] third = Post(Large, 3);
        byte[] fourth = Post(10, 4);
        _output.End();
        Assert.Equal(2, _output.Flushes);
        Assert.True(_output.Direct.IsEmpty);
        _output.End();

        Assert.Equal([.. first, .. second, .. third, .. fourth], _output.Sent);
        Assert.False(_output.IsFlushing);
        Assert.Equal(before, WsFramePool.Outstanding);
    }

    [Fact]
    public void What_fills_a_flush_leaves_from_where_it_lies_though_something_was_gathered_before_it()
    {
        byte[] first = Post(100, 1);
        byte[] second = Post(200, 2);
        byte[] third = Post(200_000, 3);
        byte[] fourth = Post(10, 4);
        _output.End();
        Assert.Equal(second.Length, _output.UnflushedBytes);

        // As much at a time as is flushed at a time, and nothing else in between.
        for (int left = third.Length; left > 0; left -= FlushBytes)
        {
            Assert.True(_output.Direct.Span.SequenceEqual(third.AsSpan(third.Length - left, Math.Min(left, FlushBytes))));
            _output.End();
        }

        Assert.Equal(fourth.Length, _output.UnflushedBytes);
        _output.End();
        Assert.False(_output.IsFlushing);
        Assert.Equal([.. first, .. second, .. third, .. fourth], _output.Sent);
    }

    [Fact]
    public void A_large_frame_that_follows_gathered_bytes_is_copied_behind_them()
    {
        byte[] first = Post(10, 1);
        byte[] second = Post(100, 2);
        byte[] third = Post(Large, 3);
        _output.End();
        Assert.True(_output.Direct.IsEmpty);
        _output.End();

        Assert.Equal([.. first, .. second, .. third], _output.Sent);
    }

    [Fact]
    public void A_close_frame_leaves_behind_the_frame_that_was_not_copied()
    {
        byte[] first = Post(10, 1);
        byte[] second = Post(Large, 2);
        _ = _connection.CloseAsync(CloseCode.NormalClosure, "done");
        _output.End();
        Assert.True(_output.Direct.IsEmpty);
        _output.End();

        Assert.Equal([.. first, .. second, .. RawPeer.Hex("88 06 03 E8"), .. "done"u8], _output.Sent);
    }

    [Fact]
    public async Task A_lent_payload_leaves_from_where_it_lies_after_its_first_flush_and_is_the_senders_again_when_all_has_left()
    {
        byte[] payload = Payload(300_000, 5);
        ValueTask sent = _connection.SendAsync(WsMessageType.Binary, payload);
        int direct = 0;
        while (_output.IsFlushing)
        {
            Assert.False(sent.IsCompleted);
            direct += _output.IsDirectFrom(payload) ? _output.Direct.Length : 0;
            _output.End();
        }

        await sent;
        Assert.Equal(Encoded(payload), _output.Sent);
        Assert.InRange(direct, payload.Length - (64 * 1024), payload.Length - (63 * 1024));
    }

    [Fact]
    public void A_run_that_is_all_there_is_leaves_from_where_it_lies_and_is_lent_to_a_transport_that_keeps_it()
    {
        var source = new RunSource([1, 2, 3, 4, 5], 1, 3);
        _connection.Signal(source);

        Assert.True(_output.IsDirectFrom(source.Buffer.Bytes));
        Assert.Equal([2, 3, 4], _output.Direct.ToArray());
        Assert.Equal(0, _output.UnflushedBytes);
        Assert.True(source.Buffer.IsLent);
        _output.End();

        Assert.Equal([2, 3, 4], _output.Sent);
        Assert.False(_output.IsFlushing);
        Assert.Equal(2, _connection.MessagesSent);
        Assert.Equal(3, _connection.BytesSent);
    }

    [Fact]
    public void What_a_source_writes_behind_a_run_leaves_with_it()
    {
        var source = new RunSource([1, 2, 3], 0, 3) { Then = "more"u8.ToArray() };
        _connection.Signal(source);
        Assert.True(_output.Direct.IsEmpty);
        _output.End();

        Assert.Equal([1, 2, 3, .. Encoded("more"u8.ToArray())], _output.Sent);
    }

    [Fact]
    public void A_run_waits_for_what_was_sent_before_it_and_leaves_with_it()
    {
        byte[] first = Post(10, 1);
        byte[] second = Post(20, 2);
        var source = new RunSource([1, 2, 3], 0, 3);
        _connection.Signal(source);
        Assert.Equal(first.Length, _output.UnflushedBytes);
        _output.End();
        Assert.True(_output.Direct.IsEmpty);
        _output.End();

        Assert.Equal([.. first, .. second, 1, 2, 3], _output.Sent);
    }

    [Fact]
    public void A_source_that_is_signalled_while_its_run_leaves_is_asked_again()
    {
        var source = new RunSource([1, 2, 3], 0, 3);
        _connection.Signal(source);
        _connection.Signal(source);
        Assert.Equal(1, _output.Flushes);
        _output.End();
        Assert.Equal(2, _output.Flushes);
        _output.End();

        Assert.Equal([1, 2, 3, 1, 2, 3], _output.Sent);
        Assert.False(_output.IsFlushing);
    }

    [Fact]
    public async Task A_run_that_cannot_be_sent_ends_the_connection()
    {
        var source = new RunSource([1, 2, 3], 0, 3);
        _output.Failure = new IOException("gone");
        _connection.Signal(source);

        Assert.False(source.Buffer.IsLent);
        await Assert.ThrowsAsync<WsClosedException>(async () => await _connection.SendAsync(WsMessageType.Binary, new byte[1]));
    }

    [Fact]
    public async Task A_client_masks_and_lends_nothing()
    {
        WsConnection client = Connect(WsRole.Client);
        ValueTask sent = client.SendAsync(WsMessageType.Binary, Payload(200_000, 1));
        while (_output.IsFlushing)
        {
            Assert.True(_output.Direct.IsEmpty);
            _output.End();
        }

        await sent;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transport_that_ends_during_the_flush_gives_everything_back(bool throws)
    {
        long before = WsFramePool.Outstanding;
        Post(Large, 1);
        ValueTask sent = _connection.SendAsync(WsMessageType.Binary, Payload(300_000, 1));
        _output.End();
        _output.Failure = throws ? new IOException("gone") : null;
        _output.End(isCompleted: !throws);

        await Assert.ThrowsAsync<WsClosedException>(async () => await sent);
        Assert.Equal(before, WsFramePool.Outstanding);
    }

    [Fact]
    public void A_frame_that_cannot_be_sent_is_given_back()
    {
        long before = WsFramePool.Outstanding;
        _output.Failure = new IOException("gone");
        Post(Large, 1);

        Assert.Equal(before, WsFramePool.Outstanding);
    }

    private WsConnection Connect(WsRole role) =>
        new(new DuplexPipePair.End(new Pipe().Reader, _output), role, new WsConnectionOptions(), new WsHeartbeat(new ManualTimeProvider()));

    private byte[] Post(int length, int seed)
    {
        byte[] payload = Payload(length, seed);
        WsFrame frame = WsFrame.Create(WsMessageType.Binary, payload);
        Assert.True(_connection.TrySend(frame));
        frame.Release();
        return Encoded(payload);
    }

    private static byte[] Payload(int length, int seed)
    {
        byte[] payload = new byte[length];
        new Random(seed).NextBytes(payload);
        return payload;
    }

    private static byte[] Encoded(byte[] payload)
    {
        byte[] header = new byte[FrameHeader.MaxLength];
        return [.. header[..FrameHeader.Write(header, Opcode.Binary, payload.Length)], .. payload];
    }

    /// <summary>Has a piece of a buffer each time it is asked, and then perhaps a message.</summary>
    private sealed class RunSource : WsOutboundSource
    {
        private readonly WsFrameRun _run;

        public RunSource(byte[] bytes, int start, int length)
        {
            Buffer = new WsRunBuffer(bytes.Length);
            bytes.CopyTo(Buffer.Bytes.AsSpan());
            _run = new WsFrameRun(Buffer, start, length);
        }

        public WsRunBuffer Buffer { get; }

        public byte[]? Then { get; init; }

        protected internal override bool Write(ref WsFrameWriter writer)
        {
            Assert.True(writer.TryWriteEncoded(_run, messages: 2));
            if (Then is { } payload)
            {
                writer.Write(WsMessageType.Binary, payload);
            }

            return false;
        }
    }
}
