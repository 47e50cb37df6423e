using System.Buffers;
using System.Text.Json.Serialization;
using PipeWs.Server;

namespace PipeWs.Testing.Tests.Fakes;

public sealed partial class FakeTests
{
    private readonly FakeWsHub _hub = new();

    [Fact]
    public async Task A_connection_remembers_what_is_sent_to_it()
    {
        FakeWsConnection ann = _hub.Connect("1", "ann");

        await ann.SendTextAsync("hello");
        await ann.SendJsonAsync(new Point(1, 2), Json.Default.Point);
        await ann.SendAsync(new byte[] { 1 }, WsMessageType.Binary);
        await ann.SendAsync(WsPreparedMessage.Text("prepared"));
        await using (WsMessageWriter parts = ann.BeginMessage(WsMessageType.Text))
        {
            await parts.WriteAsync("in "u8.ToArray());
            await parts.CompleteAsync("parts"u8.ToArray());
        }

        Assert.Equal(["hello", "{\"X\":1,\"Y\":2}", "prepared", "in parts"], ann.SentTexts);
        Assert.Equal(new Point(1, 2), ann.Sent[1].Read(Json.Default.Point));
        Assert.Equal([1], ann.Sent[2].Payload.ToArray());
        Assert.Equal("in parts", ann.LastSent.Text);
        ann.ClearSent();
        Assert.Empty(ann.Sent);
        Assert.Throws<WsAssertionException>(() => ann.LastSent);
    }

    [Fact]
    public async Task A_filter_is_tested_with_a_message_and_what_comes_next()
    {
        FakeWsMessageContext context = FakeWsMessageContext.ForAction("move");
        Assert.Equal((false, 0), (context.HasReplied, context.ErrorCode));

        await Refuse(context, static _ => throw new InvalidOperationException("not called"));
        await Refuse(context, static _ => default);

        Assert.Equal((true, 418), (context.HasReplied, context.ErrorCode));
        Assert.Equal("error 418 no", context.Reply.ToString());

        static ValueTask Refuse(WsMessageContext context, WsMessageDelegate next) => context.HasReplied ? next(context) : context.RefuseAsync(418, "no");
    }

    [Fact]
    public async Task Raw_text_is_refused_without_an_answer()
    {
        FakeWsMessageContext[] raw = [FakeWsMessageContext.ForText("hello"), FakeWsMessageContext.ForPart(WsMessageType.Text, "hel"u8.ToArray(), isFirst: true, isLast: false)];
        foreach (FakeWsMessageContext context in raw)
        {
            await context.RefuseAsync(429, "slow down");

            Assert.Equal((false, 429), (context.HasReplied, context.ErrorCode));
            Assert.Empty(context.Replies);
        }

        FakeWsMessageContext binary = FakeWsMessageContext.ForBinary(new byte[] { 1 });
        await binary.RefuseAsync(429, "slow down");
        Assert.Equal("error 429 slow down", binary.Reply.ToString());
    }

    [Fact]
    public async Task A_large_message_in_parts_is_put_together()
    {
        FakeWsConnection ann = _hub.Connect();
        byte[] part = [.. Enumerable.Range(0, 100_000).Select(static i => (byte)i)];

        await using (WsMessageWriter parts = ann.BeginMessage(WsMessageType.Binary))
        {
            await parts.WriteAsync(part);
            await parts.CompleteAsync(part);
        }

        Assert.Equal([.. part, .. part], ann.LastSent.Payload.ToArray());
    }

    [Fact]
    public async Task A_message_in_parts_that_is_abandoned_closes_with_1011()
    {
        FakeWsConnection ann = _hub.Connect();

        await using (WsMessageWriter parts = ann.BeginMessage(WsMessageType.Binary))
        {
            await parts.WriteAsync(new byte[] { 1 });
        }

        Assert.Equal(1011, (await ann.Closed).Code);
    }

    [Fact]
    public async Task A_backlog_or_an_end_can_be_played()
    {
        FakeWsConnection ann = _hub.Connect();
        var room = new TaskCompletionSource();
        ann.OnSend = _ => new ValueTask(room.Task);

        ValueTask waiting = ann.SendTextAsync("waits");
        Assert.False(waiting.IsCompleted);
        room.SetResult();
        await waiting;

        ann.EndByPeer(1001, "going");
        await Assert.ThrowsAsync<WsClosedException>(async () => await ann.SendTextAsync("too late"));
        Assert.Equal(["waits"], ann.SentTexts);
    }

    [Fact]
    public async Task A_token_gives_up_only_the_wait_for_a_connections_backlog()
    {
        FakeWsConnection ann = _hub.Connect("1", "ann");
        await ann.JoinAsync("lobby");
        var given = new CancellationToken(canceled: true);

        await ann.SendAsync("1"u8.ToArray(), WsMessageType.Text, given);
        await ann.SendAsync(new ReadOnlySequence<byte>("2"u8.ToArray()), WsMessageType.Text, given);
        await _hub.User("ann").SendTextAsync("3", given);
        await _hub.All.SendTextAsync("4", given);
        await _hub.Room("lobby").SendTextAsync("5", given);
        await _hub.Connection("gone").SendTextAsync("6", given);
        Assert.Equal(["1", "2", "3", "4", "5"], ann.SentTexts);

        var room = new TaskCompletionSource();
        ann.OnSend = _ => new ValueTask(room.Task);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await ann.SendTextAsync("waits", given));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await ann.PingAsync(given));
        ann.EndByPeer();
        await Assert.ThrowsAsync<WsClosedException>(async () => await ann.SendTextAsync("too late", given));
        await Assert.ThrowsAsync<WsClosedException>(async () => await ann.PingAsync(given));
    }

    [Fact]
    public async Task A_room_gives_its_members_what_real_ones_would_be_sent()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        FakeWsConnection bob = _hub.Connect("bob");
        await ann.JoinAsync("lobby");
        await bob.JoinAsync("lobby");
        IWsRoom room = ((IWsHub)_hub).Room("lobby");

        Assert.Equal(1, room.PublishJson(new Point(1, 2), Json.Default.Point, new WsPublishOptions("moved", "key", ["bob"])));
        Assert.Equal(2, room.PublishRaw("raw"u8.ToArray(), WsMessageType.Text));
        await room.SendTextAsync("sent");
        await room.Except("ann").SendTextAsync("others");

        Assert.Equal(["{\"type\":\"message\",\"topic\":\"lobby\",\"subject\":\"moved\",\"sn\":1,\"data\":{\"X\":1,\"Y\":2}}", "raw", "sent"], ann.SentTexts);
        Assert.Equal(["raw", "sent", "others"], bob.SentTexts);
        Assert.Equal([1L, 2, 3, 4], _hub.Room("lobby").Published.Select(static published => published.SequenceNumber));
        Assert.Equal("key", _hub.Room("lobby").Published[0].Options.Key);
        Assert.Equal("others", _hub.Room("lobby").LastPublished.Text);
        Assert.Equal(4, room.Head);
        Assert.Throws<WsAssertionException>(() => _hub.Room("other").LastPublished);
    }

    [Fact]
    public async Task A_hub_reaches_users_all_and_single_connections()
    {
        FakeWsConnection phone = _hub.Connect("1", "ann");
        FakeWsConnection desk = _hub.Connect("2", "ann");
        FakeWsConnection bob = _hub.Connect("3", "bob");
        IWsHub hub = _hub;

        await hub.User("ann").SendTextAsync("to ann");
        await hub.All.SendTextAsync("to all");
        await hub.Connection("3").SendTextAsync("to bob");
        await hub.Connection("gone").SendTextAsync("to nobody");

        Assert.Equal(["to ann", "to all"], phone.SentTexts);
        Assert.Equal(["to ann", "to all"], desk.SentTexts);
        Assert.Equal(["to all", "to bob"], bob.SentTexts);
        Assert.Equal(["to ann"], _hub.User("ann").SentTexts);
        Assert.Equal(["to all"], _hub.All.SentTexts);
        Assert.Equal(["to nobody"], _hub.Connection("gone").SentTexts);
        Assert.Equal(2, hub.UserConnections("ann").Count);
        Assert.True(hub.TryGetConnection("3", out IWsConnection? found));
        Assert.Same(bob, found);
        Assert.False(hub.TryGetConnection("gone", out _));
        Assert.False(hub.TryGetRoom("lobby", out _));
        hub.Room("lobby").Publish("1"u8.ToArray());
        Assert.True(hub.TryGetRoom("lobby", out _));
        Assert.ThrowsAny<ArgumentException>(() => hub.Room(""));
        Assert.Throws<ArgumentException>(() => hub.Room(new string('x', 256)));
        Assert.Throws<ArgumentException>(() => _hub.Connect("3"));
    }

    [Fact]
    public async Task A_context_is_a_message_and_remembers_the_answers()
    {
        FakeWsConnection ann = _hub.Connect("1", "ann");
        FakeWsMessageContext context = FakeWsMessageContext.ForAction("move", new Point(1, 2), Json.Default.Point, ann, id: "7");

        await context.ReplyJsonAsync("moved", new Point(3, 4), Json.Default.Point);
        Assert.Equal(new Point(3, 4), context.Reply.Read(Json.Default.Point));
        Assert.Equal((true, 0), (context.HasReplied, context.ErrorCode));
        await context.RefuseAsync(403, "answered already");
        Assert.Equal(403, context.ErrorCode);
        await context.ReplyErrorAsync(409, "too late");
        Assert.Equal(409, context.ErrorCode);

        Assert.Equal("{\"id\":\"7\",\"action\":\"move\",\"data\":{\"X\":1,\"Y\":2}}", System.Text.Encoding.UTF8.GetString(context.Payload.FirstSpan));
        Assert.Equal("{\"X\":1,\"Y\":2}", System.Text.Encoding.UTF8.GetString(context.Body.Span));
        Assert.Equal(("move", "7", null, WsMessageType.Text), (context.Action, context.RequestId, context.Topic, context.Type));
        Assert.Same(_hub, context.Hub);
        Assert.Equal(["moved {\"X\":3,\"Y\":4}", "error 409 too late"], context.Replies.Select(static reply => reply.ToString()));
        Assert.Throws<WsAssertionException>(() => context.Reply);
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = context.ReplyErrorAsync(200, ""); });
        Assert.Empty(ann.Sent);
    }

    [Fact]
    public void Raw_messages_and_parts_have_contexts_too()
    {
        FakeWsMessageContext text = FakeWsMessageContext.ForText("hello");
        FakeWsMessageContext part = FakeWsMessageContext.ForPart(WsMessageType.Binary, new byte[] { 1 }, isFirst: true, isLast: false);

        Assert.Equal(("", null, WsMessageType.Text, true, true), (text.Action, text.RequestId, text.Type, text.IsFirstPart, text.IsLastPart));
        Assert.Equal((WsMessageType.Binary, true, false), (part.Type, part.IsFirstPart, part.IsLastPart));
        Assert.Equal(WsMessageType.Binary, FakeWsMessageContext.ForBinary(new byte[] { 1 }).Type);
        Assert.Null(text.Services.GetService(typeof(TimeProvider)));
    }

    [Fact]
    public void Metadata_and_who_it_is_are_the_tests_to_say()
    {
        FakeWsConnection ann = _hub.Connect("1", "ann");
        ann.SetMetadata("plan", "gold");

        Assert.Equal("gold", ann.GetMetadata("plan"));
        Assert.Equal("gold", ann.Metadata["plan"]);
        Assert.True(ann.RemoveMetadata("plan"));
        Assert.False(ann.RemoveMetadata("plan"));
        Assert.Null(ann.GetMetadata("plan"));
        Assert.Equal("ann", ann.User.FindFirst(System.Security.Claims.ClaimTypes.NameIdentifier)!.Value);
        Assert.Empty(new FakeWsConnection().User.Claims);
    }

    [Fact]
    public async Task A_hub_counts_and_can_be_drained()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        await ann.JoinAsync("lobby");
        _hub.Room("lobby").Publish("1"u8.ToArray());
        _hub.Room("news").Publish("1"u8.ToArray());

        WsHubStatistics counted = ((IWsHub)_hub).GetStatistics(maxRooms: 1);
        Assert.Equal((1, 2, 1), (counted.Connections.Open, counted.RoomCount, counted.MemberCount));
        Assert.Equal(("lobby", 1, 1), (Assert.Single(counted.Rooms).Name, counted.Rooms[0].Members, counted.Rooms[0].Head));
        Assert.Equal("news", Assert.Single(_hub.GetStatistics(room: "news").Rooms).Name);
        _hub.Statistics = new WsHubStatistics { HandlerErrors = 7 };
        Assert.Equal(7, _hub.GetStatistics().HandlerErrors);

        await _hub.DrainAsync(new WsDrainOptions { CloseCode = 4000 });
        Assert.Equal(4000, (await ann.Closed).Code);
        Assert.Equal(4000, Assert.Single(_hub.Drains).CloseCode);
        Assert.Equal(0, _hub.ConnectionCount);
    }

    internal sealed record Point(int X, int Y);

    [JsonSerializable(typeof(Point))]
    internal sealed partial class Json : JsonSerializerContext;
}
