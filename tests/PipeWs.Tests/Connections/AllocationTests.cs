using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Compression;

namespace PipeWs.Tests.Connections;

/// <summary>A message costs no allocation in steady state: 0 bytes, counted for the whole process.</summary>
[Collection(AloneCollection.Name)]
public sealed class AllocationTests
{
    // The runtime's own threads allocate a little now and then; one object per message would be 24 bytes times the count.
    private const int Messages = 20_000;
    private const long Tolerance = Messages;

    public enum Reply
    {
        Awaited,
        Tried,
        SharedFrame,
        Posted,
        Fragmented,
    }

    public enum Compressed
    {
        Not,
        WithoutContext,
        WithContext,
    }

    public static TheoryData<Reply, WsRole, Compressed> Ways()
    {
        var data = new TheoryData<Reply, WsRole, Compressed>();
        foreach (Reply reply in Enum.GetValues<Reply>())
        {
            foreach (Compressed compressed in Enum.GetValues<Compressed>())
            {
                data.Add(reply, WsRole.Server, compressed);
                data.Add(reply, WsRole.Client, compressed);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task An_echo_of_a_small_message_allocates_nothing(Reply reply, WsRole role, Compressed compressed)
    {
        var scheduling = new PipeOptions(null, PipeScheduler.Inline, PipeScheduler.Inline, 0, 0, 4096, useSynchronizationContext: false);
        DuplexPipePair pair = DuplexPipePair.Create(scheduling, scheduling);
        using var heartbeat = new WsHeartbeat(new ManualTimeProvider());
        bool takesOver = compressed == Compressed.WithContext;
        var options = new WsConnectionOptions { Compression = new() { ThresholdBytes = 0, ServerContextTakeover = takesOver, ClientContextTakeover = takesOver } };
        DeflateParameters? agreed = compressed == Compressed.Not ? null : new DeflateParameters(15, 15, !takesOver, !takesOver);
        var connection = new WsConnection(pair.Connection, role, options, heartbeat, compression: agreed);
        WsFrame shared = WsFrame.Create(WsMessageType.Text, "shared shared shared shared"u8);
        var echo = new Echo(connection, reply, shared);
        Task<WsCloseInfo> ended = connection.RunAsync(echo);
        var peer = new RawPeer(pair.Peer, masks: role == WsRole.Server);
        byte[] text = new byte[100];
        text.AsSpan().Fill((byte)'x');
        int rsv = 0;
        if (agreed is not null)
        {
            text = DeflateBytes.Of(text);
            rsv = 0x40;
        }

        uint? key = role == WsRole.Server ? 0x37FA213D : null;
        byte[] request = reply == Reply.Fragmented
            ? [.. RawFrame.Encode(RawFrame.Text, text.AsSpan(0, 4), fin: false, key, rsv), .. RawFrame.Encode(RawFrame.Continuation, text.AsSpan(4), maskingKey: key)]
            : RawFrame.Encode(RawFrame.Text, text, maskingKey: key, rsv: rsv);

        Drive(peer, request, Messages);
        int handled = echo.Handled;
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 5 && allocated > Tolerance; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Drive(peer, request, Messages);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            handled += Messages;
        }

        Assert.Equal(handled, echo.Handled);
        Assert.InRange(allocated, 0, Tolerance);
        shared.Release();
        peer.Finish();
        await ended.Soon();
    }

    /// <summary>Everything runs on this thread: the pipes schedule inline.</summary>
    private static void Drive(RawPeer peer, byte[] request, int count)
    {
        for (int i = 0; i < count; i++)
        {
            request.CopyTo(peer.Output.GetSpan(request.Length));
            peer.Output.Advance(request.Length);
            ValueTask<FlushResult> flush = peer.Output.FlushAsync();
            Assert.True(flush.IsCompletedSuccessfully);
            _ = flush.Result;
            ReadResult result;
            while (!peer.Input.TryRead(out result))
            {
                Thread.Yield();
            }

            peer.Input.AdvanceTo(result.Buffer.End);
        }
    }

    private sealed class Echo(WsConnection connection, Reply reply, WsFrame shared) : WsReceiver
    {
        public int Handled { get; private set; }

        public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload)
        {
            Handled++;
            switch (reply)
            {
                case Reply.Tried:
                    connection.TrySend(type, payload.FirstSpan);
                    return default;
                case Reply.SharedFrame:
                    connection.TrySend(shared);
                    return default;
                case Reply.Posted:
                    // The first takes the mailbox, and so the second cannot be written past it.
                    connection.TrySend(shared);
                    return connection.SendAsync(type, payload.First);
                default:
                    return connection.SendAsync(type, payload);
            }
        }    }
}
