using PipeWs.LoadTest.Measurement;
using PipeWs.Shared;

namespace PipeWs.LoadTest.Tests.Measurement;

public sealed class CompilerTimeTests
{
    [Fact]
    public async Task The_time_of_a_thread_is_read_by_its_name()
    {
        using var stop = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            while (!stop.IsSet)
            {
                Thread.SpinWait(1000);
            }
        })
        {
            Name = "a busy thread",
        };
        thread.Start();
        try
        {
            await Conditions.UntilAsync(static () => CompilerTime.Read(Environment.ProcessId, "a busy thread") >= 2, "its time is read");
        }
        finally
        {
            stop.Set();
            thread.Join();
        }

        await Conditions.UntilAsync(static () => CompilerTime.Read(Environment.ProcessId, "a busy thread") is null, "it is gone");
    }

    [Fact]
    public void There_is_none_without_the_thread_or_the_process()
    {
        Assert.Null(CompilerTime.Read(Environment.ProcessId, "no such thread"));
        Assert.Null(CompilerTime.Read(int.MaxValue));
    }
}
