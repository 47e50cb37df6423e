namespace PipeWs.Transport.Native;

/// <summary>An eventfd: what another thread signals to wake a loop.</summary>
internal sealed class WakeEvent : IDisposable
{
    private readonly SharedFile _file;

    public WakeEvent()
    {
        int file = Libc.CreateEvent();
        if (file < 0)
        {
            throw Errno.ToException("eventfd", -file);
        }

        _file = new SharedFile(file);
    }

    /// <summary>What is watched.</summary>
    public int File => _file.Number;

    /// <summary>Makes the file readable, unless it is closed. One that is readable already cannot fail to be.</summary>
    public void Signal()
    {
        if (_file.TryUse())
        {
            _ = Libc.SignalEvent(_file.Number);
            _file.EndUse();
        }
    }

    /// <summary>Makes it unreadable again. By the thread that closes it.</summary>
    public void Clear() => _ = Libc.ClearEvent(_file.Number);

    public void Dispose() => _file.Dispose();
}
