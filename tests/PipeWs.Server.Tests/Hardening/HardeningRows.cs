using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>What the rows of HARDENING have in common.</summary>
internal static class HardeningRows
{
    /// <summary>Sends bytes over a new connection for each, which the server must fail with this code and then close; nobody else notices.</summary>
    public static async Task FailsAsync(HubServer server, int code, params byte[][] inputs)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            await using RawPeer peer = await server.OpenAsync();
            await peer.SendAsync(inputs[i]);
            await peer.ReadCloseAsync(code);
            if (i == 0)
            {
                // The end of the transport takes the server's linger, so one of them waits for it and the others go first.
                await peer.AssertClosedAsync();
            }
        }

        await server.AssertUndisturbedAsync(inputs.Length);
    }

    /// <inheritdoc cref="FailsAsync(HubServer, int, byte[][])"/>
    public static Task FailsAsync(HubServer server, int code, params string[] hex) => FailsAsync(server, code, [.. hex.Select(Hex)]);

    /// <summary>
    /// Lets the time go on until the server has begun to close a connection, and no further: were the closing handshake's own limit to pass by the test's clock before a busy machine has sent the
    /// close frame, the connection would be dropped, and the frame with it.
    /// </summary>
    public static async Task ReadCloseInTimeAsync(this RawPeer peer, int code, HubConnection connection, ManualTimeProvider clock)
    {
        Task<RawFrame> close = peer.ReadCloseAsync(code);
        await PassTimeAsync(clock, () => connection.Ws.IsClosing, close);
        await close;
    }

    /// <summary>Runs a task that needs the time to pass: the clock goes on in small steps until it has completed.</summary>
    public static async Task WhileTimePassesAsync(ManualTimeProvider clock, Task task)
    {
        await PassTimeAsync(clock, static () => false, task);
        await task.WaitAsync(RawPeer.Patience);
    }

    private static async Task PassTimeAsync(ManualTimeProvider clock, Func<bool> isEnough, Task task)
    {
        long start = Environment.TickCount64;
        while (!isEnough() && !task.IsCompleted && Environment.TickCount64 - start < RawPeer.Patience.TotalMilliseconds)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(task, Task.Delay(1));
        }
    }
}
