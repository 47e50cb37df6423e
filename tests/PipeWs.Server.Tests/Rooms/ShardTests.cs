using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Rooms;

[Collection(AloneCollection.Name)]
public sealed class ShardTests
{
    private const int FrameBytes = 3;

    [Fact]
    public async Task No_wake_up_is_lost_between_publishers_that_find_the_turn_taken()
    {
        const int Publishers = 3;
        const int Rounds = 100_000;
        using var hub = new TestHub(options =>
        {
            options.SendWelcome = false;

            // A ping would count among the bytes: under load the rounds last longer than the time to one.
            options.PingInterval = Timeout.InfiniteTimeSpan;
        });
        await using var peer = new HookedPeer(hub.Hub);
        byte[] payload = [(byte)'x'];
        int lostIn = -1;
        using var barrier = new Barrier(Publishers, ended =>
        {
            // All that the others sent has its walk by now, or is being walked by a thread of the pool.
            int expected = FrameBytes * Publishers * (int)ended.CurrentPhaseNumber;
            if (lostIn < 0 && !SpinWait.SpinUntil(() => peer.FlushedBytes >= expected, TimeSpan.FromSeconds(20)))
            {
                lostIn = (int)ended.CurrentPhaseNumber;
            }
        });
        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < Rounds && lostIn < 0; i++)
                {
                    barrier.SignalAndWait();
                    hub.Hub.All.SendAsync(payload, WsMessageType.Text);
                }
            },
            TaskCreationOptions.LongRunning)));
        Assert.Equal(-1, lostIn);
        await Conditions.UntilAsync(() => peer.FlushedBytes == FrameBytes * Publishers * Rounds, "the last round is delivered");
    }
}
