using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>Messages that leave compressed: which, in what form, and that whatever history there is at both ends is the same.</summary>
public sealed class CompressedSendTests
{
    private static readonly byte[] s_text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, and ", 50)));

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task Every_way_to_send_compresses(WsRole role)
    {
        await using ConnectionHarness harness = Start(role);
        WsFrame frame = WsFrame.Create(WsMessageType.Text, s_text);
        await harness.Connection.SendAsync(WsMessageType.Text, s_text);
        await harness.Connection.SendAsync(WsMessageType.Text, SendTests.Cut(s_text, 7));
        await harness.Connection.SendAsync(WsPreparedMessage.Text(s_text));
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, s_text));
        Assert.True(harness.Connection.TrySend(frame));
        frame.Release();

        for (int i = 0; i < 5; i++)
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            Assert.Equal((true, 0x40, RawFrame.Text), (sent.Fin, sent.Rsv, sent.Opcode));
            Assert.InRange(sent.Payload.Length, 1, 100);
            Assert.Equal(s_text, DeflateBytes.Inflate(sent.Payload));
        }

        Assert.False(harness.Connection.Compression!.HoldsState);
        Assert.Equal(5, harness.Connection.MessagesSent);
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task What_is_not_to_be_compressed_or_not_worth_it_leaves_as_it_is(WsRole role)
    {
        await using ConnectionHarness harness = Start(role);
        byte[] small = s_text[..255];
        byte[] noise = new byte[3_000];
        new Random(5).NextBytes(noise);
        var never = new WsSendOptions(NeverCompress: true);
        WsFrame frame = WsFrame.Rent(s_text.Length);
        s_text.CopyTo(frame.GetPayloadSpan(s_text.Length));
        frame.NeverCompress = true;
        frame.Seal(WsMessageType.Text, s_text.Length);
        WsFrame noiseFrame = WsFrame.Create(WsMessageType.Binary, noise);

        await harness.Connection.SendAsync(WsMessageType.Text, small);
        await harness.Connection.SendAsync(WsMessageType.Text, default(ReadOnlyMemory<byte>));
        await harness.Connection.SendAsync(WsMessageType.Binary, noise);
        await harness.Connection.SendAsync(WsMessageType.Text, s_text, never);
        await harness.Connection.SendAsync(WsMessageType.Text, SendTests.Cut(s_text, 3), never);
        await harness.Connection.SendAsync(WsPreparedMessage.Text(s_text, never));
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, s_text, never));
        Assert.True(harness.Connection.TrySend(frame));
        Assert.True(harness.Connection.TrySend(noiseFrame));
        frame.Release();
        noiseFrame.Release();
        Task large = harness.Connection.SendAsync(WsMessageType.Binary, new byte[100_000], never).AsTask();
        byte[][] expected = [small, [], noise, s_text, s_text, s_text, s_text, s_text, noise, new byte[100_000]];
        foreach (byte[] message in expected)
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            Assert.Equal((true, 0), (sent.Fin, sent.Rsv));
            Assert.Equal(message, sent.Payload);
        }

        await large.Soon();
        await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text, never);
        await writer.WriteAsync(s_text).Soon();
        await writer.CompleteAsync(s_text).Soon();
        Assert.Equal(0, (await harness.Peer.ReadFrameAsync()).Rsv);
        Assert.Equal(0, (await harness.Peer.ReadFrameAsync()).Rsv);
    }

    [Fact]
    public async Task A_message_of_just_the_threshold_is_compressed()
    {
        await using ConnectionHarness harness = Start();
        await harness.Connection.SendAsync(WsMessageType.Text, s_text.AsMemory(0, 256));

        Assert.Equal(0x40, (await harness.Peer.ReadFrameAsync()).Rsv);
    }

    [Theory]
    [InlineData(WsRole.Server, 1, false)]
    [InlineData(WsRole.Client, 100, false)]
    [InlineData(WsRole.Server, 3, true)]
    [InlineData(WsRole.Client, 1, true)]
    public async Task A_large_message_leaves_in_fragments_that_are_one_message(WsRole role, int segments, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);
        byte[] large = new byte[1_000_000];
        new Random(6).NextBytes(large.AsSpan(300_000, 200_000));
        List<byte[]> payloads = [];
        for (int i = 0; i < 3; i++)
        {
            Task sending = harness.Connection.SendAsync(WsMessageType.Binary, SendTests.Cut(large, segments)).AsTask();
            (RawFrame[] frames, byte[] payload) = await ReadCompressedAsync(harness.Peer);
            Assert.Equal(21, frames.Length);
            Assert.InRange(payload.Length, 200_000, 230_000);
            payloads.Add(payload);
            await sending.Soon();
        }

        Assert.Equal([.. large, .. large, .. large], DeflateBytes.Inflate(payloads));
        Assert.Equal(takesOver, harness.Connection.Compression!.HoldsState);
    }

    [Theory]
    [InlineData(WsRole.Server, false)]
    [InlineData(WsRole.Client, false)]
    [InlineData(WsRole.Server, true)]
    [InlineData(WsRole.Client, true)]
    public async Task A_message_in_parts_is_compressed_part_by_part(WsRole role, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);
        List<byte[]> payloads = [];
        byte[][][] messages =
        [
            [s_text, s_text],
            ["a"u8.ToArray(), [], "b"u8.ToArray(), []],
            [[], []],
            [s_text, []],
            [s_text],
            [[], s_text, s_text[..10]],
        ];
        foreach (byte[][] parts in messages)
        {
            await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
            foreach (byte[] part in parts[..^1])
            {
                await writer.WriteAsync(part).Soon();
            }

            await writer.CompleteAsync(parts[^1]).Soon();
            (RawFrame[] frames, byte[] payload) = await ReadCompressedAsync(harness.Peer);
            Assert.Equal(parts.Length, frames.Length);
            Assert.Equal(parts.SelectMany(static part => part), takesOver ? DeflateBytes.Inflate([.. payloads, payload]).Skip(DeflateBytes.Inflate(payloads).Length) : DeflateBytes.Inflate(payload));
            payloads.Add(payload);
        }

        Assert.Equal(takesOver, harness.Connection.Compression!.HoldsState);
    }

    [Fact]
    public async Task A_message_in_parts_of_a_single_small_one_is_not_compressed()
    {
        await using ConnectionHarness harness = Start();
        await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
        await writer.CompleteAsync("small"u8.ToArray()).Soon();

        Assert.Equal((0, "small"), (await harness.Peer.ReadFrameAsync()) is { } frame ? (frame.Rsv, frame.PayloadText) : default);
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task With_its_context_a_connection_says_again_what_it_said_in_a_few_bytes(WsRole role)
    {
        await using ConnectionHarness harness = Start(role, takesOver: true);
        byte[] noise = RandomBytes(new Random(8), 2_000);
        List<byte[]> payloads = [];
        for (int i = 0; i < 3; i++)
        {
            await harness.Connection.SendAsync(WsMessageType.Binary, noise);
            payloads.Add((await harness.Peer.ReadFrameAsync()).Payload);
        }

        Assert.InRange(payloads[0].Length, 2_000, 2_300);
        Assert.InRange(payloads[1].Length, 1, 100);
        Assert.InRange(payloads[2].Length, 1, 100);
        Assert.Equal([.. noise, .. noise, .. noise], DeflateBytes.Inflate(payloads));
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task Frames_that_many_share_and_messages_with_context_have_one_history(WsRole role)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        await using ConnectionHarness harness = Start(role, takesOver: true, configure: static options => options.Level = 6);
        List<byte[]> payloads = [];
        List<byte> expected = [];
        byte[][] phrases = [.. Enumerable.Range(0, 20).Select(_ => RandomBytes(random, random.Next(260, 600)))];
        for (int i = 0; i < 300; i++)
        {
            byte[] message = [.. phrases[random.Next(20)], .. phrases[random.Next(20)], .. phrases[random.Next(20)]];
            switch (random.Next(4))
            {
                case 0:
                    WsFrame frame = WsFrame.Create(WsMessageType.Binary, message);
                    Assert.True(harness.Connection.TrySend(frame));
                    frame.Release();
                    break;
                case 1:
                    Assert.True(harness.Connection.TrySend(WsMessageType.Binary, message, new WsSendOptions(NeverCompress: true)));
                    break;
                default:
                    Assert.True(harness.Connection.TrySend(WsMessageType.Binary, message));
                    break;
            }

            RawFrame sent = await harness.Peer.ReadFrameAsync();
            if (sent.Rsv == 0)
            {
                Assert.Equal(message, sent.Payload);
                continue;
            }

            payloads.Add(sent.Payload);
            expected.AddRange(message);
            Assert.True(expected.SequenceEqual(DeflateBytes.Inflate(payloads)), $"seed {seed}, message {i}");
        }
    }

    [Fact]
    public async Task A_peer_that_says_it_forgets_is_not_relied_on_and_one_that_may_need_not()
    {
        // The options do not ask for a context although the peer would allow it.
        await using ConnectionHarness harness = new(compression: default(DeflateParameters));
        for (int i = 0; i < 2; i++)
        {
            await harness.Connection.SendAsync(WsMessageType.Text, s_text);
            Assert.Equal(s_text, DeflateBytes.Inflate((await harness.Peer.ReadFrameAsync()).Payload));
        }

        Assert.False(harness.Connection.Compression!.HoldsState);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(12)]
    public async Task What_leaves_keeps_to_the_window_that_was_agreed(int bits)
    {
        byte[] noise = [.. RandomBytes(new Random(9), 300).Select(static one => (byte)('a' + (one & 3)))];
        byte[] message = [.. noise, .. new byte[Math.Max(10, (1 << bits) - 290)], .. noise, .. noise];
        await using ConnectionHarness harness = new(compression: new DeflateParameters(bits, 15));
        using var inflater = new MessageInflater(bits);
        WsFrame frame = WsFrame.Create(WsMessageType.Binary, message);
        await harness.Connection.SendAsync(WsMessageType.Binary, message);
        Assert.True(harness.Connection.TrySend(frame));
        frame.Release();
        for (int i = 0; i < 2; i++)
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            Assert.Equal(0x40, sent.Rsv);
            List<byte> inflated = [];
            byte[] room = new byte[1];
            ReadOnlyMemory<byte> rest = sent.Payload;
            while (inflater.Inflate(rest.Span, room, out int consumed, out int written) is InflateStatus.NeedsRoom)
            {
                inflated.AddRange(room.AsSpan(0, written));
                rest = rest[consumed..];
            }

            Assert.True(inflater.TryEndMessage());
            Assert.Equal(message, inflated);
            inflater.Reset();
        }
    }

    [Fact]
    public async Task A_message_no_longer_than_the_peers_window_is_compressed_as_if_it_were_the_widest()
    {
        // zlib's own windows of 9 bits never point back 300 bytes.
        byte[] noise = RandomBytes(new Random(3), 300);
        byte[] message = [.. noise, .. noise.AsSpan(0, 200)];
        await using ConnectionHarness harness = new(compression: new DeflateParameters(9, 15, true, true));
        await harness.Connection.SendAsync(WsMessageType.Binary, message);
        await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Binary);
        await writer.CompleteAsync(message).Soon();
        await harness.Connection.SendAsync(WsMessageType.Binary, (byte[])[.. noise, .. noise, .. noise, .. noise, .. noise]);

        for (int i = 0; i < 2; i++)
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            Assert.Equal(message, DeflateBytes.Inflate(sent.Payload));
            Assert.InRange(sent.Payload.Length, 300, 340);
        }

        Assert.Equal((0, 1_500), (await harness.Peer.ReadFrameAsync()) is { } longer ? (longer.Rsv, longer.Payload.Length) : default);
        Assert.False(harness.Connection.Compression!.HoldsState);
    }

    [Theory]
    [InlineData(WsRole.Server, false)]
    [InlineData(WsRole.Client, false)]
    [InlineData(WsRole.Server, true)]
    [InlineData(WsRole.Client, true)]
    public async Task What_does_not_become_shorter_leaves_as_it_is_whatever_its_size(WsRole role, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);

        // Shorter than the window, a message is what the next may point back into.
        int[] sizes = takesOver ? [32 * 1024, 48 * 1024, 65_536, 65_537, 300_000] : [300, 16_000, 20_000, 48 * 1024, 65_536, 65_537, 300_000];
        foreach (int size in sizes)
        {
            byte[] noise = RandomBytes(new Random(size), size);
            Task sending = harness.Connection.SendAsync(WsMessageType.Binary, noise).AsTask();
            await ReadPlainAsync(noise);
            await sending.Soon();
            sending = harness.Connection.SendAsync(WsMessageType.Binary, SendTests.Cut(noise, 5)).AsTask();
            await ReadPlainAsync(noise);
            await sending.Soon();
            Assert.True(harness.Connection.TrySend(WsMessageType.Binary, noise));
            await ReadPlainAsync(noise);
            await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Binary);
            sending = writer.CompleteAsync(noise).AsTask();
            await ReadPlainAsync(noise);
            await sending.Soon();
        }

        Assert.Equal(4 * sizes.Length, harness.Connection.MessagesSent);
        Assert.Equal(takesOver, harness.Connection.Compression!.HoldsState);

        async Task ReadPlainAsync(byte[] message)
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            Assert.Equal((true, 0, RawFrame.Binary), (sent.Fin, sent.Rsv, sent.Opcode));
            Assert.Equal(message, sent.Payload);
        }
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task After_a_message_that_left_as_it_is_the_context_begins_anew_and_is_the_receivers(WsRole role)
    {
        await using ConnectionHarness harness = Start(role, takesOver: true);
        byte[] phrase = RandomBytes(new Random(2), 600);
        List<byte[]> payloads = [];
        List<int> lengths = [];
        foreach (byte[] message in (byte[][])[phrase, phrase, RandomBytes(new Random(3), 50_000), phrase, phrase])
        {
            Task sending = harness.Connection.SendAsync(WsMessageType.Binary, message).AsTask();
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            await sending.Soon();
            lengths.Add(sent.Payload.Length);
            if (sent.Rsv != 0)
            {
                payloads.Add(sent.Payload);
            }
        }

        Assert.Equal([.. phrase, .. phrase, .. phrase, .. phrase], DeflateBytes.Inflate(payloads));
        Assert.Equal([false, true, false, false, true], lengths.Select(static length => length < 100));
        Assert.Equal(50_000, lengths[2]);
    }

    [Theory]
    [InlineData(WsRole.Server, false)]
    [InlineData(WsRole.Client, true)]
    public async Task A_large_message_that_is_not_waited_for_leaves_in_fragments_too(WsRole role, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);
        byte[] large = [.. Enumerable.Repeat(s_text, 300).SelectMany(static text => text)];
        List<byte[]> payloads = [];
        for (int i = 0; i < 2; i++)
        {
            Assert.True(harness.Connection.TrySend(WsMessageType.Text, large));
            (RawFrame[] frames, byte[] payload) = await ReadCompressedAsync(harness.Peer);
            Assert.Equal((large.Length + WsFrameWriter.DeflatedPieceBytes - 1) / WsFrameWriter.DeflatedPieceBytes, frames.Length);
            payloads.Add(payload);
        }

        Assert.Equal([.. large, .. large], DeflateBytes.Inflate(payloads));
        Assert.Equal((2, takesOver), (harness.Connection.MessagesSent, harness.Connection.Compression!.HoldsState));
    }

    private static ConnectionHarness Start(WsRole role = WsRole.Server, bool takesOver = false, Action<WsCompressionOptions>? configure = null) => new(
        role,
        options =>
        {
            options.Compression = new WsCompressionOptions { ServerContextTakeover = takesOver, ClientContextTakeover = takesOver };
            configure?.Invoke(options.Compression);
        },
        compression: new DeflateParameters(15, 15, !takesOver, !takesOver));

    private static byte[] RandomBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static async Task<(RawFrame[] Frames, byte[] Payload)> ReadCompressedAsync(RawPeer peer)
    {
        List<RawFrame> frames = [];
        do
        {
            frames.Add(await peer.ReadFrameAsync());
            Assert.Equal(frames.Count == 1 ? 0x40 : 0, frames[^1].Rsv);
            Assert.Equal(frames.Count > 1, frames[^1].Opcode == RawFrame.Continuation);
        }
        while (!frames[^1].Fin);

        return ([.. frames], [.. frames.SelectMany(static frame => frame.Payload)]);
    }
}
