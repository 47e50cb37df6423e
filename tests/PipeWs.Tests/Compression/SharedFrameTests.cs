using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>The compressed forms of a shared frame, and the pools of what makes them.</summary>
[Collection(AloneCollection.Name)]
public sealed class SharedFrameTests
{
    private static readonly byte[] s_text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, and ", 500)));

    [Fact]
    public void A_frame_is_compressed_once_for_each_window_that_matters()
    {
        long before = WsFramePool.Outstanding;
        var counters = new CompressionCounters();
        WsFrame frame = WsFrame.Create(WsMessageType.Text, s_text);
        WsFrame? widest = frame.GetDeflated(15, 1, counters);
        WsFrame? narrow = frame.GetDeflated(10, 1, counters);

        Assert.NotNull(widest);
        Assert.NotNull(narrow);
        Assert.NotSame(widest, narrow);
        Assert.Same(narrow, frame.GetDeflated(10, 1, counters));
        Assert.NotNull(frame.GetDeflated(12, 1, counters));
        Assert.Equal(3, counters.SharedDeflates);

        // 10,000 bytes lie within 14 bits of window, whichever form there is.
        Assert.NotNull(frame.GetDeflated(15, 1, counters));
        Assert.NotNull(frame.GetDeflated(14, 1, counters));
        Assert.Equal(3, counters.SharedDeflates);
        Assert.Equal(s_text, DeflateBytes.Inflate(widest.Payload.ToArray()));
        Assert.Equal(s_text, DeflateBytes.Inflate(narrow.Payload.ToArray()));
        Assert.Equal(0xC1, widest.Bytes[0]);
        Assert.Equal(before + 4, WsFramePool.Outstanding);
        frame.Release();
        Assert.Equal(before, WsFramePool.Outstanding);
    }

    [Theory]
    [InlineData(3_000)]
    [InlineData(60_000)]
    [InlineData(1_000_000)]
    public void A_compressed_form_holds_no_more_room_than_it_needs(int length)
    {
        WsFrame frame = WsFrame.Create(WsMessageType.Text, [.. Enumerable.Repeat(s_text, 1 + (length / s_text.Length)).SelectMany(static text => text).Take(length)]);
        foreach (int windowBits in (int[])[15, 12, 9])
        {
            WsFrame form = frame.GetDeflated(windowBits, 1, new CompressionCounters())!;

            Assert.InRange(form.Buffer.Length, 1, Math.Max(WsFramePool.MaxKeptBytes, 2 * (form.PayloadLength + FrameHeader.MaxLength)));
        }

        frame.Release();
    }

    [Fact]
    public void A_frame_that_becomes_no_shorter_is_found_out_once()
    {
        long before = WsFramePool.Outstanding;
        var counters = new CompressionCounters();
        byte[] noise = new byte[40_000];
        new Random(1).NextBytes(noise);
        WsFrame frame = WsFrame.Create(WsMessageType.Binary, noise);
        WsFrame small = WsFrame.Create(WsMessageType.Binary, noise.AsSpan(0, 300));
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(frame.GetDeflated(15, 1, counters));
            Assert.Null(frame.GetDeflated(9, 1, counters));
            Assert.Null(small.GetDeflated(15, 1, counters));
            Assert.Null(small.GetDeflated(9, 1, counters));
        }

        Assert.Equal(3, counters.SharedDeflates);
        frame.Release();
        small.Release();
        Assert.Equal(before, WsFramePool.Outstanding);
    }

    [Fact]
    public void A_frame_is_as_new_when_it_comes_from_the_pool_again()
    {
        var counters = new CompressionCounters();
        for (int i = 0; i < 100; i++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, Encoding.UTF8.GetBytes($"{i} " + new string((char)('a' + (i % 26)), 1_000)));
            Assert.False(frame.NeverCompress);
            Assert.Equal(frame.Payload.ToArray(), DeflateBytes.Inflate(frame.GetDeflated(15, 1, counters)!.Payload.ToArray()));
            frame.NeverCompress = true;
            frame.Release();
        }

        Assert.Equal(100, counters.SharedDeflates);
    }

    [Fact]
    public async Task Many_threads_that_need_the_same_form_make_it_once()
    {
        long before = WsFramePool.Outstanding;
        var counters = new CompressionCounters();
        for (int round = 1; round <= 200; round++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, s_text);
            using var start = new Barrier(4);
            WsFrame?[] forms = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    return frame.GetDeflated(15, 1, counters);
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));
            Assert.All(forms, form => Assert.Same(forms[0], form));
            Assert.Equal(round, counters.SharedDeflates);
            frame.Release();
        }

        Assert.Equal(before, WsFramePool.Outstanding);
    }

    [Fact]
    public void Pools_give_back_the_states_they_do_not_keep()
    {
        long before = DeflateSupport.NativeStates;
        MessageInflater[] inflaters = [.. Enumerable.Range(0, 100).Select(static _ => DeflatePools.Inflaters.Get())];
        MessageDeflater[] deflaters = [.. Enumerable.Range(0, 100).Select(static _ => DeflatePools.Deflaters(11, 3).Get())];
        Assert.InRange(DeflateSupport.NativeStates, before, before + 200);
        Assert.All(deflaters, static deflater => Assert.Equal((11, 3), (deflater.WindowBits, deflater.Level)));
        Array.ForEach(inflaters, DeflatePools.Inflaters.Return);
        Array.ForEach(deflaters, DeflatePools.Deflaters(11, 3).Return);

        // The provider's pools keep one more than they are told to.
        Assert.InRange(DeflateSupport.NativeStates, 0, before + (2 * (DeflatePools.MaxRetained + 1)));
    }
}
