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

    /// <summary>How many frames are held by somebody: 0 when nothing is under way. Counted in debug builds alone.</summary>
    internal static long Outstanding => Volatile.Read(ref s_outstanding);

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

    [System.Diagnostics.Conditional("DEBUG")]
    private static void Count(int change) => Interlocked.Add(ref s_outstanding, change);

    private sealed class Policy : PooledObjectPolicy<WsFrame>
    {
        public override WsFrame Create() => new();

        public override bool Return(WsFrame obj) => true;
    }
}
