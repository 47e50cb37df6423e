using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>What a connection counts of compression: every byte, once, in both directions.</summary>
public sealed class CompressionTrafficTests
{
    private static readonly byte[] s_text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, and ", 50)));

    [Theory]
    [InlineData(WsRole.Server, false)]
    [InlineData(WsRole.Client, false)]
    [InlineData(WsRole.Server, true)]
    [InlineData(WsRole.Client, true)]
    public async Task What_leaves_compressed_is_counted_with_its_bytes_before_and_after(WsRole role, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);
        WsFrame frame = WsFrame.Create(WsMessageType.Text, s_text);
        byte[] large = [.. Enumerable.Repeat(s_text, 200).SelectMany(static text => text)];
        long after = 0;

        await harness.Connection.SendAsync(WsMessageType.Text, s_text);
        await harness.Connection.SendAsync(WsMessageType.Text, SendTests.Cut(s_text, 7));
        Assert.True(harness.Connection.TrySend(WsMessageType.Text, s_text));
        Assert.True(harness.Connection.TrySend(frame));
        Assert.True(harness.Connection.TrySend(frame));
        frame.Release();
        Task sending = harness.Connection.SendAsync(WsMessageType.Text, large).AsTask();
        for (int messages = 0; messages < 6;)
        {
            messages += await ReadAsync() ? 1 : 0;
        }

        await sending.Soon();
        Assert.Equal(new CompressionTraffic(0, 0, 0, 6, (5 * s_text.Length) + large.Length, after, 0), harness.Connection.Compression!.Traffic);

        // One in parts counts its bytes as they leave, and itself at its end.
        await using WsMessageWriter writer = harness.Connection.BeginMessage(WsMessageType.Text);
        await writer.WriteAsync(s_text).Soon();
        Assert.False(await ReadAsync());
        Assert.Equal(new CompressionTraffic(0, 0, 0, 6, (6 * s_text.Length) + large.Length, after, 0), harness.Connection.Compression.Traffic);
        await writer.CompleteAsync(ReadOnlyMemory<byte>.Empty).Soon();
        Assert.True(await ReadAsync());
        Assert.Equal(new CompressionTraffic(0, 0, 0, 7, (6 * s_text.Length) + large.Length, after, 0), harness.Connection.Compression.Traffic);
        Assert.Equal(7, harness.Connection.MessagesSent);

        async Task<bool> ReadAsync()
        {
            RawFrame sent = await harness.Peer.ReadFrameAsync();
            after += sent.Payload.Length;
            return sent.Fin;
        }
    }

    [Theory]
    [InlineData(WsRole.Server, false)]
    [InlineData(WsRole.Client, false)]
    [InlineData(WsRole.Server, true)]
    [InlineData(WsRole.Client, true)]
    public async Task What_did_not_become_shorter_is_counted_and_what_nobody_tried_is_not(WsRole role, bool takesOver)
    {
        await using ConnectionHarness harness = Start(role, takesOver);
        byte[] noise = new byte[40_000];
        new Random(7).NextBytes(noise);
        WsFrame frame = WsFrame.Create(WsMessageType.Binary, noise);
        var never = new WsSendOptions(NeverCompress: true);

        Task[] sending =
        [
            harness.Connection.SendAsync(WsMessageType.Binary, noise).AsTask(),
            harness.Connection.SendAsync(WsMessageType.Binary, SendTests.Cut(noise, 5)).AsTask(),
            harness.Connection.SendAsync(WsMessageType.Text, s_text.AsMemory(0, 255)).AsTask(),
            harness.Connection.SendAsync(WsMessageType.Text, s_text, never).AsTask(),
        ];
        Assert.True(harness.Connection.TrySend(WsMessageType.Binary, noise));
        Assert.True(harness.Connection.TrySend(frame));
        Assert.True(harness.Connection.TrySend(frame));
        frame.Release();
        for (int i = 0; i < 7; i++)
        {
            Assert.Equal((true, 0), (await harness.Peer.ReadFrameAsync()) is { } sent ? (sent.Fin, sent.Rsv) : default);
        }

        await Task.WhenAll(sending).Soon();
        Assert.Equal(new CompressionTraffic(0, 0, 0, 0, 0, 0, 5), harness.Connection.Compression!.Traffic);
    }

    [Theory]
    [InlineData(WsRole.Server, Delivery.Whole, false)]
    [InlineData(WsRole.Client, Delivery.ByteByByte, false)]
    [InlineData(WsRole.Server, Delivery.TinyPipe, true)]
    [InlineData(WsRole.Client, Delivery.Whole, true)]
    public async Task What_comes_compressed_is_counted_with_its_bytes_before_and_after(WsRole role, Delivery delivery, bool inParts)
    {
        await using ConnectionHarness harness = Start(role, takesOver: true, delivery, run: false);
        harness.Receiver.InParts = _ => inParts;
        harness.Run();
        byte[][] messages = [s_text, [], "x"u8.ToArray(), [.. s_text, .. s_text]];
        byte[][] payloads = DeflateBytes.OfEach(messages);
        for (int i = 0; i < messages.Length; i++)
        {
            int cut = payloads[i].Length / 2;
            await harness.SendAsync(EncodeDeflated(harness, payloads[i].AsSpan(0, cut), fin: false));
            await harness.SendAsync(harness.Peer.Encode(RawFrame.Continuation, payloads[i].AsSpan(cut)));
            await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, "plain"u8));
            Assert.Equal(messages[i], (await harness.Receiver.NextAsync()).Payload);
            Assert.Equal("plain"u8.ToArray(), (await harness.Receiver.NextAsync()).Payload);
            Assert.Equal(
                new CompressionTraffic(i + 1, payloads.Take(i + 1).Sum(static one => one.Length), messages.Take(i + 1).Sum(static one => one.Length), 0, 0, 0, 0),
                harness.Connection.Compression!.Traffic);
        }
    }

    [Fact]
    public async Task A_bomb_counts_as_far_as_it_was_inflated_and_is_no_message()
    {
        await using ConnectionHarness harness = Start(WsRole.Server, takesOver: false);
        Task sending = harness.SendAsync(EncodeDeflated(harness, DeflateBytes.Bomb(), fin: true));

        Assert.Equal(1009, (await harness.FinishAsync()).Close.CloseCode);
        await sending.Soon();
        CompressionTraffic traffic = harness.Connection.Compression!.Traffic;
        Assert.Equal((0, (1024 * 1024) + 1), (traffic.MessagesInflated, traffic.InflatedTo));
        Assert.InRange(traffic.InflatedFrom, 1, 4_096);
    }

    private static byte[] EncodeDeflated(ConnectionHarness harness, ReadOnlySpan<byte> payload, bool fin) =>
        RawFrame.Encode(RawFrame.Text, payload, fin, harness.Peer.Masks ? 0x37FA213D : null, rsv: 0x40);

    private static ConnectionHarness Start(WsRole role, bool takesOver, Delivery delivery = Delivery.Whole, bool run = true) => new(
        role,
        options => options.Compression = new WsCompressionOptions { ServerContextTakeover = takesOver, ClientContextTakeover = takesOver },
        delivery,
        run,
        new DeflateParameters(15, 15, !takesOver, !takesOver));
}
