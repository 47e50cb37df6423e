using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Shared;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Loops;

public sealed class EventLoopTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    public async Task Work_runs_once_on_the_loop_in_the_order_of_each_thread(int spinMicroseconds)
    {
        const int Threads = 4;
        const int Each = 20_000;
        await using var group = new LoopGroup(1, TimeSpan.FromMicroseconds(spinMicroseconds), Timeout.InfiniteTimeSpan, usesRing: true, NullLogger.Instance);
        EventLoop loop = group.First;
        int[] last = new int[Threads];
        int wrong = 0;
        int ran = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Run(object? state)
        {
            (int thread, int number) = ((int, int))state!;
            if (last[thread] + 1 != number || !loop.IsOnLoop)
            {
                wrong++;
            }

            last[thread] = number;
            if (++ran == Threads * Each)
            {
                done.SetResult();
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            for (int i = 1; i <= Each; i++)
            {
                loop.Schedule(Run, (thread, i));
                if (i % 1000 == 0)
                {
                    // Lets the loop fall asleep now and then: waking it is what could be lost.
                    Thread.Sleep(0);
                }
            }
        }))).Soon();
        await done.Task.Soon();
        Assert.Equal(0, wrong);
    }

    [Fact]
    public async Task Work_that_schedules_work_lets_others_have_their_turn()
    {
        await using var group = new LoopGroup(1, TimeSpan.Zero, Timeout.InfiniteTimeSpan, usesRing: true, NullLogger.Instance);
        bool ends = false;
        void Again(object? state)
        {
            if (!Volatile.Read(ref ends))
            {
                group.First.Schedule(Again, null);
            }
        }

        group.First.Schedule(Again, null);
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        group.First.Schedule(_ => other.SetResult(), null);
        await other.Task.Soon();
        Volatile.Write(ref ends, true);
    }

    [Fact]
    public async Task Work_that_throws_is_logged_and_the_loop_goes_on()
    {
        var logs = new LogLines();
        await using var group = new LoopGroup(1, TimeSpan.Zero, Timeout.InfiniteTimeSpan, usesRing: true, logs.CreateLogger("loop"));
        group.First.Schedule(static _ => throw new InvalidDataException("a fault"), null);
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        group.First.Schedule(_ => other.SetResult(), null);
        await other.Task.Soon();
        Assert.Contains(logs.Lines, line => line.EventId == 4002 && line.Exception is InvalidDataException);
    }

    [Fact]
    public async Task What_is_scheduled_after_the_end_runs_on_the_thread_pool_and_the_loops_own_one_at_a_time()
    {
        const int Count = 200;
        var logs = new LogLines();
        var group = new LoopGroup(1, TimeSpan.Zero, Timeout.InfiniteTimeSpan, usesRing: true, logs.CreateLogger("loop"));
        EventLoop loop = group.First;
        await group.DisposeAsync();
        Assert.True(loop.HasEnded);
        int inside = 0;
        int most = 0;
        int ran = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Run(object? state)
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            Thread.SpinWait(2000);
            Interlocked.Decrement(ref inside);
            if (Interlocked.Increment(ref ran) == Count)
            {
                done.SetResult();
            }
        }

        loop.Schedule(static _ => throw new InvalidDataException("a fault"), null);
        for (int i = 0; i < Count; i++)
        {
            loop.ScheduleOwn(Run, null);
        }

        await done.Task.Soon();
        Assert.Equal(1, most);
        await Conditions.UntilAsync(() => logs.Lines.Any(line => line.EventId == 4002 && line.Exception is InvalidDataException), "the fault is logged");
    }

    [Fact]
    public async Task Code_that_blocks_loses_the_loop_and_every_other_keeps_it()
    {
        var logs = new LogLines();
        await using var group = new LoopGroup(1, TimeSpan.Zero, TimeSpan.FromMilliseconds(20), usesRing: true, logs.CreateLogger("loop"));
        EventLoop loop = group.First;
        using var release = new ManualResetEventSlim();
        var threads = new ConcurrentDictionary<int, bool>();
        var blocked = new List<Task>();
        for (int i = 0; i < 3; i++)
        {
            // Each blocks the thread that the one before it left the loop to.
            var isIn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var isOut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            blocked.Add(isOut.Task);
            loop.Schedule(
                _ =>
                {
                    threads.TryAdd(Environment.CurrentManagedThreadId, true);
                    isIn.SetResult();
                    release.Wait();

                    // Not the loop's any more: what it schedules wakes the one that is.
                    Assert.False(loop.IsOnLoop);
                    loop.Schedule(_ => isOut.SetResult(), null);
                },
                null);
            await isIn.Task.Soon();
            var after = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            loop.Schedule(_ => after.SetResult(loop.IsOnLoop), null);
            Assert.True(await after.Task.Soon());
        }

        Assert.Equal(3, threads.Count);

        // It is told after the loop goes on.
        await Conditions.UntilAsync(() => logs.Lines.Count(line => line.EventId == 4001) == 3, "each is told of");
        release.Set();
        await Task.WhenAll(blocked).Soon();
    }
}
