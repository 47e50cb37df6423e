namespace PipeWs.Transport.Native;

/// <summary>An eventfd: what another thread signals to wake a loop.</summary>
internal sealed class WakeEvent : IDisposable
{
    private int _disposed;

    public WakeEvent()
    {
        File = Libc.CreateEvent();
        if (File < 0)
        {
            throw Errno.ToException("eventfd", -File);
        }
    }

    /// <summary>What is watched.</summary>
    public int File { get; }

    /// <summary>Makes the file readable. One that is already cannot fail to be.</summary>
    public void Signal() => _ = Libc.SignalEvent(File);

    /// <summary>Makes it unreadable again.</summary>
    public void Clear() => _ = Libc.ClearEvent(File);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _ = Libc.Close(File);
        }
    }
}
