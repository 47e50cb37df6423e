using System.Text;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Messages sent in parts, among everything else that is sent.</summary>
public sealed class MessageWriterTests
{
    [Theory]
    [InlineData(WsRole.Server, Delivery.Whole)]
    [InlineData(WsRole.Client, Delivery.Whole)]
    [InlineData(WsRole.Server, Delivery.TinyPipe)]
    [InlineData(WsRole.Client, Delivery.TinyPipe)]
    public async Task Every_part_is_a_fragment_and_only_control_frames_pass_between_them(WsRole role, Delivery delivery)
    {
        await using var harness = new ConnectionHarness(role, delivery: delivery);
        await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);

        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "before"u8));
        Task first = writer.WriteAsync("one "u8.ToArray()).AsTask();
        Task<RawFrame[]> reading = ReadAsync(harness.Peer, 6);
        await first.Soon();
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "after"u8));
        Task<TimeSpan> ping = harness.Connection.PingAsync().AsTask();
        await writer.WriteAsync(default).Soon();
        await writer.CompleteAsync("two"u8.ToArray()).Soon();

        RawFrame[] frames = await reading;
        Assert.Equal(
            [(RawFrame.Text, true, "before"), (RawFrame.Text, false, "one "), (RawFrame.Continuation, false, ""), (RawFrame.Continuation, true, "two"), (RawFrame.Text, true, "after")],
            frames.Where(frame => frame.Opcode != RawFrame.Ping).Select(frame => (frame.Opcode, frame.Fin, frame.PayloadText)));
        Assert.Equal(2, Array.FindIndex(frames, frame => frame.Opcode == RawFrame.Ping));
        await harness.Peer.SendFrameAsync(RawFrame.Pong, frames[2].Payload);
        await ping.Soon();
    }

    [Fact]
    public async Task Messages_in_parts_of_many_threads_do_not_mix_with_anything()
    {
        await using var harness = new ConnectionHarness();
        Task[] senders = Enumerable.Range(0, 6).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++)
            {
                if (thread % 2 == 0)
                {
                    await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
                    await writer.WriteAsync(Encoding.ASCII.GetBytes($"{thread} {i} "));
                    for (int part = 0; part < i % 4; part++)
                    {
                        await writer.WriteAsync(Encoding.ASCII.GetBytes(new string((char)('a' + thread), part * 10_000)));
                    }

                    await writer.CompleteAsync();
                }
                else
                {
                    await harness.Connection.SendAsync(WsMessageType.Text, Encoding.ASCII.GetBytes($"{thread} {i} {new string((char)('a' + thread), i)}"));
                }
            }
        })).ToArray();

        var next = new int[6];
        for (int i = 0; i < 300; i++)
        {
            (_, byte[] payload) = await harness.Peer.ReadMessageAsync();
            string[] words = Encoding.ASCII.GetString(payload).Split(' ');
            int thread = int.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(next[thread]++, int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(-1, words[2].AsSpan().IndexOfAnyExcept((char)('a' + thread)));
        }

        await Task.WhenAll(senders).Soon();
    }

    [Fact]
    public async Task A_message_that_is_abandoned_closes_the_connection_with_1011()
    {
        await using var harness = new ConnectionHarness();
        WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Binary);
        await writer.WriteAsync(new byte[3]).Soon();
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, "held back"u8));

        await writer.DisposeAsync();

        Assert.Equal((RawFrame.Binary, false), (await harness.Peer.ReadFrameAsync()) is { } frame ? (frame.Opcode, frame.Fin) : default);
        (RawFrame close, WsCloseInfo info) = (await harness.AnswerCloseAsync(), await harness.Ended.Soon());
        Assert.Equal((1011, (ushort)1011), (close.CloseCode, info.Code));
        Assert.Equal(0, harness.Connection.BacklogBytes);
    }

    [Fact]
    public async Task A_writer_that_wrote_nothing_or_all_can_be_disposed_of()
    {
        await using var harness = new ConnectionHarness();
        await harness.Connection.BeginMessage(WsMessageType.Text).DisposeAsync();
        WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
        await writer.CompleteAsync("all"u8.ToArray()).Soon();
        await writer.DisposeAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await writer.WriteAsync("more"u8.ToArray()));
        Assert.False(harness.Connection.IsClosing);
        Assert.Equal("all", (await harness.Peer.ReadFrameAsync()).PayloadText);
    }

    [Fact]
    public async Task What_is_held_back_by_a_message_in_parts_does_not_keep_its_sender_from_receiving()
    {
        await using var harness = new ConnectionHarness(configure: options => options.SendBacklogBytes = 1_000, run: false);
        WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
        harness.Receiver.OnMessage = async (_, payload) =>
        {
            byte[] copy = System.Buffers.BuffersExtensions.ToArray(payload);
            if (copy[0] == '!')
            {
                for (int i = 0; i < 10; i++)
                {
                    Assert.True(harness.Connection.TrySend(WsMessageType.Binary, new byte[500]));
                }

                return;
            }

            await (copy[0] == '.' ? writer.CompleteAsync() : writer.WriteAsync(copy));
        };
        harness.Run();

        await harness.Peer.SendTextAsync("a");
        Assert.Equal("a", (await harness.Peer.ReadFrameAsync()).PayloadText);
        await harness.Peer.SendTextAsync("!");
        await harness.Peer.SendTextAsync("b");
        Assert.Equal("b", (await harness.Peer.ReadFrameAsync()).PayloadText);
        await harness.Peer.SendTextAsync(".");
        Assert.Equal((RawFrame.Continuation, true), (await harness.Peer.ReadFrameAsync()) is { } last ? (last.Opcode, last.Fin) : default);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(500, (await harness.Peer.ReadFrameAsync()).Payload.Length);
        }
    }

    [Fact]
    public async Task Parts_that_wait_are_refused_when_the_connection_ends()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray());
        Task part = harness.Connection.BeginMessage(WsMessageType.Text).WriteAsync(new byte[10]).AsTask();
        Task large = harness.Connection.SendAsync(WsMessageType.Text, new byte[100_000]).AsTask();

        harness.Connection.Abort();

        await Assert.ThrowsAsync<WsClosedException>(() => part.Soon());
        await Assert.ThrowsAsync<WsClosedException>(() => large.Soon());
    }

    private static async Task<RawFrame[]> ReadAsync(RawPeer peer, int count)
    {
        var frames = new RawFrame[count];
        for (int i = 0; i < count; i++)
        {
            frames[i] = await peer.ReadFrameAsync();
        }

        return frames;
    }
}
