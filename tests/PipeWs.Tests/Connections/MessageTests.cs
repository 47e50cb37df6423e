using System.Text;
using System.Threading.Tasks.Sources;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Messages received whole, in fragments, larger than the transport's buffers, and in parts.</summary>
public sealed class MessageTests
{
    public static TheoryData<WsRole, Delivery> Ways()
    {
        var data = new TheoryData<WsRole, Delivery>();
        foreach (WsRole role in Enum.GetValues<WsRole>())
        {
            foreach (Delivery delivery in Enum.GetValues<Delivery>())
            {
                data.Add(role, delivery);
            }
        }

        return data;
    }

    [Theory]
    [InlineData(WsRole.Server, "81 85 37 FA 21 3D 7F 9F 4D 51 58")]
    [InlineData(WsRole.Client, "81 05 48 65 6C 6C 6F")]
    [InlineData(WsRole.Server, "01 83 37 FA 21 3D 7F 9F 4D 80 82 3D 21 FA 37 51 4E")]
    [InlineData(WsRole.Client, "01 03 48 65 6C 80 02 6C 6F")]
    public async Task The_examples_of_the_rfc_say_hello(WsRole role, string bytes)
    {
        foreach (Delivery delivery in Enum.GetValues<Delivery>())
        {
            await using var harness = new ConnectionHarness(role, delivery: delivery);

            await harness.SendAsync(RawPeer.Hex(bytes));
            (WsMessageType type, byte[] payload) = await harness.Receiver.NextAsync();

            Assert.Equal((WsMessageType.Text, "Hello"), (type, Encoding.ASCII.GetString(payload)));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Messages_of_every_length_arrive_as_they_were_sent(WsRole role, Delivery delivery)
    {
        await using var harness = new ConnectionHarness(role, delivery: delivery);
        int[] lengths = [0, 1, 2, 3, 15, 16, 17, 125, 126, 127, 128, 1023, 1024, 1025, 65_535, 65_536, 70_001];
        foreach (int length in lengths)
        {
            byte[] text = Encoding.ASCII.GetBytes(new string('t', length));
            byte[] binary = new byte[length];
            new Random(length).NextBytes(binary);

            await harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, text), .. harness.Peer.Encode(RawFrame.Binary, binary)]);

            Assert.Equal((WsMessageType.Text, text), await harness.Receiver.NextAsync(), EqualMessages);
            Assert.Equal((WsMessageType.Binary, binary), await harness.Receiver.NextAsync(), EqualMessages);
        }
    }

    [Fact]
    public async Task A_receiver_hears_when_all_that_was_read_is_handled()
    {
        await using var harness = new ConnectionHarness();
        RawPeer peer = harness.Peer;

        await harness.SendAsync([.. peer.Encode(RawFrame.Text, "1"u8), .. peer.Encode(RawFrame.Text, "2"u8), .. peer.Encode(RawFrame.Binary, "3"u8, fin: false)]);
        await harness.UntilIdleAsync();
        Assert.Equal([2], harness.Receiver.MessagesAtReadEnds);

        await harness.SendAsync([.. peer.Encode(RawFrame.Continuation, "4"u8), .. peer.Encode(RawFrame.Text, "5"u8)]);
        await harness.UntilIdleAsync();
        Assert.Equal([2, 4], harness.Receiver.MessagesAtReadEnds);
    }

    [Fact]
    public async Task It_hears_that_only_when_its_last_message_was_handled()
    {
        await using var harness = new ConnectionHarness();
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        harness.Receiver.OnMessage = (_, _) => new ValueTask(hold.Task);

        await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, "1"u8));
        await Conditions.UntilAsync(() => harness.Connection.IsInReceiver, "the message is being handled");
        Assert.Empty(harness.Receiver.MessagesAtReadEnds);

        hold.SetResult();
        await Conditions.UntilAsync(() => !harness.Receiver.MessagesAtReadEnds.IsEmpty, "all is handled");
    }

    [Theory]
    [InlineData(false, 3)]
    [InlineData(true, 0)]
    public async Task Whole_messages_are_asked_about_only_where_the_receiver_may_want_parts(bool neverInParts, int questions)
    {
        await using var harness = new ConnectionHarness(run: false);
        int asked = 0;
        harness.Receiver.NeverInParts = neverInParts;
        harness.Receiver.InParts = _ => ++asked < 0;
        harness.Run();

        await harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, "1"u8), .. harness.Peer.Encode(RawFrame.Binary, "2"u8), .. harness.Peer.Encode(RawFrame.Text, "3"u8)]);
        await harness.Receiver.NextAsync();
        await harness.Receiver.NextAsync();
        await harness.Receiver.NextAsync();

        Assert.Equal(questions, asked);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Control_frames_between_fragments_are_answered_at_once(WsRole role, Delivery delivery)
    {
        await using var harness = new ConnectionHarness(role, delivery: delivery);
        RawPeer peer = harness.Peer;

        await harness.SendAsync(
        [
            .. peer.Encode(RawFrame.Text, "κό"u8[..3], fin: false),
            .. peer.Encode(RawFrame.Ping, "1"u8),
            .. peer.Encode(RawFrame.Continuation, default, fin: false),
            .. peer.Encode(RawFrame.Pong, "unasked"u8),
            .. peer.Encode(RawFrame.Ping, default),
        ]);
        RawFrame first = await peer.ReadFrameAsync();
        RawFrame second = await peer.ReadFrameAsync();
        Assert.Equal(0, harness.Receiver.MessageCount);
        await harness.SendAsync(peer.Encode(RawFrame.Continuation, "κό"u8[3..]));

        Assert.Equal((RawFrame.Pong, "1"), (first.Opcode, first.PayloadText));
        Assert.Equal((RawFrame.Pong, ""), (second.Opcode, second.PayloadText));
        Assert.Equal("κό"u8.ToArray(), (await harness.Receiver.NextAsync()).Payload);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Messages_in_parts_come_as_their_bytes_do(WsRole role, Delivery delivery)
    {
        await using var harness = new ConnectionHarness(role, options => options.MaxMessageBytes = 10, delivery, run: false);
        harness.Receiver.InParts = type => type == WsMessageType.Binary;
        harness.Run();
        byte[] large = new byte[5_000];
        new Random(5).NextBytes(large);

        Task sending = harness.SendAsync(
        [
            .. harness.Peer.Encode(RawFrame.Binary, default),
            .. harness.Peer.Encode(RawFrame.Binary, large),
            .. harness.Peer.Encode(RawFrame.Text, "whole"u8),
            .. harness.Peer.Encode(RawFrame.Binary, large.AsSpan(0, 100), fin: false),
            .. harness.Peer.Encode(RawFrame.Ping, "p"u8),
            .. harness.Peer.Encode(RawFrame.Continuation, large.AsSpan(100), fin: false),
            .. harness.Peer.Encode(RawFrame.Continuation, default),
        ]);

        Assert.Empty((await harness.Receiver.NextAsync()).Payload);
        Assert.Equal(large, (await harness.Receiver.NextAsync()).Payload);
        Assert.Equal((WsMessageType.Text, "whole"u8.ToArray()), await harness.Receiver.NextAsync(), EqualMessages);
        Assert.Equal(large, (await harness.Receiver.NextAsync()).Payload);
        Assert.Equal(RawFrame.Pong, (await harness.Peer.ReadFrameAsync()).Opcode);
        await sending;
        if (delivery == Delivery.ByteByByte)
        {
            Assert.True(harness.Receiver.PartCount > 10_000);
        }
    }

    [Fact]
    public async Task A_part_comes_before_its_frame_is_whole_and_its_text_is_judged()
    {
        await using var harness = new ConnectionHarness(run: false);
        var came = new TaskCompletionSource();
        harness.Receiver.InParts = _ => true;
        harness.Receiver.OnPart = part =>
        {
            Assert.True(part.IsFirst);
            Assert.False(part.IsLast);
            came.SetResult();
            return default;
        };
        harness.Run();

        byte[] frame = harness.Peer.Encode(RawFrame.Text, [.. "so far"u8, 0xFF, .. new byte[1000]]);
        await harness.SendAsync(frame[..(8 + 6)]);
        await came.Task.Soon();
        Assert.False(harness.Connection.IsClosing);
        await harness.SendAsync(frame[14..15]);
        RawFrame close = await harness.Peer.ReadFrameAsync();

        Assert.Equal(1007, close.CloseCode);
    }

    [Fact]
    public async Task The_next_message_is_not_read_before_the_receiver_has_done_with_the_last()
    {
        await using var harness = new ConnectionHarness(run: false);
        var release = new SemaphoreSlim(0);
        int running = 0;
        var seen = new List<string>();
        harness.Receiver.OnMessage = async (_, payload) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            await release.WaitAsync();
            seen.Add(Encoding.ASCII.GetString(payload.FirstSpan));
            Interlocked.Decrement(ref running);
        };
        harness.Run();
        string[] sent = Enumerable.Range(0, 100).Select(i => $"message {i}").ToArray();

        await harness.SendAsync(sent.SelectMany(text => harness.Peer.Encode(RawFrame.Text, Encoding.ASCII.GetBytes(text))).ToArray());
        release.Release(100);
        await harness.Peer.SendCloseAsync(1000);
        await harness.Ended.Soon();

        Assert.Equal(sent, seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_borrowed_payload_stays_as_it_is_until_the_receiver_has_done_with_it(bool fragmented)
    {
        await using var harness = new ConnectionHarness(delivery: fragmented ? Delivery.TinyPipe : Delivery.Whole, run: false);
        var done = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        harness.Receiver.OnMessage = async (_, payload) =>
        {
            await release.Task;
            Assert.Equal(200, payload.Length);
            foreach (ReadOnlyMemory<byte> segment in payload)
            {
                Assert.Equal(-1, segment.Span.IndexOfAnyExcept((byte)'k'));
            }

            done.TrySetResult();
        };
        harness.Run();

        Task sending = harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, Enumerable.Repeat((byte)'k', 200).ToArray()), .. harness.Peer.Encode(RawFrame.Text, new byte[300])]);
        for (int i = 0; i < 100; i++)
        {
            // Others rent from the pool meanwhile and would write over what was given back too early.
            byte[] rented = System.Buffers.ArrayPool<byte>.Shared.Rent(256);
            rented.AsSpan().Fill(0xEE);
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        }

        release.SetResult();
        await done.Task.Soon();
        await sending;
    }

    private static bool EqualMessages((WsMessageType Type, byte[] Payload) x, (WsMessageType Type, byte[] Payload) y) =>
        x.Type == y.Type && x.Payload.AsSpan().SequenceEqual(y.Payload);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_handlers_task_is_looked_at_once_though_the_close_came_with_its_message(bool isWhole)
    {
        await using var harness = new ConnectionHarness();
        var source = new OnceSource();
        harness.Receiver.OnMessage = (_, _) => source.NextTask();
        byte[] message = isWhole
            ? harness.Peer.Encode(RawFrame.Text, "whole"u8)
            : [.. harness.Peer.Encode(RawFrame.Text, "in "u8, fin: false), .. harness.Peer.Encode(RawFrame.Continuation, "two"u8)];

        await harness.SendAsync([.. message, .. harness.Peer.Encode(RawFrame.Close, RawFrame.ClosePayload(1000, ""))]);
        (_, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal(1, source.Tasks);
        Assert.Equal(1000, info.Code);
        Assert.Null(info.Exception);
    }

    /// <summary>Gives tasks that have completed and may be looked at once, as those of pooled sources may.</summary>
    private sealed class OnceSource : IValueTaskSource
    {
        private short _version;

        public int Tasks { get; private set; }

        public ValueTask NextTask()
        {
            Tasks++;
            return new ValueTask(this, _version);
        }

        public void GetResult(short token) => Assert.Equal(_version++, token);

        public ValueTaskSourceStatus GetStatus(short token)
        {
            Assert.Equal(_version, token);
            return ValueTaskSourceStatus.Succeeded;
        }

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => continuation(state);
    }
}
