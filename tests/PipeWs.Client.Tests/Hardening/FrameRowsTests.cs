using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Hardening;

/// <summary>What a server's frames may not be, and what the client's must. The rows of the hardening list that name the client's frames.</summary>
public sealed class FrameRowsTests
{
    [Theory]
    [InlineData("C1 01 6D", 1002)] // Row 16: RSV1.
    [InlineData("83 00", 1002)] // Row 17: a reserved opcode.
    [InlineData("81 81 01 02 03 04 6C", 1002)] // Row 18: masked.
    [InlineData("82 FE 00 02", 1002)] // Row 18 again, judged before the length.
    [InlineData("82 7E 00 02 01 02", 1002)] // Row 19: a length that is not minimal.
    [InlineData("82 7F 00 00 00 00 00 10 00 01", 1009)] // Row 20: one byte more than is accepted.
    [InlineData("09 00", 1002)] // Row 24: a fragmented control frame.
    [InlineData("89 7E 00 7E", 1002)] // Row 24: a control frame of 126 bytes.
    [InlineData("80 00", 1002)] // Row 25: a continuation of nothing.
    [InlineData("88 01 03", 1002)] // Row 27: a close frame of one byte.
    [InlineData("88 02 03 EC", 1002)] // Row 27: 1004.
    [InlineData("81 02 C3 28", 1007)] // Row 30: not UTF-8.
    public async Task Rows_16_to_30_a_bad_frame_from_the_server_fails_the_connection(string hex, int code)
    {
        var seen = new TaskCompletionSource<RawFrame>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            await peer.Frames.SendAsync(RawPeer.Hex(hex));
            seen.TrySetResult(await peer.Frames.ReadFrameAsync());
        });
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = WsReconnectPolicy.Never);
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        RawFrame close = await seen.Task.Soon();
        Assert.Equal(RawFrame.Close, close.Opcode);
        Assert.Equal(code, close.CloseCode);
        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(code, ((WsDisconnectedEvent)events.Current).Disconnect.Code);
        Assert.Equal(WsCloseInitiator.Local, ((WsDisconnectedEvent)events.Current).Disconnect.Initiator);
    }

    [Fact]
    public async Task Row_31_every_frame_of_the_client_has_a_fresh_masking_key()
    {
        var keys = new HashSet<uint>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            for (int i = 0; i < 500; i++)
            {
                keys.Add((await peer.Frames.ReadFrameAsync()).MaskingKey!.Value);
            }

            await peer.SendTextAsync("enough");
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();
        for (int i = 0; i < 500; i++)
        {
            await client.SendTextAsync("the same text every time").Soon();
        }

        Assert.True(await client.WaitToReadAsync().Soon());
        Assert.Equal(500, keys.Count);
    }
}
