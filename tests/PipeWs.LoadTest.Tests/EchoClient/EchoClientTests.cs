using PipeWs.Client;
using PipeWs.Client.Tests.Support;
using PipeWs.LoadTest.CommandLine;
using PipeWs.LoadTest.EchoClient;
using PipeWs.Shared;

namespace PipeWs.LoadTest.Tests.EchoClient;

/// <summary>The client that a conformance suite judges, before a suite of our own.</summary>
public sealed class EchoClientTests
{
    [Fact]
    public async Task It_asks_for_the_cases_runs_one_after_the_other_and_asks_for_the_reports()
    {
        int running = 0;
        await using var suite = new ScriptedSuite(AloneAsync, AloneAsync, AloneAsync);

        EchoClientResult result = await suite.RunAsync();

        Assert.Equal(3, result.Cases);
        Assert.Empty(result.Unopened);
        Assert.Equal(
            ["/getCaseCount", .. Enumerable.Range(1, 3).Select(number => $"/runCase?case={number}&agent=the%20agent"), "/updateReports?agent=the%20agent"], suite.Targets);

        async Task AloneAsync(ServerPeer peer)
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            await CloseAsync(peer);
            Interlocked.Decrement(ref running);
        }
    }

    [Fact]
    public async Task Messages_come_back_as_what_they_were()
    {
        byte[] large = new byte[16 * 1024 * 1024];
        new Random(1).NextBytes(large);
        byte[] text = new byte[16 * 1024 * 1024];
        text.AsSpan().Fill((byte)'*');
        await using var suite = new ScriptedSuite(
            peer => EchoedAsync(peer, RawFrame.Text, []),
            peer => EchoedAsync(peer, RawFrame.Binary, [0xFF]),
            peer => EchoedAsync(peer, RawFrame.Text, "\u03ba\u1f79\u03c3\u03bc\u03b5"u8.ToArray()),
            peer => EchoedAsync(peer, RawFrame.Binary, large),
            peer => EchoedAsync(peer, RawFrame.Text, text),
            peer => EchoedAsync(peer, RawFrame.Text, text, fragmentBytes: 65536),
            peer => EchoedAsync(peer, RawFrame.Binary, large[..(4 * 1024 * 1024)], fragmentBytes: 64));

        await suite.RunAsync();

        Assert.All(suite.Reports, report => Assert.Contains("ended with 1000 (the suite)", report, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_thousand_messages_that_are_not_waited_for_come_back_in_order()
    {
        await using var suite = new ScriptedSuite(async peer =>
        {
            await peer.WriteAsync(peer.Answer());
            Task sending = SendAsync();
            for (int i = 0; i < 1000; i++)
            {
                Assert.Equal($"message {i}", (await peer.Frames.ReadFrameAsync()).PayloadText);
            }

            await sending;
            await ClosedAsync(peer);

            async Task SendAsync()
            {
                for (int i = 0; i < 1000; i++)
                {
                    await peer.SendTextAsync($"message {i}");
                }
            }
        });

        await suite.RunAsync();
    }

    [Fact]
    public async Task It_offers_compression_and_lets_itself_be_told_its_window()
    {
        await using var suite = new ScriptedSuite(async peer =>
        {
            Assert.Equal("permessage-deflate; client_max_window_bits", peer.Header("Sec-WebSocket-Extensions"));
            await peer.WriteAsync(peer.Answer("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n"));

            // The RFC's own compressed "Hello" (RFC 7692, section 7.2.3.1), and then by its context (7.2.3.2).
            await peer.Frames.SendAsync(RawPeer.Hex("C1 07 F2 48 CD C9 C9 07 00 C1 05 F2 00 11 00 00"));
            Assert.Equal("Hello", (await peer.Frames.ReadFrameAsync()).PayloadText);
            Assert.Equal("Hello", (await peer.Frames.ReadFrameAsync()).PayloadText);
            await ClosedAsync(peer);
        });

        await suite.RunAsync();

        Assert.Contains("ended with 1000 (the suite)", suite.Reports[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("C1 02 68 69", 1002)] // RSV1, which nobody agreed on
    [InlineData("A1 02 68 69", 1002)]
    [InlineData("83 00", 1002)]
    [InlineData("8B 00", 1002)]
    [InlineData("81 82 00 00 00 00 68 69", 1002)] // masked by a server
    [InlineData("82 7E 00 02 01 02", 1002)] // a length that is not minimal
    [InlineData("89 7E 00 7E", 1002)]
    [InlineData("09 00", 1002)]
    [InlineData("80 02 68 69", 1002)]
    [InlineData("01 02 68 69 81 02 68 69", 1002)]
    [InlineData("81 02 C0 AF", 1007)]
    [InlineData("01 02 68 69 00 01 FF", 1007)] // at once: the message has no end
    [InlineData("81 7F 00 00 00 00 00 01 00 00 FF", 1007)] // at once: the frame has no end
    [InlineData("88 01 03", 1002)]
    [InlineData("88 02 03 E7", 1002)]
    [InlineData("88 02 03 ED", 1002)]
    [InlineData("88 03 03 E8 FF", 1007)]
    public async Task Errors_are_failed_with_their_code_after_what_came_before_is_answered_and_the_next_case_runs(string hex, int code)
    {
        bool wentOn = false;
        await using var suite = new ScriptedSuite(
            async peer =>
            {
                await peer.WriteAsync(peer.Answer());
                byte[] bytes = [.. peer.Frames.Encode(RawFrame.Text, "before"u8), .. peer.Frames.Encode(RawFrame.Ping, "too"u8), .. RawPeer.Hex(hex)];
                await peer.Frames.SendAsync(bytes);
                Assert.Equal("before", (await peer.Frames.ReadFrameAsync()).PayloadText);
                Assert.Equal((RawFrame.Pong, "too"), await peer.Frames.ReadFrameAsync() is var pong ? (pong.Opcode, pong.PayloadText) : default);
                RawFrame close = await peer.Frames.ReadFrameAsync();
                Assert.Equal((RawFrame.Close, code), (close.Opcode, close.CloseCode));
                Assert.True(System.Text.Unicode.Utf8.IsValid(close.Payload.AsSpan(2)));
            },
            peer =>
            {
                wentOn = true;
                return EchoedAsync(peer, RawFrame.Text, "after"u8.ToArray());
            });

        await suite.RunAsync();

        Assert.True(wentOn);
        Assert.Contains($"ended with {code} (this side)", suite.Reports[0], StringComparison.Ordinal);
        Assert.Equal(4, suite.Targets.Count);
    }

    [Fact]
    public async Task Whatever_way_the_suite_ends_a_case_the_next_one_runs()
    {
        await using var suite = new ScriptedSuite(
            async peer =>
            {
                await peer.WriteAsync(peer.Answer());
                peer.Drop();
            },
            async peer =>
            {
                await peer.WriteAsync(peer.Answer());
                await peer.SendTextAsync("x");
                peer.Reset();
            },
            async peer =>
            {
                // A close frame with nothing in it is answered by the same.
                await peer.WriteAsync(peer.Answer());
                await peer.Frames.SendFrameAsync(RawFrame.Close, Array.Empty<byte>());
                Assert.Empty((await peer.Frames.ReadFrameAsync()).Payload);
            },
            async peer =>
            {
                // What follows a close frame is not answered before it.
                await peer.WriteAsync(peer.Answer());
                byte[] bytes = [.. peer.Frames.Encode(RawFrame.Close, RawFrame.ClosePayload(3000, "why")), .. peer.Frames.Encode(RawFrame.Ping, "x"u8), .. peer.Frames.Encode(RawFrame.Text, "x"u8)];
                await peer.Frames.SendAsync(bytes);
                RawFrame close = await peer.Frames.ReadFrameAsync();
                Assert.Equal((RawFrame.Close, 3000), (close.Opcode, close.CloseCode));
            },
            peer => peer.WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            CloseAsync);

        EchoClientResult result = await suite.RunAsync();

        Assert.Equal([5], result.Unopened);
        Assert.Equal(8, suite.Targets.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("many")]
    public async Task A_suite_that_does_not_say_how_many_cases_it_has_is_an_error(string count)
    {
        await using var suite = new ScriptedSuite { CaseCount = count };

        await Assert.ThrowsAsync<InvalidDataException>(suite.RunAsync);
    }

    [Fact]
    public async Task The_command_ends_with_0_where_all_cases_were_run_and_with_2_where_nobody_is_there()
    {
        int exit;
        await using (var suite = new ScriptedSuite(CloseAsync))
        {
            exit = await LoadTestCommand.Create().Parse(["echo-client", suite.Options.Url.AbsoluteUri, "--agent", "x"]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, exit);
        Assert.Equal(2, await LoadTestCommand.Create().Parse(["echo-client", "ws://127.0.0.1:1"]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
    }

    private static async Task CloseAsync(ServerPeer peer)
    {
        await peer.WriteAsync(peer.Answer());
        await ClosedAsync(peer);
    }

    private static async Task ClosedAsync(ServerPeer peer)
    {
        await peer.Frames.SendCloseAsync(1000);
        RawFrame close = await peer.Frames.ReadFrameAsync();
        Assert.Equal((RawFrame.Close, 1000), (close.Opcode, close.CloseCode));
    }

    private static async Task EchoedAsync(ServerPeer peer, int opcode, byte[] payload, int fragmentBytes = int.MaxValue)
    {
        await peer.WriteAsync(peer.Answer());
        int sent = 0;
        do
        {
            int length = Math.Min(fragmentBytes, payload.Length - sent);
            await peer.Frames.SendFrameAsync(sent == 0 ? opcode : RawFrame.Continuation, payload.AsMemory(sent, length), fin: sent + length == payload.Length);
            sent += length;
        }
        while (sent < payload.Length);

        (int type, byte[] echo) = await peer.Frames.ReadMessageAsync();
        Assert.Equal(opcode, type);
        Assert.True(payload.AsSpan().SequenceEqual(echo));
        await ClosedAsync(peer);
    }
}
