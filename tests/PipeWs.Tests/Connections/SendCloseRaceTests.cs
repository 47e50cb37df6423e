using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Row 29 of the list of bad input: sends race every kind of end, from many threads; nothing follows the close frame, and every frame goes back once.</summary>
[Collection(AloneCollection.Name)]
public sealed class SendCloseRaceTests
{
    public enum End
    {
        Local,
        Remote,
        Both,
        Fail,
        Abort,
        Transport,
        OutputCut,
        Slow,
    }

    public static TheoryData<End, WsRole> Ends()
    {
        var data = new TheoryData<End, WsRole>();
        foreach (End end in Enum.GetValues<End>())
        {
            data.Add(end, WsRole.Server);
            data.Add(end, WsRole.Client);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task Nothing_follows_a_close_frame_and_buffers_go_back_exactly_once(End end, WsRole role)
    {
        Assert.True(WsFramePool.CountsOutstanding);
        for (int round = 0; round < 25; round++)
        {
            long before = WsFramePool.Outstanding;
            await using var harness = new ConnectionHarness(role, options => options.MaxSendBacklogBytes = 100_000, round % 2 == 0 ? Delivery.Whole : Delivery.TinyPipe);
            WsConnection connection = harness.Connection;
            var random = new Random(round);
            int moment = random.Next(200);
            using var started = new Barrier(6);
            Task[] senders = Enumerable.Range(0, 5).Select(thread => Task.Run(async () =>
            {
                WsFrame frame = WsFrame.Create(WsMessageType.Binary, new byte[100]);
                byte[] large = new byte[MaxCopied + 1];
                started.SignalAndWait();
                try
                {
                    for (int i = 0; !connection.IsClosing || i < 20; i++)
                    {
                        switch ((i + thread) % 5)
                        {
                            case 0:
                                connection.TrySend(frame);
                                break;
                            case 1:
                                connection.TrySend(WsMessageType.Text, "text"u8);
                                break;
                            case 2:
                                await connection.SendAsync(WsMessageType.Binary, large);
                                break;
                            case 3:
                                await using (WsMessageWriter writer = connection.BeginMessage(WsMessageType.Text))
                                {
                                    await writer.WriteAsync("part"u8.ToArray());
                                    await writer.CompleteAsync();
                                }

                                break;
                            default:
                                await connection.SendAsync(WsMessageType.Text, "awaited"u8.ToArray());
                                break;
                        }
                    }
                }
                catch (WsClosedException)
                {
                }

                frame.Release();
            })).ToArray();
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<(int Closes, int After, int Frames)> reading = Task.Run(() => ReadAsync(harness.Peer, end, ended.Task));
            started.SignalAndWait();
            Task ending = Task.Run(() => EndAsync(harness, end, moment));

            await ending.Soon();
            ended.SetResult();
            (int closes, int after, _) = await reading.Soon();
            harness.Peer.Finish();
            await Task.WhenAll(senders).Soon();
            WsCloseInfo info = await harness.Ended.Soon();

            Assert.Equal(0, after);
            Assert.InRange(closes, end is End.Abort or End.Transport or End.OutputCut ? 0 : 1, 1);
            if (end is End.Local or End.Remote or End.Both)
            {
                Assert.Equal(0, harness.Aborts);
                Assert.Equal(end == End.Remote ? 4002 : end == End.Local ? 4001 : info.Code, info.Code);
            }

            Assert.Equal(0, connection.BacklogBytes);
            Assert.Equal(before, WsFramePool.Outstanding);
        }
    }

    private const int MaxCopied = WsConnection.MaxCopiedBytes;

    private static async Task EndAsync(ConnectionHarness harness, End end, int moment)
    {
        for (int i = 0; i < moment; i++)
        {
            Thread.SpinWait(50);
        }

        switch (end)
        {
            case End.Local:
                harness.Connection.BeginClose(4001, "");
                break;
            case End.Remote:
                await harness.Peer.SendCloseAsync(4002);
                break;
            case End.Both:
                harness.Connection.BeginClose(4001, "");
                await harness.Peer.SendCloseAsync(4002);
                break;
            case End.Fail:
                await harness.SendAsync([0xF0, 0x00]);
                break;
            case End.Abort:
                harness.Connection.Abort();
                break;
            case End.Transport:
                harness.Peer.Finish(new IOException("reset"));
                break;
            case End.OutputCut:
                harness.Peer.FinishReading();
                break;
            default:
                harness.Connection.CloseSlow("slow");
                break;
        }
    }

    private static async Task<(int Closes, int After, int Frames)> ReadAsync(RawPeer peer, End end, Task ended)
    {
        int closes = 0;
        int after = 0;
        int frames = 0;
        try
        {
            while (await peer.TryReadFrameAsync() is { } frame)
            {
                frames++;
                after += closes;
                if (frame.Opcode == RawFrame.Close)
                {
                    closes++;

                    // The peer's output is written by one at a time.
                    await ended;
                    if (end is End.Local or End.Slow)
                    {
                        await peer.SendFrameAsync(RawFrame.Close, frame.Payload);
                    }

                    peer.Finish();
                }
            }
        }
        catch (Exception) when (end is End.Abort or End.Transport or End.OutputCut)
        {
            // Cut in the middle of a frame.
        }

        return (closes, after, frames);
    }
}
