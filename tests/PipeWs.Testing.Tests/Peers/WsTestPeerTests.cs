using System.IO.Pipelines;
using PipeWs.Protocol.Framing;
using PipeWs.Shared;

namespace PipeWs.Testing.Tests.Peers;

/// <summary>Two peers against each other, one the client and one the server.</summary>
public sealed class WsTestPeerTests : IAsyncDisposable
{
    private readonly WsTestPeer _client;
    private readonly WsTestPeer _server;

    public WsTestPeerTests()
    {
        (_client, _server) = Pair();
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_client_masks_and_a_server_does_not()
    {
        await _client.SendTextAsync("hello");
        await _server.SendTextAsync("world");

        (await _server.ReadFrameAsync()).AssertText("hello").AssertMasked();
        (await _client.ReadFrameAsync()).AssertText("world").AssertUnmasked();
    }

    [Fact]
    public async Task Fragments_come_as_frames_or_as_one_message()
    {
        await _client.SendFragmentsAsync(WsMessageType.Text, "Hel"u8.ToArray(), "lo"u8.ToArray(), default);
        await _client.SendFragmentsAsync(WsMessageType.Text, "wor"u8.ToArray());
        await _client.SendFrameAsync(WsRawFrame.Binary(new byte[] { 1 }, fin: false));
        await _client.SendPingAsync();
        await _client.SendFrameAsync(WsRawFrame.Continuation(new byte[] { 2 }));

        (await _server.ReadFrameAsync()).AssertFragment(Opcode.Text, fin: false);
        (await _server.ReadFrameAsync()).AssertFragment(Opcode.Continuation, fin: false);
        (await _server.ReadFrameAsync()).AssertFragment(Opcode.Continuation, fin: true);
        Assert.Equal("wor", await _server.ReadTextAsync());
        Assert.Equal([1, 2], (await _server.ReadBinaryAsync()).ToArray());
        (await _server.ReadFrameAsync()).AssertPing();
    }

    [Fact]
    public async Task Pings_are_answered_by_themselves_unless_the_test_says_otherwise()
    {
        await _server.SendPingAsync(new byte[] { 7 });
        (await _server.ReadFrameAsync()).AssertPong([7]);

        (WsTestPeer client, WsTestPeer server) = Pair(new WsTestPeerOptions { AnswersPings = false });
        await server.SendPingAsync(new byte[] { 7 });
        (await client.ReadFrameAsync()).AssertPing();
        Assert.Equal(0, server.WaitingFrames);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task The_closing_handshake_goes_by_itself()
    {
        WsRawFrame answer = await _client.CloseAsync(3000, "done");

        answer.AssertClose(3000);
        (await _server.ExpectCloseAsync(3000)).AssertClose(3000, "done");
        _client.Finish();
        await _server.Ended;
    }

    [Fact]
    public async Task What_is_sent_before_a_close_is_given_with_it()
    {
        await _server.SendTextAsync("one");
        await _server.SendTextAsync("two");
        await _server.SendCloseAsync(1001);

        (IReadOnlyList<WsTestMessage> messages, WsRawFrame close) = await _client.UntilCloseAsync(1001);

        Assert.Equal(["one", "two"], messages.Select(static message => message.Text));
        close.AssertClose(1001);
    }

    [Fact]
    public async Task A_close_that_is_not_the_next_is_a_failure_that_shows_what_is()
    {
        await _server.SendTextAsync("not yet");
        await _server.SendCloseAsync(1001);

        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => _client.ExpectCloseAsync(1001));

        Assert.Contains("Expected: close 1001.\nBut a message came: not yet.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_does_not_come_fails_with_what_came_instead()
    {
        (WsTestPeer client, WsTestPeer server) = Pair(new WsTestPeerOptions { Patience = TimeSpan.FromMilliseconds(500) });
        await client.SendTextAsync("ask");
        await server.SendPingAsync();

        WsAssertionException nothing = await Assert.ThrowsAsync<WsAssertionException>(() => client.ExpectAsync("answer"));
        Assert.Contains("Expected: a message of type \"answer\".\nBut nothing of the kind came within 00:00:00.5", nothing.Message, StringComparison.Ordinal);
        Assert.Contains("sent text masked 3 bytes ask\n  came ping 0 bytes\n  sent pong", nothing.Message, StringComparison.Ordinal);

        await server.SendTextAsync("{\"type\":\"other\"}");
        WsAssertionException other = await Assert.ThrowsAsync<WsAssertionException>(() => client.ExpectAsync("answer"));
        Assert.Contains("another message came: {\"type\":\"other\"}", other.Message, StringComparison.Ordinal);

        await server.SendCloseAsync(3008, "too slow");
        WsAssertionException closed = await Assert.ThrowsAsync<WsAssertionException>(() => client.ExpectAsync("answer"));
        Assert.Contains("the other end closed: close 3008 \"too slow\"", closed.Message, StringComparison.Ordinal);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_end_without_a_close_frame_is_an_abort()
    {
        _server.Abort();

        await _client.ExpectAbortAsync();
        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => _client.ReadTextAsync());
        Assert.Contains("the transport broke: The connection was reset by the peer.", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<WsAssertionException>(() => _client.CloseAsync());
    }

    [Fact]
    public async Task A_fin_without_a_close_frame_is_an_abort_too()
    {
        await _server.SendTextAsync("last words");
        _server.Finish();

        await _client.ExpectAbortAsync();
        Assert.Equal("last words", await _client.ReadTextAsync());
        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => _client.ReadTextAsync());
        Assert.Contains("the transport ended without a close frame (1006)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_is_disposed_of_leaves_nobody_waiting_who_only_stopped_sending()
    {
        _server.Finish();
        await _client.Ended.Soon();

        await _client.DisposeAsync();

        await _server.Ended.Soon();
        await _client.DisposeAsync();
    }

    [Theory]
    [InlineData(Opcode.Continuation, true, "A continuation came with no message to continue")]
    [InlineData(Opcode.Text, false, "A client masks every frame, and a server none")]
    public async Task A_server_that_breaks_the_protocol_is_a_failure(Opcode opcode, bool isUnmasked, string message)
    {
        await _server.SendFrameAsync(new WsRawFrame(true, 0, opcode, null, default), isMasked: !isUnmasked);

        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => _client.ReadMessageAsync());

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<WsAssertionException>(() => _client.ReadToEndAsync());
        WsAssertionException noAbort = await Assert.ThrowsAsync<WsAssertionException>(() => _client.ExpectAbortAsync());
        Assert.Contains($"But {message}", noAbort.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_end_inside_a_frame_is_an_abort_too()
    {
        await _server.SendBytesAsync(_server.Encode(WsRawFrame.Text("last words")).AsMemory(0, 5));
        _server.Finish();

        await _client.ExpectAbortAsync();
        await Assert.ThrowsAsync<WsAssertionException>(() => _client.ReadTextAsync());
    }

    [Fact]
    public async Task A_peer_that_stopped_reading_sees_nothing_until_it_reads_on()
    {
        _client.StopReading();
        await _server.SendTextAsync("one");
        Assert.Equal(0, _client.WaitingFrames);

        _client.ResumeReading();

        Assert.Equal("one", await _client.ReadTextAsync());
    }

    [Fact]
    public async Task Only_what_the_window_holds_can_be_sent_to_a_peer_that_does_not_read()
    {
        (WsTestPeer client, WsTestPeer server) = Pair(serverOptions: new WsTestPeerOptions { Patience = TimeSpan.FromMilliseconds(30) }, window: 64);
        client.StopReading();

        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(() => server.SendTextAsync(new string('x', 100)));

        Assert.Contains("the other end did not read within", failure.Message, StringComparison.Ordinal);
        client.ResumeReading();
        Assert.Equal(100, (await client.ReadTextAsync()).Length);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Bytes_go_as_they_are_in_chunks()
    {
        await _client.SendBytesAsync(_client.Encode(WsRawFrame.Text("one"), WsRawFrame.Text("two")), chunkBytes: 1);
        await _client.SendBytesAsync(Convert.FromHexString("810568656C6C6F"));

        Assert.Equal("one", await _server.ReadTextAsync());
        Assert.Equal("two", await _server.ReadTextAsync());
        await Assert.ThrowsAsync<WsAssertionException>(() => _server.ReadTextAsync());
    }

    [Fact]
    public async Task Until_passes_over_what_is_not_asked_for_and_requests_leave_it()
    {
        await _server.SendTextAsync("{\"type\":\"noise\"}");
        Task<WsTestMessage> request = _client.RequestAsync("ask", "{\"x\":1}");
        WsTestMessage asked = await _server.ReadMessageAsync();
        await _server.SendTextAsync($"{{\"id\":\"{asked.Id}\",\"type\":\"answer\",\"data\":2}}");

        Assert.Equal("ask", asked.Type);
        Assert.Equal(1, asked.Data.GetProperty("x").GetInt32());
        Assert.Equal(2, (await request).Data.GetInt32());
        await _client.ExpectAsync("noise");

        await _server.SendTextAsync("not JSON");
        await _server.SendTextAsync("{\"type\":\"wanted\"}");
        await _client.UntilAsync("wanted");
        await _client.ExpectNothingAsync();
    }

    [Fact]
    public async Task Something_where_nothing_was_expected_is_shown()
    {
        await _server.SendTextAsync("something");
        await Conditions.UntilAsync(() => _client.WaitingFrames == 1, "it came");

        WsAssertionException failure = await Assert.ThrowsAsync<WsAssertionException>(_client.ExpectNothingAsync);

        Assert.Contains("there is: text 9 bytes something", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["something"], _client.TakeMessages().Select(static message => message.Text));
    }

    [Fact]
    public async Task Sends_from_many_threads_do_not_mix()
    {
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => _client.SendTextAsync($"{i} {new string('x', i)}"))));

        var seen = new HashSet<string>();
        for (int i = 0; i < 200; i++)
        {
            seen.Add(await _server.ReadTextAsync());
        }

        Assert.Equal(200, seen.Count);
    }

    private static (WsTestPeer Client, WsTestPeer Server) Pair(WsTestPeerOptions? clientOptions = null, WsTestPeerOptions? serverOptions = null, int window = 0)
    {
        var pipes = DuplexPipePair.Create(
            DuplexPipePair.Endless(),
            window == 0 ? DuplexPipePair.Endless() : new PipeOptions(pauseWriterThreshold: window, resumeWriterThreshold: window / 2, useSynchronizationContext: false));
        return (new WsTestPeer(pipes.Peer, WsRole.Client, clientOptions), new WsTestPeer(pipes.Connection, WsRole.Server, serverOptions));
    }
}
