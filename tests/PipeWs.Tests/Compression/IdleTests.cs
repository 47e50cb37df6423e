using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>What connections hold between their messages.</summary>
[Collection(AloneCollection.Name)]
public sealed class IdleTests
{
    [Fact]
    public async Task Row_36_ten_thousand_idle_connections_without_context_hold_no_state_of_zlib()
    {
        const int Connections = 10_000;
        long before = DeflateSupport.NativeStates;
        using var heartbeat = new WsHeartbeat(new ManualTimeProvider());
        var options = new WsConnectionOptions();
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, and ", 50)));
        byte[] request = RawFrame.Encode(RawFrame.Text, DeflateBytes.Of(text), maskingKey: 1, rsv: 0x40);
        var connections = new (WsConnection Connection, RawPeer Peer, Task Ended)[Connections];
        for (int i = 0; i < Connections; i++)
        {
            DuplexPipePair pair = DuplexPipePair.Create();
            var connection = new WsConnection(pair.Connection, WsRole.Server, options, heartbeat, compression: new DeflateParameters(15, 15, true, true));
            var receiver = new RecordingReceiver { OnMessage = (type, payload) => connection.SendAsync(type, payload) };
            connections[i] = (connection, new RawPeer(pair.Peer, masks: true), connection.RunAsync(receiver));
        }

        foreach ((_, RawPeer peer, _) in connections)
        {
            await peer.SendAsync(request);
        }

        foreach ((_, RawPeer peer, _) in connections)
        {
            RawFrame echo = await peer.ReadFrameAsync();
            Assert.Equal(0x40, echo.Rsv);
            Assert.Equal(text, DeflateBytes.Inflate(echo.Payload));
        }

        await Conditions.UntilAsync(() => connections.All(static one => !one.Connection.Compression!.HoldsState), "no connection holds a state");
        Assert.InRange(DeflateSupport.NativeStates, 0, before + (2 * (DeflatePools.MaxRetained + 1)));
        foreach ((WsConnection connection, RawPeer peer, _) in connections)
        {
            connection.Abort();
            peer.Finish();
        }

        await Task.WhenAll(connections.Select(static one => one.Ended)).Soon();
    }

    [Theory]
    [InlineData("C2 FE 1000 00000000", false)]
    [InlineData("C2 FE 1000 00000000", true)]
    [InlineData("42 80 00000000", false)]
    [InlineData("42 80 00000000", true)]
    [InlineData("42 80 00000000 00 FE 1000 00000000", false)]
    public async Task The_header_of_a_compressed_frame_alone_takes_neither_an_inflater_nor_room(string frames, bool inParts)
    {
        await using ConnectionHarness harness = new(compression: new DeflateParameters(15, 15, true, true), run: false);
        harness.Receiver.InParts = _ => inParts;
        harness.Run();

        await harness.SendAsync(RawPeer.Hex(frames));
        await harness.UntilIdleAsync();

        Assert.False(harness.Connection.Compression!.HoldsState);
    }

    [Fact]
    public async Task States_of_connections_that_keep_their_context_end_with_them()
    {
        long before = DeflateSupport.NativeStates;
        for (int i = 0; i < 10; i++)
        {
            ConnectionHarness harness = new(
                configure: static options => options.Compression = new() { ServerContextTakeover = true, ClientContextTakeover = true },
                compression: default(DeflateParameters));
            harness.Receiver.OnMessage = (type, payload) => harness.Connection.SendAsync(type, payload);
            await harness.SendAsync(RawFrame.Encode(RawFrame.Text, DeflateBytes.Of(new byte[1_000]), maskingKey: 0, rsv: 0x40));
            await harness.Peer.ReadFrameAsync();
            Assert.True(harness.Connection.Compression!.HoldsState);
            Assert.Equal(before + 2, DeflateSupport.NativeStates);
            await harness.DisposeAsync();
            Assert.False(harness.Connection.Compression!.HoldsState);
            Assert.Equal(before, DeflateSupport.NativeStates);
        }
    }
}
