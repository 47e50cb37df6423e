using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Testing.Tests.Fakes;

// How a fake connection ends, and what no longer reaches it then.
public sealed partial class FakeTests
{
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
}
