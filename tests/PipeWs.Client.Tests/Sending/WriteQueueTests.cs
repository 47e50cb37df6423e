using PipeWs.Client.Sending;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Sending;

public sealed class WriteQueueTests
{
    private const int Rounds = 20_000;

    /// <summary>
    /// The pump finds that a connection has ended while the run has the next one already. Which of both is first is up to the scheduler: many rounds, each with another head start.
    /// </summary>
    [Fact]
    public async Task A_connection_that_is_ready_while_the_pump_fails_over_the_last_one_keeps_its_place()
    {
        using var heartbeat = new WsHeartbeat(new ManualTimeProvider());
        WsConnection ended = Create(heartbeat);
        ended.Abort();
        WsConnection next = Create(heartbeat);
        var options = new WsClientOptions { OfflineQueueCount = 4 };
        for (int round = 0; round < Rounds; round++)
        {
            var queue = new WriteQueue(options, heartbeat, static (_, _) => { }, static () => { });
            queue.SetLive(ended);
            Assert.True(queue.TrySend(WsMessageType.Text, "x"u8, default));
            Thread.SpinWait(round % 1000);
            queue.SetOffline();
            queue.SetLive(next);
            await queue.Pump.Soon();

            Assert.True(queue.Count == 0, $"Round {round}: the message still waits, and the connection is there.");
        }
    }

    private static WsConnection Create(WsHeartbeat heartbeat) =>
        new(DuplexPipePair.Create(toPeer: DuplexPipePair.Endless()).Connection, WsRole.Client, new WsConnectionOptions { SendBacklogBytes = int.MaxValue, MaxSendBacklogBytes = long.MaxValue }, heartbeat);
}
