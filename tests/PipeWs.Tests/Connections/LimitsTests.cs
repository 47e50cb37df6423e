using System.Text;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>What a peer can make a connection hold or wait for (rows 20-23, 26 and 30 of the list of bad input).</summary>
[Collection(AloneCollection.Name)]
public sealed class LimitsTests
{
    public static TheoryData<Action<WsConnectionOptions>, string> Impossible => new()
    {
        { static options => options.FlushBytes = 0, "FlushBytes is 0; it must be at least 1." },
        { static options => options.SendBacklogBytes = 0, "SendBacklogBytes is 0; it must be at least 1." },
        { static options => options.MaxSendBacklogBytes = -1, "MaxSendBacklogBytes is -1; it must be at least 0." },
        { static options => options.MaxMessageBytes = -1, "MaxMessageBytes is -1; it must be at least 0." },
        { static options => options.CloseTimeout = TimeSpan.MaxValue, $"CloseTimeout is {TimeSpan.MaxValue}; it must be from 0 to 24.20:31:23.6470000, or infinite." },
        { static options => options.PingInterval = TimeSpan.FromSeconds(-1), "PingInterval is -00:00:01; it must be from 0 to 24.20:31:23.6470000, or infinite." },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_no_connection_could_work_with_is_refused(Action<WsConnectionOptions> configure, string message)
    {
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => new ConnectionHarness(configure: configure, run: false)).Message);
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task A_message_of_exactly_the_largest_size_passes(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);
        byte[] message = new byte[1024 * 1024];
        new Random(1).NextBytes(message);

        await harness.Peer.SendFrameAsync(RawFrame.Binary, message);
        Assert.Equal(message, (await harness.Receiver.NextAsync()).Payload);
        await harness.Peer.SendFrameAsync(RawFrame.Binary, message.AsMemory(0, 7), fin: false);
        await harness.Peer.SendFrameAsync(RawFrame.Continuation, message.AsMemory(7));
        Assert.Equal(message, (await harness.Receiver.NextAsync()).Payload);
    }

    [Fact]
    public async Task Memory_follows_the_bytes_that_came_not_the_length_announced()
    {
        await using var harness = new ConnectionHarness(configure: options => options.MaxMessageBytes = 2_000_000_000, delivery: Delivery.ByteByByte);
        await harness.SendAsync(RawPeer.Hex("82 FF 00 00 00 00 70 00 00 00 00 00 00 00"));
        await harness.SendAsync([1]);

        long before = GC.GetTotalAllocatedBytes(precise: true);
        await harness.SendAsync(new byte[2_000]);

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 4_000_000);
        Assert.False(harness.Connection.IsClosing);
    }

    [Fact]
    public async Task The_largest_message_is_a_limit_of_memory_even_where_none_was_meant()
    {
        await using var harness = new ConnectionHarness(configure: options => options.MaxMessageBytes = long.MaxValue);

        await harness.SendAsync(RawPeer.Hex("02 81 00000000 AA 80 FF 00 00 00 00 7F FF FF FF 00000000"));
        (RawFrame close, _) = await harness.FinishAsync();

        Assert.Equal(1009, close.CloseCode);
    }

    [Theory]
    [InlineData("81")]
    [InlineData("81 85 00 00")]
    [InlineData("81 85 00 00 00 00")]
    [InlineData("81 85 00 00 00 00 48 65")]
    [InlineData("01 81 00 00 00 00 48 80")]
    [InlineData("89 82 00 00 00 00 48")]
    public async Task Half_a_frame_and_then_silence_fails_after_the_frame_timeout(string bytes)
    {
        foreach (Delivery delivery in Enum.GetValues<Delivery>())
        {
            await using var harness = new ConnectionHarness(delivery: delivery, configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);

            await harness.SendAsync(RawPeer.Hex(bytes));
            await harness.UntilIdleAsync();
            await harness.AdvanceAsync(TimeSpan.FromSeconds(29));
            Assert.False(harness.Connection.IsClosing);
            await harness.AdvanceAsync(TimeSpan.FromSeconds(3), () => harness.Connection.IsClosing);
            (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

            Assert.Equal(1008, close.CloseCode);
            Assert.Equal((1008, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
        }
    }

    [Fact]
    public async Task After_the_frame_timeout_the_transport_is_not_left_to_the_peer()
    {
        await using var harness = new ConnectionHarness(configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);

        await harness.SendAsync(RawPeer.Hex("81 85 00"));
        await harness.UntilIdleAsync();
        await harness.AdvanceAsync(TimeSpan.FromSeconds(32), () => harness.Connection.IsClosing);
        Assert.Equal(1008, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await Conditions.UntilAsync(
            () =>
            {
                harness.Clock.Advance(TimeSpan.FromMilliseconds(100));
                return harness.Ended.IsCompleted;
            },
            "it ends");

        Assert.Null(await harness.Peer.TryReadFrameAsync());
    }

    [Fact]
    public async Task A_frame_that_comes_byte_by_byte_is_progress()
    {
        await using var harness = new ConnectionHarness(delivery: Delivery.ByteByByte, configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);

        foreach (byte next in RawPeer.Hex("81 85 37 FA 21 3D 7F 9F 4D 51 58"))
        {
            await harness.SendAsync([next]);
            await harness.UntilIdleAsync();
            await harness.AdvanceAsync(TimeSpan.FromSeconds(29));
        }

        Assert.Equal("Hello"u8.ToArray(), (await harness.Receiver.NextAsync()).Payload);
    }

    [Fact]
    public async Task Silence_between_frames_is_no_half_frame()
    {
        await using var harness = new ConnectionHarness(configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);

        await harness.Peer.SendFrameAsync(RawFrame.Text, "half"u8.ToArray(), fin: false);
        await harness.AdvanceAsync(TimeSpan.FromMinutes(10));
        await harness.Peer.SendFrameAsync(RawFrame.Continuation, " whole"u8.ToArray());

        Assert.Equal("half whole"u8.ToArray(), (await harness.Receiver.NextAsync()).Payload);
    }

    [Fact]
    public async Task Many_small_fragments_cost_their_payload_and_nothing_more()
    {
        await using var harness = new ConnectionHarness(configure: options => options.MaxMessageBytes = 4 * 1024 * 1024);
        byte[] fragment = Encoding.ASCII.GetBytes(new string('a', 64));
        byte[] first = harness.Peer.Encode(RawFrame.Text, fragment, fin: false);
        byte[] middle = harness.Peer.Encode(RawFrame.Continuation, fragment, fin: false);

        await harness.Peer.SendAsync(first);
        for (int i = 2; i < 65_536; i++)
        {
            await harness.Peer.SendAsync(middle);
        }

        await harness.Peer.SendFrameAsync(RawFrame.Continuation, fragment);

        byte[] message = (await harness.Receiver.NextAsync()).Payload;
        Assert.Equal(65_536 * 64, message.Length);
        Assert.Equal(-1, message.AsSpan().IndexOfAnyExcept((byte)'a'));
    }

    [Fact]
    public async Task One_byte_continuations_pass_up_to_the_largest_message()
    {
        await using var harness = new ConnectionHarness();

        await harness.Peer.SendAsync(RawPeer.Hex("02 81 00000000 2A"));
        byte[] continuations = Enumerable.Repeat(RawPeer.Hex("00 81 00000000 2A"), 131_000).SelectMany(bytes => bytes).ToArray();
        await harness.Peer.SendAsync(continuations, 4096);
        await harness.Peer.SendAsync(RawPeer.Hex("80 80 00000000"));

        Assert.Equal(131_001, (await harness.Receiver.NextAsync()).Payload.Length);
    }

    [Theory]
    [InlineData(1024, false, WsRole.Server)]
    [InlineData(1025, true, WsRole.Server)]
    [InlineData(1024, false, WsRole.Client)]
    [InlineData(1025, true, WsRole.Client)]
    public async Task Empty_fragments_are_counted(int count, bool fails, WsRole role)
    {
        foreach (bool inParts in new[] { false, true })
        {
            await using var harness = new ConnectionHarness(role, run: false);
            harness.Receiver.InParts = _ => inParts;
            harness.Run();
            await harness.Peer.SendFrameAsync(RawFrame.Binary, default, fin: false);
            for (int i = 1; i < count; i++)
            {
                await harness.Peer.SendFrameAsync(RawFrame.Continuation, default, fin: false);
            }

            await harness.Peer.SendFrameAsync(RawFrame.Continuation, default);
            if (fails)
            {
                Assert.Equal(1008, (await harness.FinishAsync()).Close.CloseCode);
            }
            else
            {
                Assert.Empty((await harness.Receiver.NextAsync()).Payload);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(125)]
    public async Task A_ping_flood_from_a_peer_that_does_not_read_is_bounded_and_every_ping_read_is_answered(int payloadBytes)
    {
        await using var harness = new ConnectionHarness(configure: options => options.SendTimeout = Timeout.InfiniteTimeSpan);
        harness.Output.Hold();
        int sent = 0;
        using var stop = new CancellationTokenSource();
        Task flood = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested && sent < 200_000)
            {
                byte[] payload = new byte[payloadBytes];
                if (payloadBytes > 0)
                {
                    BitConverter.TryWriteBytes(payload, sent);
                }

                // Many at a time, as a flood does.
                int count = payloadBytes > 0 ? 1 : 100;
                byte[] frames = Enumerable.Repeat(harness.Peer.Encode(RawFrame.Ping, payload), count).SelectMany(bytes => bytes).ToArray();
                sent += count;
                await harness.Peer.Output.WriteAsync(frames);
            }
        });

        int last = -1;
        int still = 0;
        await Conditions.UntilAsync(
            () =>
            {
                int now = Volatile.Read(ref sent);
                still = now == last ? still + 1 : 0;
                last = now;
                return still > 50;
            },
            "the connection stops reading");
        Assert.InRange(harness.Connection.BacklogBytes, 0, (64 * 1024) + OutboundNode.ControlNodeBytes);
        Assert.False(flood.IsCompleted);

        await stop.CancelAsync();
        harness.Output.Release();
        for (int i = 0; i < sent; i++)
        {
            RawFrame pong = await harness.Peer.ReadFrameAsync();
            Assert.Equal(RawFrame.Pong, pong.Opcode);
            Assert.Equal(payloadBytes, pong.Payload.Length);
            if (payloadBytes > 0)
            {
                Assert.Equal(i, BitConverter.ToInt32(pong.Payload));
            }
        }

        await flood.Soon();
    }

    [Fact]
    public async Task A_peer_that_asks_and_does_not_read_is_not_read_from()
    {
        await using var harness = new ConnectionHarness(run: false);
        int handled = 0;
        harness.Receiver.OnMessage = (_, _) =>
        {
            handled++;
            Assert.True(harness.Connection.TrySend(WsMessageType.Binary, new byte[8_000]));
            return default;
        };
        harness.Run();
        harness.Output.Hold();

        byte[] frames = Enumerable.Repeat(harness.Peer.Encode(RawFrame.Text, "x"u8), 1_000).SelectMany(bytes => bytes).ToArray();
        Task sending = harness.Peer.SendAsync(frames);
        await Conditions.UntilAsync(() => harness.Connection.BacklogBytes >= 64 * 1024, "the backlog fills");
        Assert.False(harness.Input.IsIdle);
        Assert.InRange(handled, 8, 30);

        harness.Output.Release();
        for (int i = 0; i < 1_000; i++)
        {
            Assert.Equal(8_000, (await harness.Peer.ReadFrameAsync()).Payload.Length);
        }

        await sending;
    }

    [Fact]
    public async Task Text_is_judged_as_soon_as_it_is_certain_however_it_is_split()
    {
        byte[][] invalid =
        [
            RawPeer.Hex("CE BA E1 BD B9 CF 83 CE BC CE B5 ED A0 80 65 64"),
            RawPeer.Hex("61 F4 90 80 80"),
            RawPeer.Hex("F0 80 80 80"),
            RawPeer.Hex("61 62 63 C0"),
            RawPeer.Hex("E0 9F 80"),
            RawPeer.Hex("FE"),
        ];
        int[] certainAfter = [13, 3, 2, 4, 2, 1];
        for (int which = 0; which < invalid.Length; which++)
        {
            // Up to the byte that makes it certain it stays open, as a frame that is not whole and as fragments; with that byte it fails.
            for (int firstFragment = 0; firstFragment <= certainAfter[which]; firstFragment++)
            {
                await using var harness = new ConnectionHarness(delivery: Delivery.ByteByByte);
                ReadOnlyMemory<byte> bytes = invalid[which];
                int certain = certainAfter[which];
                await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, bytes.Span[..firstFragment], fin: false));
                if (firstFragment < certain)
                {
                    byte[] rest = harness.Peer.Encode(RawFrame.Continuation, new byte[100], fin: false);
                    byte[] open = harness.Peer.Encode(RawFrame.Continuation, [.. bytes.Span[firstFragment..], .. new byte[100]], fin: false);
                    int header = rest.Length - 100;
                    await harness.SendAsync(open[..(header + certain - firstFragment - 1)]);
                    await harness.UntilIdleAsync();
                    Assert.False(harness.Connection.IsClosing);
                    await harness.SendAsync(open[(header + certain - firstFragment - 1)..(header + certain - firstFragment)]);
                }

                Assert.Equal(1007, (await harness.FinishAsync()).Close.CloseCode);
            }
        }
    }
}
