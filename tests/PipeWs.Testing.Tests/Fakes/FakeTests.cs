using System.Buffers;
using System.Text.Json.Serialization;
using PipeWs.Server;
using PipeWs.Shared;

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
    public async Task A_message_in_parts_fails_once_the_connection_has_ended()
    {
        FakeWsConnection ann = _hub.Connect();
        await using WsMessageWriter before = ann.BeginMessage(WsMessageType.Text);
        await before.WriteAsync("half"u8.ToArray());

        ann.EndByPeer();
        await using WsMessageWriter after = ann.BeginMessage(WsMessageType.Text);
        await using WsMessageWriter first = FakeThatHasEnded().BeginMessage(WsMessageType.Text);

        await Assert.ThrowsAsync<WsClosedException>(async () => await before.CompleteAsync());
        await Assert.ThrowsAsync<WsClosedException>(async () => await after.CompleteAsync("whole"u8.ToArray()));
        await Assert.ThrowsAsync<WsClosedException>(async () => await first.WriteAsync("half"u8.ToArray()));
        Assert.Empty(ann.Sent);
        Assert.Empty(ann.Closes);

        static FakeWsConnection FakeThatHasEnded()
        {
            var ended = new FakeWsConnection();
            ended.EndByPeer();
            return ended;
        }
    }

    [Fact]
    public async Task An_answer_fails_once_the_connection_has_ended()
    {
        FakeWsConnection ann = _hub.Connect();
        FakeWsMessageContext context = FakeWsMessageContext.ForAction("move", connection: ann);
        ann.EndByPeer();

        await Assert.ThrowsAsync<WsClosedException>(async () => await context.ReplyAsync("moved"));
        await Assert.ThrowsAsync<WsClosedException>(async () => await context.ReplyErrorAsync(409, "too late"));

        Assert.Empty(context.Replies);
        Assert.Equal((true, 409), (context.HasReplied, context.ErrorCode));
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
    public async Task A_connection_ends_once_by_whoever_was_first()
    {
        FakeWsConnection ann = _hub.Connect("1");
        await ann.JoinAsync("lobby");
        CancellationToken closing = ann.ConnectionClosed;

        ann.BeginClose(3000, "bye");
        ann.Abort();

        Assert.Equal(new WsCloseInfo(3000, "bye", WsCloseInitiator.Local, true), await ann.Closed);
        Assert.Equal([3000, 1006], ann.Closes.Select(static info => (int)info.Code));
        Assert.True(closing.IsCancellationRequested);
        Assert.Equal(0, _hub.ConnectionCount);
        Assert.Equal(0, _hub.Room("lobby").MemberCount);
        Assert.Equal(WsJoinStatus.Closed, (await ann.JoinAsync("lobby")).Status);
        Assert.Throws<ArgumentOutOfRangeException>(() => ann.BeginClose(1006));
    }

    [Fact]
    public async Task Who_hears_of_an_end_finds_the_connection_ended()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        await ann.JoinAsync("lobby");
        await ann.JoinAsync("news");
        var seen = new List<(bool IsClosed, int Connections, int Rooms, int Members, bool IsRefused)>();
        _hub.Left += raised =>
        {
            _hub.Room("news").Publish("1"u8.ToArray());
            bool isRefused = raised.Connection.SendTextAsync("bye").AsTask().Exception?.InnerException is WsClosedException
                && raised.Connection.PingAsync().AsTask().Exception?.InnerException is WsClosedException;
            seen.Add((ann.IsClosed, _hub.ConnectionCount, ann.Rooms.Count, _hub.Room("news").MemberCount, isRefused));
        };

        ann.EndByPeer();

        Assert.Equal([(true, 0, 0, 0, true), (true, 0, 0, 0, true)], seen);
        Assert.Empty(ann.Sent);
    }

    [Fact]
    public async Task What_hears_of_an_end_and_throws_or_hangs_does_not_hold_it_up()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        await ann.JoinAsync("lobby");
        using var hangs = new ManualResetEventSlim();
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration throwing = ann.ConnectionClosed.Register(static () => throw new InvalidOperationException("out of paper"));
        using CancellationTokenRegistration hanging = ann.ConnectionClosed.Register(() =>
        {
            heard.SetResult();
            hangs.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        });

        ann.Abort();

        Assert.True(ann.IsClosed);
        Assert.Equal(0, _hub.Room("lobby").MemberCount);
        await heard.Task.Soon();
        hangs.Set();
    }

    [Fact]
    public async Task A_handler_of_events_that_throws_is_counted_and_the_others_are_told()
    {
        var events = new List<string>();
        _hub.Joined += static _ => throw new InvalidOperationException("out of paper");
        _hub.Left += static _ => throw new InvalidOperationException("out of ink");
        _hub.Joined += raised => events.Add($"+{raised.Room}");
        _hub.Left += raised => events.Add($"-{raised.Room}");
        FakeWsConnection ann = _hub.Connect("ann");

        Assert.True((await ann.JoinAsync("lobby")).IsMember);
        Assert.True((await ann.JoinAsync("news")).IsMember);
        ann.BeginClose();

        Assert.Equal(["+lobby", "+news", "-lobby", "-news"], events);
        Assert.True(ann.IsClosed);
        Assert.Equal(4, _hub.GetStatistics().HookErrors);
    }

    [Fact]
    public async Task Who_ends_while_it_joins_is_no_member()
    {
        var events = new List<string>();
        _hub.Joined += raised => events.Add($"+{raised.Room}");
        _hub.Left += raised => events.Add($"-{raised.Room}");
        FakeWsConnection ann = _hub.Connect("ann");
        ann.OnJoin = _ =>
        {
            ann.EndByPeer();
            return WsJoinStatus.Joined;
        };
        FakeWsConnection bob = _hub.Connect("bob");
        _hub.Joined += raised => bob.EndByPeer();
        _hub.Joined += raised => events.Add($"still +{raised.Room}");

        Assert.Equal(WsJoinStatus.Closed, (await ann.JoinAsync("lobby")).Status);
        Assert.Equal(WsJoinStatus.Joined, (await bob.JoinAsync("news")).Status);

        Assert.Empty(ann.Rooms);
        Assert.Empty(bob.Rooms);
        Assert.Empty(_hub.Room("lobby").Members);
        Assert.Empty(_hub.Room("news").Members);
        Assert.Equal(["+news", "still +news", "-news"], events);
    }

    [Fact]
    public async Task Joins_and_leaves_are_remembered_and_told()
    {
        var events = new List<string>();
        _hub.Joined += raised => events.Add($"+{raised.Connection.Id} {raised.Room} {raised.Members}");
        _hub.Left += raised => events.Add($"-{raised.Connection.Id} {raised.Room} {raised.Members}");
        FakeWsConnection ann = _hub.Connect("ann");
        FakeWsConnection bob = _hub.Connect("bob");
        bob.OnJoin = join => join.Room == "vip" ? WsJoinStatus.RoomFull : WsJoinStatus.Joined;

        Assert.Equal(WsJoinStatus.Joined, (await ann.JoinAsync("lobby", WsSince.Last)).Status);
        Assert.Equal(WsJoinStatus.AlreadyMember, (await ann.JoinAsync("lobby")).Status);
        Assert.Equal(WsJoinStatus.RoomFull, (await bob.JoinAsync("vip")).Status);
        Assert.True((await bob.JoinAsync("lobby")).IsMember);
        Assert.True(await ann.LeaveAsync("lobby"));
        Assert.False(await ann.LeaveAsync("lobby"));

        Assert.Equal(["+ann lobby 1", "+bob lobby 2", "-ann lobby 1"], events);
        Assert.Equal([new FakeWsJoin("lobby", WsSince.Last), new FakeWsJoin("lobby", default)], ann.Joins);
        Assert.Equal(["lobby", "lobby"], ann.Leaves);
        Assert.Equal(["lobby"], bob.Rooms);
        Assert.False(bob.IsSubscribed("vip"));
    }

    [Fact]
    public async Task A_room_that_cannot_be_is_refused_as_a_hub_refuses_it()
    {
        FakeWsConnection ann = _hub.Connect("ann");
        ann.OnJoin = static _ => throw new InvalidOperationException("not asked");

        foreach (string name in (string[])["", new('x', 256), new('é', 128)])
        {
            WsJoinResult answer = await ann.JoinAsync(name);
            Assert.Equal(WsJoinStatus.InvalidName, answer.Status);
            Assert.Equal("a room's name has 1 to 255 bytes of UTF-8", answer.Reason);
            Assert.False(await ann.LeaveAsync(name));
        }

        await Assert.ThrowsAsync<ArgumentNullException>(async () => await ann.JoinAsync(null!));
        Assert.Empty(_hub.Rooms);
    }

    [Theory]
    [InlineData("fake", 2, true, null)]
    [InlineData("fake", 1, false, "expired")]
    [InlineData("fake", 3, false, "unknown sequence number")]
    [InlineData("fake", -1, false, "unknown sequence number")]
    [InlineData("another", 2, false, "epoch")]
    public async Task A_resume_is_recovered_only_where_nothing_came_since(string epoch, long number, bool isRecovered, string? reason)
    {
        FakeWsRoom room = _hub.Room("lobby");
        room.Publish("1"u8.ToArray());
        room.Publish("2"u8.ToArray());

        Assert.Equal(new WsJoinResult(WsJoinStatus.Joined, "fake", 2, isRecovered, reason), await _hub.Connect().JoinAsync("lobby", WsSince.After(epoch, number)));
    }

    [Fact]
    public async Task A_second_join_gives_the_answer_of_the_first()
    {
        FakeWsConnection ann = _hub.Connect();
        WsJoinResult first = await ann.JoinAsync("lobby");
        _hub.Room("lobby").Publish("1"u8.ToArray());

        Assert.Equal(first with { Status = WsJoinStatus.AlreadyMember }, await ann.JoinAsync("lobby", WsSince.After("another", 7)));
    }

    [Fact]
    public async Task A_hub_lists_the_rooms_that_a_real_one_would_have()
    {
        _hub.Room("looked at");
        await _hub.Connect().JoinAsync("joined");
        _hub.Room("published to").Publish("1"u8.ToArray());

        Assert.Equal(["joined", "published to"], ((IWsHub)_hub).Rooms.Select(static room => room.Name).Order());
        Assert.Equal(3, _hub.Rooms.Count);
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
