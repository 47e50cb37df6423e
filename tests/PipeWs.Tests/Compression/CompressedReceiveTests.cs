using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>Compressed messages that come, whole and in fragments, cut anywhere, good and bad, in both roles (rows 32-35 of the list of bad input).</summary>
public sealed class CompressedReceiveTests
{
    private const string Hello = "C1 87 00000000 F248CDC9C90700";

    public static TheoryData<WsRole, Delivery> Ways()
    {
        var data = new TheoryData<WsRole, Delivery>();
        foreach (Delivery delivery in Enum.GetValues<Delivery>())
        {
            data.Add(WsRole.Server, delivery);
            data.Add(WsRole.Client, delivery);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Messages_are_inflated_however_they_are_cut(WsRole role, Delivery delivery)
    {
        await using ConnectionHarness harness = Start(role, delivery);
        byte[][] messages = [.. Enumerable.Range(0, 40).Select(i => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat($"κόσμε {i} 😀 ", i * i))))];
        byte[][] payloads = DeflateBytes.OfEach(messages);
        for (int i = 0; i < messages.Length; i++)
        {
            int cut = payloads[i].Length * i / 40;
            Task sent = (i % 3) switch
            {
                0 => SendAsync(harness, RawFrame.Text, payloads[i]),
                1 => SendAsync(harness, RawFrame.Text, payloads[i][..cut], payloads[i][cut..]),
                _ => SendAsync(harness, RawFrame.Binary, [], payloads[i][..cut], [], payloads[i][cut..], []),
            };
            await sent;
            (WsMessageType type, byte[] payload) = await harness.Receiver.NextAsync();
            Assert.Equal((i % 3 == 2 ? WsMessageType.Binary : WsMessageType.Text, Encoding.UTF8.GetString(messages[i])), (type, Encoding.UTF8.GetString(payload)));
        }

        Assert.False(harness.Connection.IsClosing);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Messages_in_parts_are_inflated_a_piece_at_a_time(WsRole role, Delivery delivery)
    {
        await using ConnectionHarness harness = Start(role, delivery, run: false);
        harness.Receiver.InParts = static type => type == WsMessageType.Text;
        int largest = 0;
        harness.Receiver.OnPart = part =>
        {
            largest = (int)Math.Max(largest, part.Payload.Length);
            return default;
        };
        harness.Run();
        byte[][] messages = [[], .. Enumerable.Range(1, 12).Select(i => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat($"κόσμε {i} 😀 ", 1 << i)))), new byte[300_000], [65]];
        byte[][] payloads = DeflateBytes.OfEach(messages);
        for (int i = 0; i < messages.Length; i++)
        {
            await SendAsync(harness, RawFrame.Text, payloads[i][..(payloads[i].Length / 2)], payloads[i][(payloads[i].Length / 2)..], []);
            Assert.Equal(messages[i], (await harness.Receiver.NextAsync()).Payload);
        }

        Assert.InRange(largest, 1, 16 * 1024);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Plain_messages_and_control_frames_pass_between_compressed_ones(WsRole role, Delivery delivery)
    {
        await using ConnectionHarness harness = Start(role, delivery);
        byte[][] payloads = DeflateBytes.OfEach("one two three one two three"u8.ToArray(), "three two one three two one"u8.ToArray());

        await SendAsync(harness, RawFrame.Text, payloads[0]);
        await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, "plain"u8));
        await harness.SendAsync(Encode(harness, RawFrame.Text, payloads[1].AsSpan(0, 3), fin: false, rsv: 0x40));
        await harness.SendAsync(harness.Peer.Encode(RawFrame.Ping, "between"u8));
        await harness.SendAsync(harness.Peer.Encode(RawFrame.Continuation, payloads[1].AsSpan(3)));

        foreach (string expected in (string[])["one two three one two three", "plain", "three two one three two one"])
        {
            Assert.Equal(expected, Encoding.ASCII.GetString((await harness.Receiver.NextAsync()).Payload));
        }

        Assert.Equal((RawFrame.Pong, "between"), (await harness.Peer.ReadFrameAsync()) is { } pong ? (pong.Opcode, pong.PayloadText) : default);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Row_32_a_bomb_is_inflated_no_farther_than_the_largest_message(WsRole role, Delivery delivery)
    {
        byte[] bomb = DeflateBytes.Bomb();
        await using ConnectionHarness harness = Start(role, delivery);
        Task sending = SendAsync(harness, RawFrame.Binary, delivery == Delivery.Whole ? bomb : bomb[..5_000]);

        Assert.Equal(1009, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await sending.Soon();
        harness.Peer.Finish();
        Assert.Equal(1009, (await harness.Ended.Soon()).Code);
        Assert.Equal(0, harness.Receiver.MessageCount);
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task Row_32_the_largest_message_passes_and_one_byte_more_does_not(WsRole role)
    {
        foreach (int cut in (int[])[0, 1])
        {
            await using ConnectionHarness harness = Start(role, configure: options => options.MaxMessageBytes = 100_000);
            byte[] message = new byte[100_001];
            new Random(4).NextBytes(message.AsSpan(0, 50_000));
            byte[] exact = DeflateBytes.Of(message.AsSpan(0, 100_000));
            byte[] over = DeflateBytes.Of(message);

            await SendAsync(harness, RawFrame.Binary, exact[..(cut * 500)], exact[(cut * 500)..]);
            Assert.Equal(message[..100_000], (await harness.Receiver.NextAsync()).Payload);
            await SendAsync(harness, RawFrame.Binary, over[..(cut * 500)], over[(cut * 500)..]);
            Assert.Equal(1009, (await harness.FinishAsync()).Close.CloseCode);
        }
    }

    [Fact]
    public async Task Row_32_a_bomb_in_parts_is_read_as_slowly_as_the_receiver_takes_it()
    {
        await using ConnectionHarness harness = Start(run: false);
        long bytes = 0;
        var enough = new TaskCompletionSource();
        harness.Receiver.InParts = static _ => true;
        harness.Receiver.OnPart = async part =>
        {
            bytes += part.Payload.Length;
            Assert.InRange(part.Payload.Length, 0, 16 * 1024);
            if (part.IsLast)
            {
                enough.SetResult();
            }

            await Task.Yield();
        };
        harness.Run();

        await SendAsync(harness, RawFrame.Binary, DeflateBytes.Bomb());
        await enough.Task.Soon();

        Assert.Equal(100_000_000, bytes);
    }

    [Theory]
    [InlineData("C1 83 00000000 FFFFFF")]
    [InlineData("C2 83 00000000 FFFFFF")]
    [InlineData("42 83 00000000 FFFFFF")] // as soon as it is certain, before FIN
    [InlineData("C1 85 00000000 F200110000")] // farther back than the first byte
    [InlineData("C1 87 00000000 F2FFFFFFFFFFFF")]
    public async Task Row_33_garbage_fails_with_1007(string frame) => await FailsAsync(1007, frame);

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Row_34_a_block_with_BFINAL_is_read_twice(WsRole role, Delivery delivery)
    {
        (string Payload, string Says)[] messages =
            [("F3 48 CD C9 C9 07 00 00", "Hello"), ("F2 48 CD C9 C9 07 04", "Hello"), ("F2 48 CD C9 C9 07 00 00 00 FF FF 01", "Hello"), ("01", "")];
        await using ConnectionHarness harness = Start(role, delivery);
        foreach ((string payload, string says) in messages.Concat(messages))
        {
            await SendAsync(harness, RawFrame.Text, RawPeer.Hex(payload));
            Assert.Equal(says, Encoding.ASCII.GetString((await harness.Receiver.NextAsync()).Payload));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_points_back_farther_than_agreed_is_read_however_it_is_cut(WsRole role, Delivery delivery)
    {
        // 1,000 bytes of noise, and 200 of them again from 900 back, of a peer that agreed to a window of 256.
        byte[] noise = new byte[1_000];
        new Random(3).NextBytes(noise);
        byte[] message = [.. noise, .. noise.AsSpan(100, 200)];
        byte[] payload = DeflateBytes.Of(message);
        Assert.InRange(payload.Length, 1_000, 1_100);
        foreach (DeflateParameters agreed in (DeflateParameters[])[new(8, 8, true, true), new(8, 8)])
        {
            await using ConnectionHarness harness = Start(role, delivery, agreed: agreed);
            foreach (int cut in (int[])[0, 500, 900, 1_005, payload.Length])
            {
                await SendAsync(harness, RawFrame.Binary, payload[..cut], payload[cut..]);
                Assert.Equal(message, (await harness.Receiver.NextAsync()).Payload);
            }
        }
    }

    [Theory]
    [InlineData("C1 80 00000000")] // not even the byte that an empty message has
    [InlineData("C1 86 00000000 F248CDC9C907")]
    [InlineData("C1 83 00000000 F248CD")]
    [InlineData("41 83 00000000 F248CD 80 80 00000000")]
    [InlineData("C1 85 00000000 000500FAFF")]
    [InlineData("C1 89 00000000 000500FAFF48656C6C")]
    [InlineData("C1 84 00000000 000500FA")]
    public async Task Row_35_truncated_deflate_fails_with_1007_and_is_no_message(string frame) => await FailsAsync(1007, frame);

    [Theory]
    [InlineData("01 81 00000000 61 C0 81 00000000 00")] // RSV1 on a continuation
    [InlineData("41 81 00000000 F2 C0 86 00000000 48CDC9C90700")]
    [InlineData("C9 80 00000000")]
    [InlineData("CA 80 00000000")]
    [InlineData("C8 80 00000000")]
    [InlineData("E1 87 00000000 F248CDC9C90700")] // RSV2 beside it
    [InlineData("D1 87 00000000 F248CDC9C90700")]
    [InlineData("C3 80 00000000")]
    [InlineData("41 81 00000000 F2 C1 87 00000000 F248CDC9C90700")] // a message inside a message
    public async Task Row_16_RSV1_anywhere_but_on_a_message_fails_with_1002(string frame) => await FailsAsync(1002, frame);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Text_that_is_not_UTF_8_fails_with_1007_before_its_end(bool isWhole)
    {
        byte[] text = [.. "Hello, "u8, 0xC3, 0x28, .. " and more"u8];
        byte[] payload = DeflateBytes.Of(text);
        await using ConnectionHarness harness = Start();
        await (isWhole ? SendAsync(harness, RawFrame.Text, payload) : SendUnfinishedAsync(harness, [.. payload, 0, 0, 0xFF, 0xFF]));

        Assert.Equal(1007, (await harness.FinishAsync()).Close.CloseCode);
        Assert.Equal(0, harness.Receiver.MessageCount);
    }

    [Fact]
    public async Task Text_that_ends_inside_a_character_fails_with_1007()
    {
        await using ConnectionHarness harness = Start();
        await SendAsync(harness, RawFrame.Text, DeflateBytes.Of([0x61, 0xE2, 0x82]));

        Assert.Equal(1007, (await harness.FinishAsync()).Close.CloseCode);
    }

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public async Task History_is_kept_only_where_that_was_agreed(WsRole role)
    {
        bool isServer = role == WsRole.Server;
        await using (ConnectionHarness keeps = Start(role, agreed: new DeflateParameters(15, 15, serverNoContextTakeover: isServer, clientNoContextTakeover: !isServer)))
        {
            await SendAsync(keeps, RawFrame.Text, RawPeer.Hex("F248CDC9C90700"));
            await SendAsync(keeps, RawFrame.Text, RawPeer.Hex("F200110000"));
            Assert.Equal("Hello", Encoding.ASCII.GetString((await keeps.Receiver.NextAsync()).Payload));
            Assert.Equal("Hello", Encoding.ASCII.GetString((await keeps.Receiver.NextAsync()).Payload));
            Assert.True(keeps.Connection.Compression!.HoldsState);
        }

        await using ConnectionHarness forgets = Start(role, agreed: new DeflateParameters(15, 15, serverNoContextTakeover: !isServer, clientNoContextTakeover: isServer));
        await SendAsync(forgets, RawFrame.Text, RawPeer.Hex("F248CDC9C90700"));
        Assert.Equal("Hello", Encoding.ASCII.GetString((await forgets.Receiver.NextAsync()).Payload));
        await forgets.UntilIdleAsync();
        Assert.False(forgets.Connection.Compression!.HoldsState);
        await SendAsync(forgets, RawFrame.Text, RawPeer.Hex("F200110000"));
        Assert.Equal(1007, (await forgets.FinishAsync()).Close.CloseCode);
        Assert.False(forgets.Connection.Compression!.HoldsState);
    }

    [Fact]
    public async Task Empty_blocks_without_end_are_more_than_a_message_may_have()
    {
        await using ConnectionHarness harness = Start(configure: options => options.MaxMessageBytes = 1_000);
        Task sending = SendUnfinishedAsync(harness, [.. Enumerable.Repeat(RawPeer.Hex("000000FFFF"), 13_600).SelectMany(static block => block)]);

        Assert.Equal(1009, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await sending.Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row_23_more_than_1024_fragments_that_become_nothing_fail_with_1008(bool inParts)
    {
        await using ConnectionHarness harness = Start(run: false);
        harness.Receiver.InParts = _ => inParts;
        harness.Run();
        byte[] silent = [0, 0, 0, 0xFF, 0xFF];
        byte[] fragment = Encode(harness, RawFrame.Continuation, silent, fin: false, rsv: 0);

        // What says something in between lets as many follow.
        await SendUnfinishedAsync(harness, silent);
        for (int i = 1; i < 1_024; i++)
        {
            await harness.SendAsync(fragment);
        }

        await harness.SendAsync(Encode(harness, RawFrame.Continuation, RawPeer.Hex("F248CDC9C907 000000FFFF"), fin: false, rsv: 0));
        for (int i = 0; i < 1_023; i++)
        {
            await harness.SendAsync(fragment);
        }

        await harness.SendAsync(Encode(harness, RawFrame.Continuation, [0], fin: true, rsv: 0));
        Assert.Equal("Hello", Encoding.ASCII.GetString((await harness.Receiver.NextAsync()).Payload));

        await SendUnfinishedAsync(harness, silent);
        for (int i = 1; i < 1_025; i++)
        {
            await harness.SendAsync(fragment);
        }

        Assert.Equal(1008, (await harness.FinishAsync()).Close.CloseCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Compressed_bytes_without_end_that_say_nothing_fail_with_1008(bool inParts)
    {
        await using ConnectionHarness harness = Start(run: false);
        harness.Receiver.InParts = _ => inParts;
        harness.Run();
        byte[] enough = [.. Enumerable.Repeat(RawPeer.Hex("000000FFFF"), 13_000).SelectMany(static block => block), 0];
        byte[] tooMany = [.. Enumerable.Repeat(RawPeer.Hex("000000FFFF"), 400_000).SelectMany(static block => block), 0];

        await SendAsync(harness, RawFrame.Text, enough);
        Assert.Empty((await harness.Receiver.NextAsync()).Payload);
        Assert.Equal(enough.Length, harness.Connection.DeflatedPayloadBytes);
        foreach (int length in (int[])[5, 70_000])
        {
            // What comes as it is was nothing else before, however it is read.
            await harness.SendAsync(harness.Peer.Encode(RawFrame.Binary, new byte[length]));
            await harness.Receiver.NextAsync();
            Assert.Equal(0, harness.Connection.DeflatedPayloadBytes);
            await SendAsync(harness, RawFrame.Text, enough);
            await harness.Receiver.NextAsync();
        }

        Task sending = SendAsync(harness, RawFrame.Text, tooMany);

        Assert.Equal(1008, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await sending.Soon();
        Assert.InRange(harness.Connection.BytesReceived, 0, (3 * enough.Length) + 70_100 + (256 * 1024));
    }

    [Fact]
    public async Task A_message_in_many_parts_of_a_byte_is_not_too_large()
    {
        const int Parts = 50_000;
        DuplexPipePair pair = DuplexPipePair.Create();
        using var heartbeat = new WsHeartbeat(TimeProvider.System);
        var options = new WsConnectionOptions { MaxMessageBytes = Parts };
        var agreed = new DeflateParameters(15, 15, true, true);
        await using var server = new WsConnection(pair.Connection, WsRole.Server, options, heartbeat, compression: agreed);
        await using var client = new WsConnection(pair.Peer, WsRole.Client, options, heartbeat, compression: agreed);
        var receiver = new RecordingReceiver();
        Task<WsCloseInfo> serverEnded = server.RunAsync(receiver);
        Task<WsCloseInfo> clientEnded = client.RunAsync(new RecordingReceiver());
        await using (WsMessageWriter writer = client.BeginMessage(WsMessageType.Binary))
        {
            for (int i = 0; i < Parts; i++)
            {
                await writer.WriteAsync(new byte[] { (byte)(i * 31) });
            }

            await writer.CompleteAsync();
        }

        Assert.Equal(Enumerable.Range(0, Parts).Select(static i => (byte)(i * 31)), (await receiver.NextAsync()).Payload);
        Assert.True(client.BytesSent > 10 * Parts);
        await client.CloseAsync(1000, "").AsTask().Soon();
        await Task.WhenAll(serverEnded, clientEnded).Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_cut_into_fragments_of_a_byte_passes(bool inParts)
    {
        await using ConnectionHarness harness = Start(run: false);
        harness.Receiver.InParts = _ => inParts;
        harness.Run();
        var random = new Random(12);
        byte[] message = [.. Enumerable.Range(0, 60_000).Select(_ => (byte)(random.Next(16) * random.Next(16)))];

        await SendAsync(harness, RawFrame.Binary, [.. DeflateBytes.Of(message).Select(static one => (byte[])[one])]);

        Assert.Equal(message, (await harness.Receiver.NextAsync()).Payload);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_message_as_large_as_it_may_be_takes_no_larger_room(int over)
    {
        const int Limit = 64 * 1024;
        int room = 0;
        await using ConnectionHarness harness = Start(configure: options => options.MaxMessageBytes = Limit, run: false);
        var received = new TaskCompletionSource();
        harness.Receiver.OnMessage = (_, payload) =>
        {
            Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(payload.First, out ArraySegment<byte> array));
            room = array.Array!.Length;
            received.SetResult();
            return default;
        };
        harness.Run();

        // What follows its last byte says nothing, or one byte more.
        byte[] payload = [.. DeflateBytes.Of(new byte[Limit + over]), 0, 0, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0];
        await SendAsync(harness, RawFrame.Binary, payload);
        if (over == 0)
        {
            await received.Task.Soon();
            Assert.Equal(Limit, room);
        }
        else
        {
            Assert.Equal(1009, (await harness.FinishAsync()).Close.CloseCode);
            Assert.Equal(0, room);
        }
    }

    [Fact]
    public async Task What_comes_after_a_compressed_message_is_read_in_its_turn()
    {
        await using ConnectionHarness harness = Start();
        await harness.SendAsync(RawPeer.Hex(Hello + " 81 83 00000000 61 62 63 " + Hello + " 88 82 00000000 03E8"));

        foreach (string expected in (string[])["Hello", "abc", "Hello"])
        {
            Assert.Equal(expected, Encoding.ASCII.GetString((await harness.Receiver.NextAsync()).Payload));
        }

        Assert.Equal(1000, (await harness.FinishAsync()).Close.CloseCode);
    }

    private static ConnectionHarness Start(
        WsRole role = WsRole.Server, Delivery delivery = Delivery.Whole, Action<WsConnectionOptions>? configure = null, bool run = true, DeflateParameters agreed = default) =>
        new(role, configure, delivery, run, agreed);

    private static async Task FailsAsync(int code, string frame)
    {
        foreach (bool inParts in (bool[])[false, true])
        {
            foreach (Delivery delivery in Enum.GetValues<Delivery>())
            {
                await using ConnectionHarness harness = Start(delivery: delivery, run: false);
                harness.Receiver.InParts = _ => inParts;
                harness.Run();
                await harness.SendAsync(RawPeer.Hex(frame));
                (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();
                Assert.Equal((code, (ushort)code), (close.CloseCode, info.Code));
                Assert.Equal(0, harness.Receiver.MessageCount);
            }
        }
    }

    private static async Task SendAsync(ConnectionHarness harness, int opcode, params byte[][] fragments)
    {
        for (int i = 0; i < fragments.Length; i++)
        {
            await harness.SendAsync(Encode(harness, i == 0 ? opcode : RawFrame.Continuation, fragments[i], fin: i == fragments.Length - 1, rsv: i == 0 ? 0x40 : 0));
        }
    }

    private static Task SendUnfinishedAsync(ConnectionHarness harness, byte[] fragment) =>
        harness.SendAsync(Encode(harness, RawFrame.Text, fragment, fin: false, rsv: 0x40));

    private static byte[] Encode(ConnectionHarness harness, int opcode, ReadOnlySpan<byte> payload, bool fin, int rsv) =>
        RawFrame.Encode(opcode, payload, fin, harness.Peer.Masks ? 0x37FA213D : null, rsv);
}
