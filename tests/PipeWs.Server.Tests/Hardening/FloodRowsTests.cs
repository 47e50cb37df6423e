using System.Buffers.Binary;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 26 and 42: peers that ask for more than they take, and that ask for too much.</summary>
public sealed class FloodRowsTests
{
    private const int Pings = 20_000;
    private const int PingBytes = 125;

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_26_a_ping_flood_from_a_peer_that_does_not_read_is_bounded_and_answered_in_order(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, sendBufferBytes: 8192);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: 4096);
        await using (peer)
        {
            using var flood = new MemoryStream();
            var payload = new byte[PingBytes];
            for (int i = 0; i < Pings; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(payload, i);
                flood.Write(RawPeer.Frame(Opcode.Ping, payload));
            }

            Task sent = peer.SendAsync(flood.ToArray());
            await Conditions.UntilAsync(() => connection.Ws.BacklogBytes >= server.Hub.Options.SendBacklogBytes, "the pongs are held up");
            await server.Bystander!.AskAsync("and the others", "and the others");

            for (int i = 0; i < Pings; i++)
            {
                Assert.InRange(connection.Ws.BacklogBytes, 0, server.Hub.Options.SendBacklogBytes + 1024);
                RawFrame pong = await peer.ReadFrameAsync();
                Assert.Equal(Opcode.Pong, pong.Opcode);
                Assert.Equal(PingBytes, pong.Payload.Length);
                Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(pong.Payload));
            }

            await sent;
            await peer.AskAsync("and afterwards", "and afterwards");
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_26_an_echo_flood_from_a_peer_that_does_not_read_is_bounded_and_answered_in_order(Door door, bool isSecure)
    {
        const int Messages = 3_000;
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, sendBufferBytes: 8192);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: 4096);
        await using (peer)
        {
            using var flood = new MemoryStream();
            var payload = new byte[1000];
            for (int i = 0; i < Messages; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(payload, i);
                flood.Write(RawPeer.Frame(Opcode.Binary, payload));
            }

            Task sent = peer.SendAsync(flood.ToArray());
            await Conditions.UntilAsync(() => connection.Ws.BacklogBytes >= server.Hub.Options.SendBacklogBytes, "the echoes are held up");
            for (int i = 0; i < Messages; i++)
            {
                Assert.InRange(connection.Ws.BacklogBytes, 0, server.Hub.Options.SendBacklogBytes + 2048);
                RawFrame echo = await peer.ReadFrameAsync();
                Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(echo.Payload));
            }

            await sent;
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_42_a_connection_has_128_rooms_and_names_255_bytes(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            foreach (string name in new[] { new string('n', 256), new string('é', 128), new string('n', 1_000_000), "" })
            {
                await peer.SendTextAsync($$"""{"id":"7","type":"subscribe","topic":"{{name}}"}""");
                Assert.Contains("\"type\":\"error\",\"code\":400", await peer.ReadTextAsync(), StringComparison.Ordinal);
            }

            await peer.SubscribeAsync(new string('é', 127) + "n");
            for (int i = 1; i < 128; i++)
            {
                await peer.SubscribeAsync($"room {i}");
            }

            for (int i = 0; i < 1000; i++)
            {
                await peer.SendTextAsync($$"""{"id":"7","type":"subscribe","topic":"one too many {{i}}"}""");
                string answer = await peer.ReadTextAsync();
                Assert.Contains("\"type\":\"error\",\"code\":429", answer, StringComparison.Ordinal);
            }

            // A room again is no further room.
            await peer.SubscribeAsync("room 1");
            Assert.Equal(128, connection.Rooms.Count);
            Assert.Equal(128, server.Hub.Rooms.Count());
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
        Assert.Empty(server.Hub.Rooms);
    }

    [Fact]
    public async Task Row_42_a_message_names_at_most_128_topics()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            string names = string.Join(',', Enumerable.Range(0, 129));
            await peer.SendTextAsync($$"""{"id":"7","type":"subscribe","topic":"/t:{{names}}"}""");
            Assert.Contains("at most 128 topics", await peer.ReadTextAsync(), StringComparison.Ordinal);
            Assert.Empty(connection.Rooms);
            await peer.CloseAsync();
        }

        await server.AssertUndisturbedAsync(0);
    }
}
