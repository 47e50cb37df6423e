using System.IO.Compression;
using System.Text;
using System.Text.Json.Serialization;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Hardening;

/// <summary>What a server may not do where compression was offered: rows 13, 16 and 32-36 for the client.</summary>
public sealed partial class CompressionRowsTests
{
    private const string Agreed = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";

    [Theory]
    [InlineData("permessage-deflate", "server_no_context_takeover is missing")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=7", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=16", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover; client_max_window_bits", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_no_context_takeover", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover", "twice")]
    [InlineData("permessage-deflate; server_no_context_takeover; foo", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=\"15", "malformed")]
    [InlineData("x-webkit-deflate-frame", "not offered")]
    public async Task Row_13_an_answer_that_does_not_keep_to_the_offer_fails_the_handshake(string extensions, string message)
    {
        await using ScriptedServer server = ScriptedServer.Listen(peer => peer.AcceptAsync($"Sec-WebSocket-Extensions: {extensions}\r\n"));
        await using WsClient client = server.CreateClient(static o => o.Compression = new());

        var error = await Assert.ThrowsAsync<WsHandshakeException>(() => client.StartAsync().Soon());

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_offer_says_what_the_options_ask_for_and_an_agreement_is_kept()
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, and ", 50)));
        var seen = new TaskCompletionSource<(string? Offer, RawFrame Compressed, RawFrame Plain)>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync(Agreed);
            seen.TrySetResult((peer.Header("Sec-WebSocket-Extensions"), await peer.Frames.ReadFrameAsync(), await peer.Frames.ReadFrameAsync()));
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(static o => o.Compression = new() { ServerMaxWindowBits = 15, ClientMaxWindowBits = 11 });
        await client.StartAsync().Soon();
        Assert.True(client.Connection!.IsCompressed);
        await client.SendAsync(text).Soon();
        await client.SendAsync(text, WsMessageType.Text, new WsSendOptions(NeverCompress: true)).Soon();

        (string? offer, RawFrame compressed, RawFrame plain) = await seen.Task.Soon();
        Assert.Equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=11", offer);
        Assert.Equal(0x40, compressed.Rsv);
        Assert.Equal(text, Inflate(compressed.Payload));
        Assert.Equal((0, text.Length), (plain.Rsv, plain.Payload.Length));
    }

    [Fact]
    public async Task Every_way_to_send_can_say_that_a_message_is_never_compressed()
    {
        string text = new('x', 1_000);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var never = new WsSendOptions(NeverCompress: true);
        var seen = new TaskCompletionSource<List<int>>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync(Agreed);
            List<int> rsv = [];
            while (rsv.Count < 14)
            {
                rsv.Add((await peer.Frames.ReadFrameAsync()).Rsv);
            }

            seen.TrySetResult(rsv);
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.Compression = new();
            o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) =>
            {
                foreach (WsSendOptions options in (WsSendOptions[])[default, never])
                {
                    await connection.SendAsync(bytes, WsMessageType.Text, options, cancellationToken);
                    await connection.SendTextAsync(text, options, cancellationToken);
                    await connection.SendJsonAsync(text, Json.Default.String, options, cancellationToken);
                }
            }));
        });

        await client.StartAsync().Soon();
        foreach (WsSendOptions options in (WsSendOptions[])[default, never])
        {
            await client.SendAsync(bytes, WsMessageType.Text, options).Soon();
            await client.SendTextAsync(text, options).Soon();
            await client.SendJsonAsync(text, Json.Default.String, options).Soon();
            Assert.True(client.TrySend(bytes, WsMessageType.Text, options));
        }

        Assert.Equal([0x40, 0x40, 0x40, 0, 0, 0, 0x40, 0x40, 0x40, 0x40, 0, 0, 0, 0], await seen.Task.Soon());
    }

    [Fact]
    public async Task A_server_that_declines_is_spoken_to_uncompressed()
    {
        var seen = new TaskCompletionSource<RawFrame>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            seen.TrySetResult(await peer.Frames.ReadFrameAsync());
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(static o => o.Compression = new());
        await client.StartAsync().Soon();
        Assert.False(client.Connection!.IsCompressed);
        await client.SendAsync(new byte[1_000], WsMessageType.Binary).Soon();

        Assert.Equal((0, 1_000), (await seen.Task.Soon()) is { } frame ? (frame.Rsv, frame.Payload.Length) : default);
    }

    [Theory]
    [InlineData("C2 03 FFFFFF", 1007)] // Row 33: garbage.
    [InlineData("C2 05 F200110000", 1007)] // Row 33: a distance too far back.
    [InlineData("C1 06 F248CDC9C907", 1007)] // Row 35: truncated.
    [InlineData("C1 00", 1007)] // Row 35: nothing at all.
    [InlineData("41 03 F248CD 80 00", 1007)] // Row 35: truncated, in fragments.
    [InlineData("C1 07 F248CDC9C90700 C1 05 F200110000", 1007)] // Row 36: points back, though the context was not asked for.
    [InlineData("41 01 F2 C0 06 48CDC9C90700", 1002)] // Row 16: RSV1 on a continuation.
    [InlineData("C9 00", 1002)] // Row 16: RSV1 on a ping.
    [InlineData("E1 07 F248CDC9C90700", 1002)] // Row 16: RSV2 beside it.
    public Task Rows_16_and_33_to_36_a_bad_frame_from_the_server_fails_the_connection(string hex, int code) => FailsAsync(RawPeer.Hex(hex), code);

    [Fact]
    public Task Row_32_a_bomb_from_the_server_is_inflated_no_farther_than_the_largest_message()
    {
        using var compressed = new MemoryStream();
        using (var deflate = new DeflateStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            deflate.Write(new byte[100 * 1024 * 1024]);
            deflate.Flush();
        }

        return FailsAsync(RawFrame.Encode(RawFrame.Binary, compressed.ToArray(), rsv: 0x40), 1009);
    }

    [Fact]
    public async Task Row_34_a_block_with_BFINAL_is_Hello_every_time()
    {
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync(Agreed);
            await peer.Frames.SendAsync(RawPeer.Hex("C1 08 F3 48 CD C9 C9 07 00 00 C1 07 F2 48 CD C9 C9 07 04 C1 08 F3 48 CD C9 C9 07 00 00"));
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(static o => o.Compression = new());
        await client.StartAsync().Soon();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.True(client.TryRead(out WsClientMessage message));
            Assert.Equal("Hello", Encoding.ASCII.GetString(message.Payload.Span));
            message.Dispose();
        }
    }

    private static async Task FailsAsync(byte[] frames, int code)
    {
        var seen = new TaskCompletionSource<RawFrame>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync(Agreed);
            await peer.Frames.SendAsync(frames);
            seen.TrySetResult(await peer.Frames.ReadFrameAsync());
        });
        await using WsClient client = server.CreateClient(static o =>
        {
            o.Compression = new();
            o.ReconnectPolicy = WsReconnectPolicy.Never;
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        RawFrame close = await seen.Task.Soon();
        Assert.Equal((RawFrame.Close, code), (close.Opcode, close.CloseCode));
        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(code, ((WsDisconnectedEvent)events.Current).Disconnect.Code);
    }

    private static byte[] Inflate(byte[] payload)
    {
        using var inflate = new DeflateStream(new MemoryStream([.. payload, 0, 0, 0xFF, 0xFF]), CompressionMode.Decompress);
        using var message = new MemoryStream();
        inflate.CopyTo(message);
        return message.ToArray();
    }

    private sealed class Ready(Func<WsClientConnection, CancellationToken, ValueTask> handler) : IConnectionReadyHandler
    {
        public ValueTask OnConnectionReadyAsync(WsClientConnection connection, CancellationToken cancellationToken) => handler(connection, cancellationToken);
    }

    [JsonSerializable(typeof(string))]
    private sealed partial class Json : JsonSerializerContext;
}
