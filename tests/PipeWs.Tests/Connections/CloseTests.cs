using System.IO.Pipelines;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Every way in which a connection ends, and what is said of it (row 28 of the list of bad input; RFC 6455, section 7).</summary>
public sealed class CloseTests
{
    public static TheoryData<WsRole> Roles => new(WsRole.Server, WsRole.Client);

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_close_begun_here_is_clean_once_the_peer_answers(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        Task<WsCloseInfo> closing = harness.Connection.CloseAsync(4001, "enough").AsTask();
        RawFrame close = await harness.AnswerCloseAsync();

        Assert.Equal((4001, "enough"), (close.CloseCode, close.CloseReason));
        Assert.Equal(new WsCloseInfo(4001, "enough", WsCloseInitiator.Local, WasClean: true), await closing.Soon());
        Assert.Equal(await closing, await harness.Ended.Soon());
        Assert.Equal(await closing, await harness.Connection.Closed.Soon());
        Assert.Null(await harness.Peer.TryReadFrameAsync());
        Assert.Equal(0, harness.Aborts);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_close_begun_by_the_peer_is_clean_and_everything_after_it_ignored(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        await harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, "one"u8), .. harness.Peer.Encode(RawFrame.Close, RawFrame.ClosePayload(1001, "off")), .. harness.Peer.Encode(RawFrame.Text, "two"u8), .. harness.Peer.Encode(RawFrame.Ping, "x"u8), 0xFF, 0xFF]);
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal(1001, close.CloseCode);
        Assert.Equal(new WsCloseInfo(1001, "off", WsCloseInitiator.Remote, WasClean: true), info);
        Assert.Equal(1, harness.Receiver.MessageCount);
        Assert.Equal(0, harness.Aborts);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task Closes_that_cross_are_clean_and_each_side_began(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        harness.Connection.BeginClose(1000, "mine");
        await harness.Peer.SendCloseAsync(4000, "yours");
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal((1000, "mine"), (close.CloseCode, close.CloseReason));
        Assert.Equal(new WsCloseInfo(1000, "mine", WsCloseInitiator.Local, WasClean: true), info);
    }

    [Fact]
    public async Task Two_connections_that_close_at_once_both_end_cleanly()
    {
        for (int round = 0; round < 100; round++)
        {
            DuplexPipePair pair = DuplexPipePair.Create();
            using var heartbeat = new WsHeartbeat(new ManualTimeProvider());
            var server = new WsConnection(pair.Connection, WsRole.Server, new WsConnectionOptions(), heartbeat);
            var client = new WsConnection(pair.Peer, WsRole.Client, new WsConnectionOptions(), heartbeat);
            Task<WsCloseInfo> serverEnded = server.RunAsync(new RecordingReceiver());
            Task<WsCloseInfo> clientEnded = client.RunAsync(new RecordingReceiver());

            await Task.WhenAll(Task.Run(() => server.CloseAsync(4001).Soon()), Task.Run(() => client.CloseAsync(4002).Soon()));

            Assert.True((await serverEnded.Soon()).WasClean);
            Assert.True((await clientEnded.Soon()).WasClean);
        }
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task The_transports_end_without_a_close_is_1006(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        harness.Peer.Finish();

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Transport, WasClean: false), await harness.Ended.Soon());
        Assert.Null(await harness.Peer.TryReadFrameAsync());
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task The_transports_end_inside_a_frame_is_1006(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, "Hello"u8)[..5]);
        harness.Peer.Finish();

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Transport, WasClean: false), await harness.Ended.Soon());
        Assert.Equal(0, harness.Receiver.MessageCount);
    }

    [Fact]
    public async Task A_transport_that_breaks_is_1006_with_its_exception()
    {
        await using var harness = new ConnectionHarness();
        var reset = new IOException("reset");

        harness.Peer.Finish(reset);
        WsCloseInfo info = await harness.Ended.Soon();

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Transport, WasClean: false, reset), info);
    }

    [Fact]
    public async Task A_flush_that_throws_ends_the_connection_and_is_said()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.FlushError = new IOException("broken");

        await harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray());
        await Assert.ThrowsAsync<WsClosedException>(() => harness.Connection.SendAsync(WsMessageType.Text, "y"u8.ToArray()).AsTask());
        harness.Peer.Finish();

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Transport, WasClean: false, harness.Output.FlushError), await harness.Ended.Soon());
    }

    [Fact]
    public async Task An_output_that_nobody_reads_any_more_ends_the_connection_within_the_close_timeout()
    {
        await using var harness = new ConnectionHarness(configure: options => options.PingInterval = Timeout.InfiniteTimeSpan);
        await harness.Peer.Input.CompleteAsync();

        await harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray());
        Assert.True(harness.Connection.IsClosing);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(4));
        Assert.False(harness.Ended.IsCompleted);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(3));

        Assert.Equal(1006, (await harness.Ended.Soon()).Code);
        Assert.Equal(1, harness.Aborts);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_close_in_the_middle_of_a_message_is_echoed(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        await harness.SendAsync([.. harness.Peer.Encode(RawFrame.Text, "half"u8, fin: false), .. harness.Peer.Encode(RawFrame.Close, RawFrame.ClosePayload(1000))]);
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal(1000, close.CloseCode);
        Assert.True(info.WasClean);
        Assert.Equal(0, harness.Receiver.MessageCount);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task A_peer_that_never_answers_a_close_is_aborted_after_the_close_timeout(WsRole role)
    {
        await using var harness = new ConnectionHarness(role);

        harness.Connection.BeginClose(1000, "bye");
        Assert.Equal(RawFrame.Close, (await harness.Peer.ReadFrameAsync()).Opcode);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(4.5));
        Assert.False(harness.Ended.IsCompleted);
        Assert.Equal(0, harness.Aborts);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(1));

        Assert.Equal(new WsCloseInfo(1000, "bye", WsCloseInitiator.Local, WasClean: false), await harness.Ended.Soon());
        Assert.Equal(1, harness.Aborts);
        Assert.Null(await harness.Peer.TryReadFrameAsync());
    }

    [Fact]
    public async Task A_peer_that_answers_a_close_with_the_transports_end_was_not_clean()
    {
        await using var harness = new ConnectionHarness();

        harness.Connection.BeginClose(1000, "bye");
        harness.Peer.Finish();

        Assert.Equal(new WsCloseInfo(1000, "bye", WsCloseInitiator.Local, WasClean: false), await harness.Ended.Soon());
    }

    [Fact]
    public async Task A_close_frame_that_does_not_leave_is_given_up_after_the_close_timeout()
    {
        await using var harness = new ConnectionHarness();
        harness.Output.Hold();
        await harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray());

        harness.Connection.BeginClose(1000, "");
        await harness.AdvanceAsync(TimeSpan.FromSeconds(5.5));

        Assert.Equal(new WsCloseInfo(1000, "", WsCloseInitiator.Local, WasClean: false), await harness.Ended.Soon());
        Assert.Equal(1, harness.Aborts);
    }

    [Fact]
    public async Task A_server_that_fails_a_connection_reads_on_for_a_moment_and_then_ends_it()
    {
        await using var harness = new ConnectionHarness();

        await harness.SendAsync(RawPeer.Hex("81 05"));
        Assert.Equal(1002, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await harness.SendAsync(new byte[100_000]);
        Assert.False(harness.Ended.IsCompleted);
        await Conditions.UntilAsync(() => harness.Clock.WaitingTimers > 1, "it lingers");
        harness.Clock.Advance(TimeSpan.FromMilliseconds(200));

        Assert.Equal(1002, (await harness.Ended.Soon()).Code);
        Assert.Null(await harness.Peer.TryReadFrameAsync());
        Assert.Equal(0, harness.Aborts);
    }

    [Fact]
    public async Task A_client_leaves_the_transport_for_the_server_to_close_first()
    {
        await using var harness = new ConnectionHarness(WsRole.Client);

        await harness.Peer.SendCloseAsync(1000);
        Assert.Equal(RawFrame.Close, (await harness.Peer.ReadFrameAsync()).Opcode);
        Task<RawFrame?> end = harness.Peer.TryReadFrameAsync();
        await Conditions.UntilAsync(() => harness.Clock.WaitingTimers > 1, "it waits for the server");
        Assert.False(harness.Ended.IsCompleted);
        Assert.False(end.IsCompleted);
        harness.Peer.Finish();

        Assert.True((await harness.Ended.Soon()).WasClean);
        Assert.Null(await end.Soon());
    }

    [Fact]
    public async Task A_server_closes_the_transport_first()
    {
        await using var harness = new ConnectionHarness();

        await harness.Peer.SendCloseAsync(1000);

        Assert.True((await harness.Ended.Soon()).WasClean);
        Assert.Equal(RawFrame.Close, (await harness.Peer.ReadFrameAsync()).Opcode);
        Assert.Null(await harness.Peer.TryReadFrameAsync());
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_handler_that_throws_fails_the_connection_with_1011(bool atOnce, bool inParts)
    {
        await using var harness = new ConnectionHarness(run: false);
        var bug = new InvalidOperationException("a bug");
        async ValueTask FailLaterAsync()
        {
            await Task.Yield();
            throw bug;
        }

        harness.Receiver.InParts = _ => inParts;
        harness.Receiver.OnPart = _ => FailLaterAsync();
        harness.Receiver.OnMessage = (_, _) => atOnce ? throw bug : FailLaterAsync();
        harness.Run();

        await harness.Peer.SendTextAsync("x");
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal(1011, close.CloseCode);
        Assert.Equal(new WsCloseInfo(1011, close.CloseReason, WsCloseInitiator.Local, WasClean: false, bug), info);
        Assert.False(WsBatch.IsActive);
    }

    [Fact]
    public async Task A_receiver_that_throws_when_asked_for_parts_fails_the_connection_with_1011()
    {
        await using var harness = new ConnectionHarness(run: false);
        var bug = new InvalidOperationException("a bug");
        harness.Receiver.InParts = _ => throw bug;
        harness.Run();

        await harness.Peer.SendTextAsync("x");
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Equal(1011, close.CloseCode);
        Assert.Same(bug, info.Exception);
    }

    [Fact]
    public async Task A_handler_that_gives_up_because_the_connection_closes_does_not_spoil_the_handshake()
    {
        await using var harness = new ConnectionHarness(run: false);
        var began = new TaskCompletionSource();
        harness.Receiver.OnMessage = async (_, _) =>
        {
            began.SetResult();
            await Task.Delay(Timeout.Infinite, harness.Connection.ConnectionClosed);
        };
        harness.Run();

        await harness.Peer.SendTextAsync("x");
        await began.Task.Soon();
        harness.Connection.BeginClose(1001, "");
        await harness.AnswerCloseAsync();

        Assert.Equal(new WsCloseInfo(1001, "", WsCloseInitiator.Local, WasClean: true), await harness.Ended.Soon());
    }

    [Fact]
    public async Task A_handler_that_awaits_the_close_of_its_own_connection_is_released_in_the_end()
    {
        await using var harness = new ConnectionHarness(run: false);
        var handled = new TaskCompletionSource<WsCloseInfo>();
        harness.Receiver.OnMessage = async (_, _) => handled.SetResult(await harness.Connection.CloseAsync(1000, "from inside"));
        harness.Run();

        await harness.Peer.SendTextAsync("x");
        Assert.Equal(1000, (await harness.Peer.ReadFrameAsync()).CloseCode);
        await harness.AdvanceAsync(TimeSpan.FromSeconds(8), () => handled.Task.IsCompleted);

        Assert.Equal(new WsCloseInfo(1000, "from inside", WsCloseInitiator.Local, WasClean: false), await handled.Task.Soon());
        Assert.Equal(await handled.Task, await harness.Ended.Soon());
    }

    [Fact]
    public async Task An_abort_drops_the_transport_without_a_close_frame()
    {
        await using var harness = new ConnectionHarness();
        var reason = new InvalidOperationException("enough");

        harness.Connection.Abort(reason);

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Local, WasClean: false, reason), await harness.Ended.Soon());
        Assert.Equal(1, harness.Aborts);
        Assert.Null(await harness.Peer.TryReadFrameAsync());
        harness.Connection.Abort();
        Assert.Equal(1, harness.Aborts);
    }

    [Fact]
    public async Task An_abort_after_the_end_does_not_touch_the_transport()
    {
        await using var harness = new ConnectionHarness();
        harness.Peer.Finish();
        await harness.Ended.Soon();

        harness.Connection.Abort();
        await harness.AdvanceAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(0, harness.Aborts);
    }

    [Fact]
    public async Task A_close_after_the_transports_end_does_not_change_why_it_ended()
    {
        await using var harness = new ConnectionHarness(run: false);
        var went = new TaskCompletionSource();
        harness.Receiver.OnMessage = (_, _) => new ValueTask(went.Task);
        harness.Run();
        harness.Output.FlushError = new IOException("broken");
        await harness.Peer.SendTextAsync("x");
        await harness.Connection.SendAsync(WsMessageType.Text, "y"u8.ToArray());

        harness.Connection.BeginClose(4000, "too late");
        went.SetResult();
        harness.Peer.Finish();

        Assert.Equal(new WsCloseInfo(1006, "", WsCloseInitiator.Transport, WasClean: false, harness.Output.FlushError), await harness.Ended.Soon());
    }

    [Fact]
    public async Task A_transport_whose_abort_and_end_throw_still_ends_the_connection()
    {
        DuplexPipePair pair = DuplexPipePair.Create();
        using var heartbeat = new WsHeartbeat(new ManualTimeProvider());
        var connection = new WsConnection(
            new DuplexPipePair.End(new BadReader(pair.Connection.Input), new BadWriter(pair.Connection.Output)),
            WsRole.Server,
            new WsConnectionOptions(),
            heartbeat,
            _ => throw new InvalidOperationException("not even that"));
        Task<WsCloseInfo> ended = connection.RunAsync(new RecordingReceiver());

        connection.Abort();
        await pair.Peer.Output.CompleteAsync();

        Assert.Equal(1006, (await ended.Soon()).Code);
        Assert.Equal(1006, (await connection.Closed.Soon()).Code);
    }

    [Fact]
    public async Task The_token_fires_when_the_connection_begins_to_end()
    {
        foreach (string way in new[] { "local", "remote", "fail", "transport", "abort" })
        {
            await using var harness = new ConnectionHarness();
            var fired = new TaskCompletionSource();
            using CancellationTokenRegistration registration = harness.Connection.ConnectionClosed.Register(fired.SetResult);
            Assert.False(harness.Connection.IsClosing);
            switch (way)
            {
                case "local":
                    harness.Connection.BeginClose(1000, "");
                    break;
                case "remote":
                    await harness.Peer.SendCloseAsync(1000);
                    break;
                case "fail":
                    await harness.SendAsync([0xFF, 0xFF]);
                    break;
                case "transport":
                    harness.Peer.Finish();
                    break;
                default:
                    harness.Connection.Abort();
                    break;
            }

            await fired.Task.Soon();
            Assert.True(harness.Connection.IsClosing);
        }
    }

    [Fact]
    public async Task Sends_are_refused_once_it_closes()
    {
        await using var harness = new ConnectionHarness();
        harness.Connection.BeginClose(1000, "");
        byte[] large = new byte[100_000];

        Assert.False(harness.Connection.TrySend(WsMessageType.Text, "x"u8));
        await Assert.ThrowsAsync<WsClosedException>(() => harness.Connection.SendAsync(WsMessageType.Text, "x"u8.ToArray()).AsTask());
        await Assert.ThrowsAsync<WsClosedException>(() => harness.Connection.SendAsync(WsMessageType.Binary, large).AsTask());
        await Assert.ThrowsAsync<WsClosedException>(() => harness.Connection.BeginMessage(WsMessageType.Text).WriteAsync(large).AsTask());
        await Assert.ThrowsAsync<WsClosedException>(() => harness.Connection.PingAsync().AsTask());
    }

    [Fact]
    public async Task What_was_sent_before_a_close_leaves_before_it()
    {
        for (int round = 0; round < 200; round++)
        {
            await using var harness = new ConnectionHarness();
            Task noise = Task.Run(() =>
            {
                while (harness.Connection.TrySend(WsMessageType.Binary, "noise"u8))
                {
                }
            });

            await harness.Connection.SendAsync(WsMessageType.Text, "last words"u8.ToArray());
            harness.Connection.BeginClose(1000, "");

            await noise;
            var frames = new List<RawFrame>();
            do
            {
                frames.Add(await harness.Peer.ReadFrameAsync());
            }
            while (frames[^1].Opcode != RawFrame.Close);
            Assert.Contains(frames, frame => frame.Opcode == RawFrame.Text);
        }
    }

    [Fact]
    public async Task The_close_timeout_is_not_over_before_it_began()
    {
        for (int round = 0; round < 300; round++)
        {
            await using var harness = new ConnectionHarness();
            harness.Clock.Advance(TimeSpan.FromSeconds(1));
            IWsHeartbeatItem item = harness.Connection;
            using var stop = new CancellationTokenSource();
            Task looks = Task.Run(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    item.OnHeartbeat(harness.Heartbeat.Now);
                }
            });

            harness.Connection.BeginClose(1000, "");
            await harness.AnswerCloseAsync();

            Assert.True((await harness.Ended.Soon()).WasClean);
            Assert.Equal(0, harness.Aborts);
            await stop.CancelAsync();
            await looks;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(999)]
    [InlineData(1004)]
    [InlineData(1005)]
    [InlineData(1006)]
    [InlineData(1015)]
    [InlineData(2000)]
    [InlineData(5000)]
    public async Task A_code_that_must_not_be_sent_is_the_callers_mistake(ushort code)
    {
        await using var harness = new ConnectionHarness();

        Assert.Throws<ArgumentOutOfRangeException>(() => harness.Connection.BeginClose(code, ""));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => harness.Connection.CloseAsync(code).AsTask());
        Assert.False(harness.Connection.IsClosing);
    }

    [Fact]
    public async Task A_long_reason_is_cut_at_a_character()
    {
        await using var harness = new ConnectionHarness();

        harness.Connection.BeginClose(1000, new string('x', 122) + "é");
        RawFrame close = await harness.AnswerCloseAsync();

        Assert.Equal(new string('x', 122), close.CloseReason);
    }

    [Fact]
    public async Task Giving_up_waiting_for_a_close_does_not_stop_it()
    {
        await using var harness = new ConnectionHarness();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => harness.Connection.CloseAsync(1000, "", new CancellationToken(true)).AsTask());
        await harness.AnswerCloseAsync();

        Assert.True((await harness.Ended.Soon()).WasClean);
    }

    [Fact]
    public async Task Disposing_says_going_away_and_waits()
    {
        await using var harness = new ConnectionHarness();

        Task disposing = harness.Connection.DisposeAsync().AsTask();
        RawFrame close = await harness.AnswerCloseAsync();
        await disposing.Soon();

        Assert.Equal(1001, close.CloseCode);
        Assert.True((await harness.Ended.Soon()).WasClean);
    }

    [Fact]
    public async Task Disposing_one_that_never_ran_ends_its_transport()
    {
        await using var harness = new ConnectionHarness(run: false);

        await harness.Connection.DisposeAsync();

        Assert.Null(await harness.Peer.TryReadFrameAsync());
        Assert.Equal(1006, (await harness.Connection.Closed.Soon()).Code);
        await Assert.ThrowsAsync<InvalidOperationException>(() => harness.Connection.RunAsync(harness.Receiver));
    }

    [Fact]
    public async Task A_connection_runs_once()
    {
        await using var harness = new ConnectionHarness();

        await Assert.ThrowsAsync<InvalidOperationException>(() => harness.Connection.RunAsync(harness.Receiver));
    }

    private sealed class BadReader(PipeReader inner) : PipeReader
    {
        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => throw new ObjectDisposedException("reader");

        public override void Complete(Exception? exception = null) => throw new IOException("reader");

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => inner.TryRead(out result);
    }

    private sealed class BadWriter(PipeWriter inner) : PipeWriter
    {
        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => throw new ObjectDisposedException("writer");

        public override void Complete(Exception? exception = null) => throw new IOException("writer");

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
    }
}
