using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>To one, to a user, to a room, to a room except some, to all.</summary>
public sealed class SenderTests
{
    [Fact]
    public async Task A_message_to_a_user_reaches_all_the_users_connections_and_nobody_elses()
    {
        await using HubServer server = await HubServer.JsonAsync(Door.Mapped, services: UserFromQuery.AddTo, app: UserFromQuery.Use);
        await using RawPeer first = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await using RawPeer second = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await using RawPeer bob = await server.OpenAsync(UserFromQuery.Handshake("bob"));
        await using RawPeer nobody = await server.OpenAsync();
        Assert.Equal(2, server.Hub.UserConnections("ann").Count);
        Assert.All(server.Hub.UserConnections("ann"), connection => Assert.Equal("ann", connection.UserId));
        Assert.Empty(server.Hub.UserConnections("eve"));

        await server.Hub.User("ann").SendTextAsync("for ann");
        await server.Hub.User("eve").SendTextAsync("for eve");
        await server.Hub.User("bob").SendAsync(WsPreparedMessage.Binary([1, 2, 3]));

        Assert.Equal("for ann", await first.ReadTextAsync());
        Assert.Equal("for ann", await second.ReadTextAsync());
        RawFrame frame = await bob.ReadFrameAsync();
        Assert.Equal(Opcode.Binary, frame.Opcode);
        Assert.Equal([1, 2, 3], frame.Payload);
        await nobody.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

        await first.CloseAsync();
        await Conditions.UntilAsync(() => server.Hub.UserConnections("ann").Count == 1, "one of them is gone");
        await server.Hub.User("ann").SendTextAsync("again");
        Assert.Equal("again", await second.ReadTextAsync());
        await second.CloseAsync();
        await Conditions.UntilAsync(() => server.Hub.UserConnections("ann").Count == 0, "both are gone");
        await server.Hub.User("ann").SendTextAsync("too late");
    }

    [Fact]
    public async Task A_message_to_a_connection_reaches_it_alone()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        await server.Hub.Connection(connection.Id).SendTextAsync("for you");
        await server.Hub.Connection("nobody").SendTextAsync("for nobody");
        Assert.Equal("for you", await peer.ReadTextAsync());
        await server.AssertDoesNotHearAsync();
        Assert.Contains(connection, server.Hub.Connections);
        Assert.False(server.Hub.TryGetConnection("nobody", out IWsConnection? _));
    }

    [Fact]
    public async Task A_room_hears_what_is_said_in_it_and_who_is_excepted_does_not()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer first, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = first;
        await using RawPeer second = await server.OpenAsync();
        await first.SubscribeAsync("a");
        await second.SubscribeAsync("a");
        IWsRoom room = server.Hub.Room("a");

        await room.SendTextAsync("all of you");
        await room.Except(connection.Id).SendTextAsync("all but one");
        await room.Except().SendTextAsync("all again");
        Assert.Equal(4, room.Publish("4"u8.ToArray(), new WsPublishOptions(Except: [connection.Id, "nobody"])));
        Assert.Equal(5, room.PublishRaw(new byte[] { 5 }, WsMessageType.Binary));

        Assert.Equal("all of you", await first.ReadTextAsync());
        Assert.Equal("all again", await first.ReadTextAsync());
        Assert.Equal([5], (await first.ReadFrameAsync()).Payload);
        Assert.Equal("all of you", await second.ReadTextAsync());
        Assert.Equal("all but one", await second.ReadTextAsync());
        Assert.Equal("all again", await second.ReadTextAsync());
        Assert.Equal("""{"type":"message","topic":"a","sn":4,"data":4}""", await second.ReadTextAsync());
        Assert.Equal([5], (await second.ReadFrameAsync()).Payload);
        await server.AssertDoesNotHearAsync();
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task Everyone_gets_what_is_sent_to_all_in_one_order(Door door)
    {
        const int Each = 200;
        await using HubServer server = await HubServer.JsonAsync(door, hasBystander: false);
        await using RawPeer first = await server.OpenAsync();
        await using RawPeer second = await server.OpenAsync();
        await using RawPeer third = await server.OpenAsync();
        await server.AssertConnectionsAsync(3);
        await first.SubscribeAsync("any room");

        await Task.WhenAll(Enumerable.Range(0, 3).Select(sender => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                await server.Hub.All.SendTextAsync($"{sender} {i}");
            }
        })));

        List<string> texts = await ReadAsync(first);
        Assert.Equal(texts, await ReadAsync(second));
        Assert.Equal(texts, await ReadAsync(third));
        for (int sender = 0; sender < 3; sender++)
        {
            Assert.Equal(Enumerable.Range(0, Each).Select(i => $"{sender} {i}"), texts.Where(text => text[0] == '0' + sender));
        }

        static async Task<List<string>> ReadAsync(RawPeer peer)
        {
            var texts = new List<string>();
            while (texts.Count < 3 * Each)
            {
                texts.Add(await peer.ReadTextAsync());
            }

            return texts;
        }
    }

    [Fact]
    public async Task A_prepared_message_goes_out_as_often_as_it_is_sent()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        var small = WsPreparedMessage.Text("κόσμε");
        var large = WsPreparedMessage.Text(new string('x', 100_000));
        for (int i = 0; i < 10; i++)
        {
            await connection.SendAsync(small);
            await connection.SendAsync(large);
        }

        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("κόσμε", await peer.ReadTextAsync());
            Assert.Equal(100_000, (await peer.ReadTextAsync()).Length);
        }
    }

    [Fact]
    public async Task A_message_in_parts_is_one_message_and_nothing_comes_between()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        await using (WsMessageWriter writer = connection.BeginMessage(WsMessageType.Text))
        {
            await writer.WriteAsync("Hel"u8.ToArray());
            await connection.SendTextAsync("in between");
            await server.Hub.All.SendTextAsync("to all in between");
            await peer.SendFrameAsync(Opcode.Ping, "?"u8);
            await writer.WriteAsync("lo"u8.ToArray());
            await writer.CompleteAsync("!"u8.ToArray());
        }

        var text = new StringBuilder();
        RawFrame frame;
        do
        {
            frame = await peer.ReadFrameAsync();
            if (frame.Opcode != Opcode.Pong)
            {
                Assert.Equal(text.Length == 0 ? Opcode.Text : Opcode.Continuation, frame.Opcode);
                text.Append(frame.Text);
            }
        }
        while (!frame.Fin || frame.Opcode == Opcode.Pong);

        Assert.Equal("Hello!", text.ToString());
        var rest = new List<string>();
        while (rest.Count < 2)
        {
            frame = await peer.ReadFrameAsync();
            if (frame.Opcode == Opcode.Text)
            {
                rest.Add(frame.Text);
            }
        }

        Assert.Equal(["in between", "to all in between"], rest.Order());
    }

    [Fact]
    public async Task A_message_in_parts_that_is_abandoned_ends_the_connection_with_1011()
    {
        await using HubServer server = await HubServer.JsonAsync();
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using RawPeer _ = peer;
        await using (WsMessageWriter writer = connection.BeginMessage(WsMessageType.Binary))
        {
            await writer.WriteAsync(new byte[10]);
        }

        Assert.Equal(Opcode.Binary, (await peer.ReadFrameAsync()).Opcode);
        await peer.ReadCloseAsync(1011);
    }
}
