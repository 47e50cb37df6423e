using System.IO.Compression;
using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 13, 16, 23 and 32-36 where permessage-deflate is on, with their literal bytes, over a socket through each door.</summary>
[Collection(AloneCollection.Name)]
public sealed class CompressionRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_13_the_first_offer_that_can_be_granted_is_and_others_are_declined(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        (string Offer, string? Answer)[] offers =
        [
            ("permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9"),
            ("permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=12", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"),
            (string.Join(',', Enumerable.Repeat("permessage-deflate;x", 380)) + ",permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ("permessage-deflate; server_max_window_bits=7", null),
            ("permessage-deflate; server_max_window_bits=16", null),
            ("permessage-deflate; client_max_window_bits=16", null),
            ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", null),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", null),
            ("permessage-deflate; server_max_window_bits=\"10", null),
            ("permessage-deflate; unknown", null),
            ("x-webkit-deflate-frame", null),
            ("permessage-deflate; =, permessage-deflate", null),
        ];
        foreach ((string offer, string? expected) in offers)
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(Handshake(offer));
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal((101, expected), (answer.StatusCode, answer["Sec-WebSocket-Extensions"]));
            if (expected is null)
            {
                await peer.AskAsync("plain", "plain");
                continue;
            }

            await peer.SendFrameAsync(Opcode.Text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], rsv: 0x40);
            Assert.Equal("Hello", await peer.ReadTextAsync());
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_window_below_the_least_is_declined_and_the_next_offer_is_looked_at(Door door, bool isSecure)
    {
        const string Forgets = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        await using HubServer server = await StartAsync(door, isSecure, static compression => compression.ServerMinWindowBits = 11);
        (string Offer, string? Answer)[] offers =
        [
            ("permessage-deflate; server_max_window_bits=10", null),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9", null),
            ("permessage-deflate; server_max_window_bits=11", Forgets + "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=12", Forgets + "; server_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9, permessage-deflate", Forgets),
            ("permessage-deflate; client_max_window_bits=8", Forgets + "; client_max_window_bits=8"),
        ];
        string text = string.Join(' ', Enumerable.Range(0, 1_000));
        foreach ((string offer, string? expected) in offers)
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(Handshake(offer));
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal((101, expected), (answer.StatusCode, answer["Sec-WebSocket-Extensions"]));
            await peer.SendTextAsync(text);
            RawFrame sent = await peer.ReadFrameAsync();
            Assert.Equal((expected is null ? 0 : 0x40, expected is null), (sent.Rsv, sent.Text == text));
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Offers_are_declined_where_the_hub_does_not_compress(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(Handshake("permessage-deflate"));

        Assert.Null((await peer.ReadAnswerAsync())["Sec-WebSocket-Extensions"]);
        await peer.SendFrameAsync(Opcode.Text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], rsv: 0x40);
        await peer.ReadCloseAsync(1002);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_16_RSV1_is_for_the_first_frame_of_a_message_alone(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            "01 81 00000000 61 C0 81 00000000 00",
            "41 81 00000000 F2 C0 86 00000000 48CDC9C90700",
            "C9 80 00000000",
            "C8 80 00000000",
            "E1 87 00000000 F248CDC9C90700",
            "A1 85 00000000 48656C6C6F");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_23_more_than_1024_fragments_that_become_nothing_fail_with_1008(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        byte[] first = Hex("42 85 00000000 00 00 00 FF FF");
        byte[] more = Hex("00 85 00000000 00 00 00 FF FF");
        await using (RawPeer peer = await OpenAsync(server))
        {
            await peer.SendAsync([.. first, .. Enumerable.Repeat(more, 1_023).SelectMany(static frame => frame), .. Hex("80 81 00000000 00")]);
            Assert.Empty((await peer.ReadFrameAsync()).Payload);
            await peer.CloseAsync();
        }

        await using (RawPeer peer = await OpenAsync(server))
        {
            await peer.SendAsync([.. first, .. Enumerable.Repeat(more, 1_024).SelectMany(static frame => frame)]);
            await peer.ReadCloseAsync(1008);
        }

        await server.AssertUndisturbedAsync(1);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_32_a_bomb_is_inflated_no_farther_than_the_largest_message(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        byte[] bomb = Deflate(new byte[100 * 1024 * 1024], CompressionLevel.SmallestSize);
        Assert.InRange(bomb.Length, 90_000, 110_000);
        await using RawPeer peer = await OpenAsync(server);
        long before = GC.GetTotalAllocatedBytes(precise: true);

        await peer.SendFrameAsync(Opcode.Binary, bomb, rsv: 0x40);
        await peer.ReadCloseAsync(1009);

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 16 * 1024 * 1024);
        await server.AssertUndisturbedAsync(1);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_33_garbage_and_distances_too_far_back_fail_with_1007(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        await FailsAsync(server, 1007, "C1 83 00000000 FFFFFF", "42 83 00000000 FFFFFF", "C2 85 00000000 F200110000");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_34_a_block_with_BFINAL_twice_is_Hello_both_times(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        await using RawPeer peer = await OpenAsync(server);
        foreach (string hex in (string[])["C1 88 00000000 F3 48 CD C9 C9 07 00 00", "C1 87 00000000 F2 48 CD C9 C9 07 04", "C1 8C 00000000 F2 48 CD C9 C9 07 00 00 00 FF FF 01"])
        {
            byte[] frame = Hex(hex);
            await peer.SendAsync([.. frame, .. frame]);
            Assert.Equal("Hello", await peer.ReadTextAsync());
            Assert.Equal("Hello", await peer.ReadTextAsync());
        }

        await peer.SendAsync(Hex("C1 81 00000000 01"));
        Assert.Equal("", await peer.ReadTextAsync());
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_35_truncated_deflate_fails_with_1007_and_no_handler_sees_it(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure);
        await FailsAsync(server, 1007, "C1 86 00000000 F248CDC9C907", "C1 80 00000000", "C1 83 00000000 F248CD", "41 83 00000000 F248CD 80 80 00000000");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_36_contexts_are_off_unless_asked_for(Door door, bool isSecure)
    {
        await using (HubServer server = await StartAsync(door, isSecure))
        {
            await using RawPeer peer = await OpenAsync(server);
            await peer.SendAsync(Hex("C1 87 00000000 F248CDC9C90700"));
            Assert.Equal("Hello", await peer.ReadTextAsync());
            Assert.All(server.Hub.Connections, static connection => Assert.NotEqual(true, ((HubConnection)connection).Ws.Compression?.HoldsState));

            // Points back into the message before.
            await peer.SendAsync(Hex("C1 85 00000000 F200110000"));
            await peer.ReadCloseAsync(1007);
        }

        await using (HubServer server = await StartAsync(door, isSecure, static compression => compression.ClientContextTakeover = compression.ServerContextTakeover = true))
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(Handshake("permessage-deflate"));
            Assert.Equal("permessage-deflate", (await peer.ReadAnswerAsync())["Sec-WebSocket-Extensions"]);
            await peer.SendAsync(Hex("C1 87 00000000 F248CDC9C90700 C1 85 00000000 F200110000"));
            Assert.Equal("Hello", await peer.ReadTextAsync());
            Assert.Equal("Hello", await peer.ReadTextAsync());
        }
    }

    /// <summary>10,000 where PIPEWS_LONG is set; each has its own reader here.</summary>
    [Fact]
    public async Task Row_36_idle_connections_of_a_hub_hold_no_state_of_zlib()
    {
        int connections = Environment.GetEnvironmentVariable("PIPEWS_LONG") is { Length: > 0 } ? 10_000 : 1_000;
        long before = DeflateSupport.NativeStates;
        using var hub = new TestHub(static options => options.Compression = new WsCompressionOptions());
        HubPeer[] peers = [.. Enumerable.Range(0, connections).Select(_ => new HubPeer(hub.Hub, compression: new DeflateParameters(15, 15, true, true)))];
        foreach (HubPeer peer in peers)
        {
            await peer.SendAsync("""{"id":"1","type":"subscribe","topic":"a"}""");
        }

        await PipeWs.Shared.Conditions.UntilAsync(() => hub.Hub.Room("a").MemberCount == connections, "all are members");
        string text = new('x', 2_000);
        hub.Hub.Room("a").Publish(Encoding.UTF8.GetBytes($"\"{text}\""));
        foreach (HubPeer peer in peers)
        {
            await peer.UntilAsync(texts => texts.Exists(one => one.Contains(text, StringComparison.Ordinal)), "the room's message");
        }

        Assert.Equal(1, hub.Hub.CompressionCounters.SharedDeflates);
        Assert.All(hub.Hub.Connections, static connection => Assert.False(((HubConnection)connection).Ws.Compression!.HoldsState));
        Assert.InRange(DeflateSupport.NativeStates, 0, before + (2 * (DeflatePools.MaxRetained + 1)));
        foreach (HubPeer peer in peers)
        {
            await peer.DisposeAsync();
        }
    }

    private static Task<HubServer> StartAsync(Door door, bool isSecure, Action<WsCompressionOptions>? configure = null) => HubServer.EchoAsync(door, isSecure, options =>
    {
        options.Compression = new WsCompressionOptions();
        configure?.Invoke(options.Compression);
    });

    private static string Handshake(string offer) => RawPeer.Handshake(more: "Sec-WebSocket-Extensions: " + offer);

    private static Task<RawPeer> OpenAsync(HubServer server) => server.OpenAsync(Handshake("permessage-deflate"));

    private static async Task FailsAsync(HubServer server, int code, params string[] inputs)
    {
        foreach (string input in inputs)
        {
            await using RawPeer peer = await OpenAsync(server);
            await peer.SendAsync(Hex(input));
            await peer.ReadCloseAsync(code);
        }

        await server.AssertUndisturbedAsync(inputs.Length);
    }

    private static byte[] Deflate(byte[] message, CompressionLevel level)
    {
        using var compressed = new MemoryStream();
        using var deflate = new DeflateStream(compressed, level);
        deflate.Write(message);
        deflate.Flush();
        return compressed.ToArray()[..^4];
    }
}
