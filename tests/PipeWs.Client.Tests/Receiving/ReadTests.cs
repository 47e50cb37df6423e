using System.Text;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Receiving;

public sealed class ReadTests
{
    [Theory]
    [InlineData(WsBufferFullMode.DropOldest)]
    [InlineData(WsBufferFullMode.DropNewest)]
    public async Task A_reader_that_does_not_read_holds_up_neither_pings_nor_the_connection(WsBufferFullMode mode)
    {
        var answered = new TaskCompletionSource<RawFrame>();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            for (int i = 0; i < 5000; i++)
            {
                await peer.SendTextAsync($"{i}");
            }

            await peer.Frames.SendFrameAsync(RawFrame.Ping, "are you there"u8.ToArray());
            answered.SetResult(await peer.Frames.ReadFrameAsync());
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.ReadMessageBuffer = 10;
            o.ReadFullMode = mode;
        });
        int full = 0;
        using IDisposable subscription = client.OnEvent(WsClientEventKinds.ReadBufferFull, _ => Interlocked.Increment(ref full));
        await client.StartAsync().Soon();

        RawFrame pong = await answered.Task.Soon();
        Assert.Equal((RawFrame.Pong, "are you there"), (pong.Opcode, pong.PayloadText));
        var read = new List<string>();
        while (client.TryRead(out WsClientMessage message))
        {
            using (message)
            {
                read.Add(message.GetText());
            }
        }

        int first = mode == WsBufferFullMode.DropOldest ? 4990 : 0;
        Assert.Equal(Enumerable.Range(first, 10).Select(i => $"{i}"), read);
        await Conditions.UntilAsync(() => full > 0, "it was said");
    }

    [Fact]
    public async Task With_Wait_nothing_is_lost_and_the_client_says_that_it_is_alive_meanwhile()
    {
        var clock = new ManualTimeProvider();
        var heard = new List<int>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            Task sending = Task.Run(async () =>
            {
                for (int i = 0; i < 3000; i++)
                {
                    await peer.SendTextAsync($"{i} " + new string('x', 100));
                }
            });
            while (await peer.Frames.TryReadFrameAsync() is { } frame && frame.Opcode != RawFrame.Close)
            {
                lock (heard)
                {
                    heard.Add(frame.Opcode);
                }
            }

            await peer.Frames.SendCloseAsync(1000);
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.ReadMessageBuffer = 10;
            o.PingInterval = TimeSpan.FromSeconds(5);
            o.PongTimeout = TimeSpan.FromSeconds(5);
        });
        await client.StartAsync().Soon();
        await Conditions.UntilAsync(() => client.ReadBufferCount == 10 && client.Connection!.Connection.IsInReceiver, "the buffer is full");
        for (int i = 0; i < 120; i++)
        {
            clock.Advance(WsHeartbeat.Interval);
            await Task.Yield();
        }

        Assert.True(client.IsConnected);
        lock (heard)
        {
            Assert.Contains(RawFrame.Ping, heard);
            Assert.InRange(heard.Count(opcode => opcode == RawFrame.Pong), 5, 30);
        }

        for (int i = 0; i < 3000; i++)
        {
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.True(client.TryRead(out WsClientMessage message));
            using (message)
            {
                Assert.StartsWith($"{i} ", message.GetText(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task With_Fail_the_connection_is_given_up_and_opened_again()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            for (int i = 0; i < 20 && peer.Number == 1; i++)
            {
                await peer.SendTextAsync($"{i}");
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.ReadMessageBuffer = 10;
            o.ReadFullMode = WsBufferFullMode.Fail;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
        });
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.Disconnected).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        Assert.True(await events.MoveNextAsync().Soon());
        Assert.Equal(3008, ((WsDisconnectedEvent)events.Current).Disconnect.Code);
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");
        Assert.Equal(10, client.ReadBufferCount);
    }

    [Fact]
    public async Task The_read_buffer_is_bounded_in_bytes_and_one_message_always_has_room()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            for (int i = 0; i < 10; i++)
            {
                await peer.SendTextAsync(new string((char)('0' + i), 1000));
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o => o.ReadBufferBytes = 100);
        await client.StartAsync().Soon();
        for (int i = 0; i < 10; i++)
        {
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.InRange(client.ReadBufferCount, 1, 1);
            Assert.True(client.TryRead(out WsClientMessage message));
            Assert.Equal(new string((char)('0' + i), 1000), message.GetText());
            message.Dispose();
        }
    }

    [Fact]
    public async Task A_message_that_was_disposed_twice_does_not_disturb_the_buffer_s_next_use()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(peer.SendTextAsync);
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();
        await client.SendTextAsync("first");
        Assert.True(await client.WaitToReadAsync().Soon());
        client.TryRead(out WsClientMessage first);
        WsClientMessage copy = first;
        first.Dispose();
        for (int i = 0; i < 50; i++)
        {
            await client.SendTextAsync($"{i}");
            Assert.True(await client.WaitToReadAsync().Soon());
            client.TryRead(out WsClientMessage message);
            copy.Dispose();
            Assert.Throws<ObjectDisposedException>(() => copy.GetText());
            Assert.Equal($"{i}", message.GetText());
            message.Dispose();
        }
    }

    [Fact]
    public async Task A_handler_that_throws_is_reported_and_gets_the_next_message()
    {
        var handled = new List<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync("throws");
            await peer.SendTextAsync("throws later");
            await peer.SendTextAsync("is fine");
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o => o.MessageHandler = new Handler((_, payload, _) =>
        {
            string text = Encoding.UTF8.GetString(payload);
            lock (handled)
            {
                handled.Add(text);
            }

            return text switch { "throws" => throw new InvalidOperationException(text), "throws later" => LaterAsync(text), _ => default };
        }));
        IAsyncEnumerator<WsClientEvent> events = client.ReadEventsAsync(WsClientEventKinds.CallbackError).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        foreach (string expected in (string[])["throws", "throws later"])
        {
            Assert.True(await events.MoveNextAsync().Soon());
            var error = (WsCallbackErrorEvent)events.Current;
            Assert.Equal(("IMessageHandler", expected), (error.Callback, error.Exception.Message));
        }

        await Conditions.UntilAsync(() => handled.Count == 3, "the third was handled");
        Assert.True(client.IsConnected);

        static async ValueTask LaterAsync(string text)
        {
            await Task.Yield();
            throw new InvalidOperationException(text);
        }
    }

    [Fact]
    public async Task A_handler_may_stop_its_own_client()
    {
        WsClient? client = null;
        var stopped = new TaskCompletionSource();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync("stop");
            await peer.ServeAsync();
        });
        client = server.CreateClient(o => o.MessageHandler = new Handler(async (_, _, _) =>
        {
            await client!.StopAsync(CancellationToken.None);
            stopped.SetResult();
        }));
        await client.StartAsync().Soon();

        await stopped.Task.Soon();
        await client.StopAsync().Soon();
        Assert.Equal(WsClientState.Stopped, client.State);
        Assert.Equal("", client.Unfinished);
    }
}
