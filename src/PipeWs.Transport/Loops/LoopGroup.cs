using Microsoft.Extensions.Logging;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Loops;

/// <summary>The event loops of a transport, and the watchdog that looks after them. Connections are dealt out in turn.</summary>
internal sealed class LoopGroup : IAsyncDisposable
{
    private readonly EventLoop[] _loops;
    private readonly ManualResetEvent? _watchEnds;
    private int _next = -1;

    public LoopGroup(int count, TimeSpan spinTime, TimeSpan stallTimeout, bool usesRing, ILogger logger)
    {
        KernelCheck.Run();
        _loops = new EventLoop[count];
        for (int i = 0; i < count; i++)
        {
            _loops[i] = new EventLoop(i, spinTime, usesRing, logger);
        }

        foreach (EventLoop loop in _loops)
        {
            loop.Start();
        }

        if (stallTimeout != Timeout.InfiniteTimeSpan)
        {
            TimeSpan period = TimeSpan.FromMilliseconds(Math.Max(1, stallTimeout.TotalMilliseconds / EventLoop.LooksBeforeStalled));
            _watchEnds = new ManualResetEvent(false);

            // A thread of its own: what keeps the loops may keep the thread pool too, and a timer's thread of the pool looks for more work for a while each time, which costs the loops 2 %.
            new Thread(() => Watch(period, _watchEnds)) { IsBackground = true, Name = "PipeWs watchdog" }.UnsafeStart();
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _loops.Length;

    /// <summary>The loop that a listener is watched by.</summary>
    public EventLoop First => _loops[0];

    /// <summary>The loop for the next connection.</summary>
    public EventLoop Next() => _loops[(uint)Interlocked.Increment(ref _next) % (uint)_loops.Length];

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_loops.Select(static loop => loop.StopAsync()));

        // Until then: a loop whose thread is kept would not end.
        _watchEnds?.Set();
    }

    private void Watch(TimeSpan period, ManualResetEvent ends)
    {
        while (!ends.WaitOne(period))
        {
            foreach (EventLoop loop in _loops)
            {
                loop.CheckStall();
            }
        }

        ends.Dispose();
    }
}
