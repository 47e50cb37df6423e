using System.IO.Pipelines;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Sockets;

/// <summary>Neither a send that is taken at once nor one that waits for the peer allocates: counted for the whole process.</summary>
[Collection(AloneCollection.Name)]
public sealed class SocketAllocationTests
{
    private const int Flushes = 20_000;

    // The runtime's own threads allocate a little now and then; one object per flush would be 24 bytes times the count.
    private const long Tolerance = Flushes;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_flush_that_is_taken_at_once_allocates_nothing(bool isLowLatency, bool isWrittenWithIt)
    {
        using SocketPair pair = await SocketPair.ConnectAsync(isLowLatency: isLowLatency);
        byte[] message = new byte[130];
        byte[] received = new byte[message.Length];

        AssertAllocatesNothing(Flushes, () =>
        {
            if (isWrittenWithIt)
            {
                Assert.True(pair.Writer.WriteAsync(message).IsCompletedSuccessfully);
            }
            else
            {
                pair.Write(message);
                Assert.True(pair.Writer.FlushAsync().IsCompletedSuccessfully);
            }

            for (int read = 0; read < message.Length;)
            {
                read += pair.Peer.Receive(received);
            }
        });
    }

    [Fact]
    public async Task A_flush_that_waits_for_the_peer_allocates_nothing()
    {
        using SocketPair pair = await SocketPair.ConnectAsync(bufferBytes: 2048);
        byte[] message = new byte[20_000];
        byte[] received = new byte[message.Length];
        int waited = 0;

        AssertAllocatesNothing(Flushes / 10, () =>
        {
            pair.Write(message);
            ValueTask<FlushResult> flush = pair.Writer.FlushAsync();
            waited += flush.IsCompleted ? 0 : 1;
            for (int read = 0; read < message.Length;)
            {
                read += pair.Peer.Receive(received);
            }

            while (!flush.IsCompleted)
            {
                Thread.Yield();
            }

            Assert.False(flush.Result.IsCompleted);
        });
        Assert.InRange(waited, Flushes / 20, int.MaxValue);
    }

    private static void AssertAllocatesNothing(int times, Action round)
    {
        Run(round, times);
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 5 && allocated > Tolerance; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Run(round, times);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Assert.InRange(allocated, 0, Tolerance);
    }

    private static void Run(Action round, int times)
    {
        for (int i = 0; i < times; i++)
        {
            round();
        }
    }
}
