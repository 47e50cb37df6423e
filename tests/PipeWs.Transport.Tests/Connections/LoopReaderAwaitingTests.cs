using System.IO.Pipelines;
using PipeWs.Shared;
using PipeWs.Transport.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Connections;

public sealed class LoopReaderAwaitingTests
{
    [Fact]
    public async Task A_read_that_is_over_before_it_is_awaited_goes_on_on_the_loop()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        byte[] taken = new byte[2];
        bool isOnLoop = await ReadOnAsync();
        Assert.True(isOnLoop);
        Assert.Equal("ab"u8, taken);

        async Task<bool> ReadOnAsync()
        {
            var done = new TaskCompletionSource<bool>();
            await pair.OnLoopAsync(async () =>
            {
                ValueTask<ReadResult> first = pair.Input.ReadAsync();
                await pair.Client.SendAsync("a"u8.ToArray());
                ReadResult result = await first;
                taken[0] = result.Buffer.FirstSpan[0];
                pair.Input.AdvanceTo(result.Buffer.End);

                // As after a handler that has waited for something.
                await Task.Run(static () => { }).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                Assert.Null(LoopThread.Current);
                ValueTask<ReadResult> second = pair.Input.ReadAsync();
                await pair.Client.SendAsync("b"u8.ToArray());
                Assert.True(SpinWait.SpinUntil(() => !((LoopReader)pair.Input).IsWaiting, TimeSpan.FromSeconds(30)));
                result = await second;
                done.SetResult(LoopThread.Current is not null);
                taken[1] = result.Buffer.FirstSpan[0];
                pair.Input.AdvanceTo(result.Buffer.End);
            }).Soon();
            return await done.Task.Soon();
        }
    }

    [Fact]
    public async Task Whoever_waits_in_a_context_goes_on_there()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var context = new CountingContext();
        Task<ReadResult>? read = null;
        await pair.OnLoopAsync(() =>
        {
            read = Task.Factory.StartNew(
                async () =>
                {
                    SynchronizationContext.SetSynchronizationContext(context);
                    ReadResult result = await pair.Input.ReadAsync();
                    SynchronizationContext.SetSynchronizationContext(null);
                    return result;
                },
                CancellationToken.None,
                TaskCreationOptions.None,
                TaskScheduler.Default).Unwrap();
            return Task.CompletedTask;
        }).Soon();
        await Conditions.UntilAsync(() => ((LoopReader)pair.Input).IsWaiting, "it waits");
        await pair.Client.SendAsync("a"u8.ToArray());
        Assert.Equal(1, (await read!.Soon()).Buffer.Length);
        Assert.Equal(1, context.Posts);
    }

    private sealed class CountingContext : SynchronizationContext
    {
        private int _posts;

        public int Posts => Volatile.Read(ref _posts);

        public override void Post(SendOrPostCallback d, object? state)
        {
            Interlocked.Increment(ref _posts);
            base.Post(d, state);
        }
    }
}
