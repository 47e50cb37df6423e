using PipeWs.Server;

namespace PipeWs.Testing.Tests.Hosting;

/// <summary>Compression between a hub in memory and who connects to it.</summary>
public sealed class CompressionTests
{
    private static readonly string s_text = string.Concat(Enumerable.Repeat("a line of text, and ", 100));

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_peer_that_offers_it_reads_what_was_compressed(bool skipsHandshake, bool takesOver)
    {
        await using WsTestServer server = await StartAsync(takesOver);
        var compression = new WsCompressionOptions { ServerContextTakeover = takesOver, ServerMaxWindowBits = 11 };
        WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = skipsHandshake, Compression = compression });
        Assert.Equal((11, !takesOver), (peer.Compression!.Value.ServerMaxWindowBits, peer.Compression.Value.ServerNoContextTakeover));
        for (int i = 0; i < 3; i++)
        {
            await peer.SendTextAsync(s_text + i);
            Assert.Equal(s_text + i, await peer.ReadTextAsync());
        }

        await peer.SendTextAsync(s_text);
        WsRawFrame frame = await peer.ReadFrameAsync();
        Assert.Equal(0x40, frame.Rsv);
        Assert.InRange(frame.Payload.Length, 1, 200);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_window_below_the_hubs_least_is_declined(bool skipsHandshake)
    {
        await using WsTestServer server = await StartAsync(takesOver: false, minWindowBits: 12);
        foreach (int bits in (int[])[11, 12])
        {
            WsTestPeer peer = await server.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = skipsHandshake, Compression = new() { ServerMaxWindowBits = bits } });
            Assert.Equal(bits < 12 ? null : 12, peer.Compression?.ServerMaxWindowBits);
            await peer.SendTextAsync(s_text);
            Assert.Equal(s_text, await peer.ReadTextAsync());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_is_agreed_where_only_one_wants_it(bool skipsHandshake)
    {
        await using WsTestServer server = await StartAsync(takesOver: false);
        WsTestPeer plain = await server.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = skipsHandshake });
        Assert.Null(plain.Compression);
        await plain.SendTextAsync(s_text);
        Assert.Equal(0, (await plain.ReadFrameAsync()).Rsv);

        await using WsTestServer without = await WsTestServer.StartHubAsync(static hub => hub.OnText(static context => context.Connection.SendAsync(context.Payload, context.Type)));
        WsTestPeer offers = await without.ConnectAsync(new WsTestConnectOptions { SkipsHandshake = skipsHandshake, Compression = new() });
        Assert.Null(offers.Compression);
    }

    private static Task<WsTestServer> StartAsync(bool takesOver, int minWindowBits = 8) => WsTestServer.StartHubAsync(hub => hub
        .OnText(static context => context.Connection.SendAsync(context.Payload, context.Type))
        .UseCompression(compression =>
        {
            compression.ServerContextTakeover = takesOver;
            compression.ServerMinWindowBits = minWindowBits;
        }));
}
