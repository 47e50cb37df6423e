using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Receiving;

/// <summary>A message that is received or sent costs no allocation in steady state, counted for the whole process.</summary>
[Collection(AloneCollection.Name)]
public sealed class AllocationTests
{
    private const int Messages = 100_000;

    // The runtime's own threads allocate a little now and then, and so does a read that has to wait; one object a message would be 24 bytes times the count.
    private const long Tolerance = 2 * Messages;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receiving_allocates_nothing_for_a_message(bool byHandler)
    {
        int handled = 0;
        var go = new SemaphoreSlim(0);
        byte[] batch = [.. Enumerable.Repeat(RawFrame.Encode(RawFrame.Text, new byte[128].Select(_ => (byte)'x').ToArray()), 100).SelectMany(frame => frame)];
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            while (true)
            {
                await go.WaitAsync(peer.Stopped);
                for (int i = 0; i < Messages / 100; i++)
                {
                    await peer.Frames.SendAsync(batch);
                }
            }
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.CloseTimeout = TimeSpan.FromMilliseconds(100);
            o.MessageHandler = byHandler
                ? new Handler((_, _, _) =>
                {
                    Interlocked.Increment(ref handled);
                    return default;
                })
                : null;
        });
        await client.StartAsync().Soon();
        long allocated = long.MaxValue;
        for (int round = 0; round < 8 && allocated > Tolerance; round++)
        {
            int target = handled + Messages;
            long before = GC.GetTotalAllocatedBytes(precise: true);
            go.Release();
            if (byHandler)
            {
                await Conditions.UntilAsync(() => Volatile.Read(ref handled) == target, "all were handled");
            }

            while (handled < target && await client.WaitToReadAsync())
            {
                while (client.TryRead(out WsClientMessage message))
                {
                    message.Dispose();
                    handled++;
                }
            }

            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Assert.InRange(allocated, 0, Tolerance);
    }

    [Fact]
    public async Task Sending_allocates_nothing_for_a_message()
    {
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            await peer.Frames.Input.CopyToAsync(Stream.Null);
        });
        await using WsClient client = server.CreateClient(o => o.CloseTimeout = TimeSpan.FromMilliseconds(100));
        await client.StartAsync().Soon();
        byte[] payload = new byte[128];
        long allocated = long.MaxValue;
        for (int round = 0; round < 8 && allocated > Tolerance; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Messages; i++)
            {
                await client.SendAsync(payload, WsMessageType.Binary);
            }

            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Assert.InRange(allocated, 0, Tolerance);
    }
}
