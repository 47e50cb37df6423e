using System.ComponentModel;
using System.Runtime.InteropServices;

namespace PipeWs.LoadTest.Native;

/// <summary>One epoll instance, level-triggered: a socket whose bytes were not all read is reported again, so a read is one system call and never a failed one.</summary>
internal sealed unsafe class EventPoll : IDisposable
{
    private const int OperationAdd = 1;
    private const int OperationModify = 3;
    private const int CloseOnExec = 0x80000;
    private const uint In = 0x1;
    private const uint Out = 0x4;
    private const int MaxEvents = 512;

    // struct epoll_event is packed on x86-64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventBytes = DataOffset + 8;

    private readonly byte[] _events = GC.AllocateArray<byte>(MaxEvents * EventBytes, pinned: true);
    private readonly int _epoll;
    private bool _disposed;

    public EventPoll()
    {
        _epoll = Libc.EpollCreate(CloseOnExec);
        if (_epoll < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Begins to report a socket, by the number that <see cref="GetEvent"/> will give.</summary>
    public void Add(int descriptor, int id, bool writable) => Control(OperationAdd, descriptor, id, writable);

    /// <summary>Sets whether a socket is reported as writable too.</summary>
    public void SetWritable(int descriptor, int id, bool writable) => Control(OperationModify, descriptor, id, writable);

    /// <summary>Waits for events.</summary>
    /// <returns>How many there are; 0 after the timeout.</returns>
    public int Wait(int timeoutMilliseconds)
    {
        fixed (byte* events = _events)
        {
            int count = Libc.EpollWait(_epoll, events, MaxEvents, timeoutMilliseconds);
            if (count >= 0)
            {
                return count;
            }
        }

        int error = Marshal.GetLastPInvokeError();
        return error == Libc.ErrorInterrupted ? 0 : throw new Win32Exception(error);
    }

    /// <summary>One of the events of the last wait. Errors and hang-ups count as readable: the read then tells.</summary>
    public (int Id, bool Readable, bool Writable) GetEvent(int index)
    {
        ReadOnlySpan<byte> item = _events.AsSpan(index * EventBytes, EventBytes);
        uint flags = BitConverter.ToUInt32(item);
        return (BitConverter.ToInt32(item[DataOffset..]), (flags & ~Out) != 0, (flags & Out) != 0);
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Libc.Close(_epoll);
        }
    }

    private void Control(int operation, int descriptor, int id, bool writable)
    {
        byte* item = stackalloc byte[16];
        BitConverter.TryWriteBytes(new Span<byte>(item, 4), writable ? In | Out : In);
        BitConverter.TryWriteBytes(new Span<byte>(item + DataOffset, 8), (long)id);
        if (Libc.EpollControl(_epoll, operation, descriptor, item) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }
}
