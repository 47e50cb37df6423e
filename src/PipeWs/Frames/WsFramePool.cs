using Microsoft.Extensions.ObjectPool;

namespace PipeWs;

/// <summary>Where frames come from and go back to. A frame keeps its buffer while it is small, so that the common sizes cost one trip.</summary>
internal static class WsFramePool
{
    /// <summary>A larger buffer goes back to the array pool with its frame, in bytes.</summary>
    internal const int MaxKeptBytes = 2048;

    private const int MaxRetainedFrames = 16 * 1024;

    private static readonly DefaultObjectPool<WsFrame> s_pool = new(new Policy(), MaxRetainedFrames);
    private static long s_outstanding;

    /// <summary>How many frames are held by somebody: 0 when nothing is under way. Counted where the switch is on, as in this library's own tests.</summary>
    internal static long Outstanding => Volatile.Read(ref s_outstanding);

    /// <summary>Whether they are counted. Read once, so that the JIT drops the counting where it is off.</summary>
    internal static bool CountsOutstanding { get; } = AppContext.TryGetSwitch("PipeWs.CountFrames", out bool on) && on;

    internal static WsFrame Rent()
    {
        Count(1);
        return s_pool.Get();
    }

    internal static void Return(WsFrame frame)
    {
        Count(-1);
        frame.Clear(MaxKeptBytes);
        s_pool.Return(frame);
    }

    private static void Count(int change)
    {
        if (CountsOutstanding)
        {
            Interlocked.Add(ref s_outstanding, change);
        }
    }

    private sealed class Policy : PooledObjectPolicy<WsFrame>
    {
        public override WsFrame Create() => new();

        public override bool Return(WsFrame obj) => true;
    }
}
