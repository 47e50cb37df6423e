using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests;

/// <summary>The end, whatever the application's code does meanwhile.</summary>
public sealed class StopTests
{
    [Fact]
    public async Task A_callback_of_the_applications_that_throws_when_it_is_cancelled_does_not_hold_up_the_end()
    {
        await using ScriptedServer server = Serving();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        WsClient client = server.CreateClient(o => o.ReadyHandlers.Add(new Ready(async (_, cancellationToken) =>
        {
            cancellationToken.Register(static () => throw new InvalidTimeZoneException("The callback fails."));
            entered.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        })));
        var errors = new ConcurrentQueue<WsClientEvent>();
        client.OnEvent(WsClientEventKinds.CallbackError, errors.Enqueue);
        client.Start();
        await entered.Task.Soon();

        await client.StopAsync().Soon();

        Assert.Equal((WsClientState.Stopped, ""), (client.State, client.Unfinished));
        Assert.False(await client.WaitToReadAsync().Soon());
        Assert.IsType<WsCallbackErrorEvent>(Assert.Single(errors));
    }

    [Fact]
    public async Task A_callback_of_the_applications_that_throws_when_it_is_cancelled_leaves_a_client_that_can_be_started()
    {
        await using ScriptedServer server = Serving();
        using var patience = new CancellationTokenSource();
        int calls = 0;
        await using WsClient client = server.CreateClient(o => o.ReadyHandlers.Add(new Ready(async (_, cancellationToken) =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                cancellationToken.Register(static () => throw new InvalidTimeZoneException("The callback fails."));
                await patience.CancelAsync();
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }
        })));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.StartAsync(patience.Token).Soon());
        await client.StartAsync().Soon();

        Assert.True(client.IsConnected);
    }

    private static ScriptedServer Serving() => ScriptedServer.InMemory(async peer =>
    {
        await peer.AcceptAsync();
        await peer.ServeAsync();
    });
}
