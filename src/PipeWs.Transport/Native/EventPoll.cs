using System.Runtime.InteropServices;

namespace PipeWs.Transport.Native;

/// <summary>One epoll instance, level-triggered. What is watched may be changed by any thread, even late; one at a time waits, or closes it.</summary>
internal sealed class EventPoll : IDisposable
{
    /// <summary>There are bytes, or the peer has ended its direction.</summary>
    public const uint In = 0x001;

    /// <summary>There is room to send.</summary>
    public const uint Out = 0x004;

    /// <summary>Something went wrong with the connection. Reported whatever is watched for.</summary>
    public const uint Error = 0x008;

    /// <summary>Both directions have ended. Reported whatever is watched for.</summary>
    public const uint HangUp = 0x010;

    /// <summary>The peer has ended its direction.</summary>
    public const uint PeerEnded = 0x2000;

    private const int OperationAdd = 1;
    private const int OperationRemove = 2;
    private const int OperationModify = 3;

    // struct epoll_event is packed on x86-64 and nowhere else (linux/eventpoll.h).
    private static readonly int s_dataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int s_itemBytes = s_dataOffset + sizeof(ulong);

    private readonly SharedFile _file;

    public EventPoll()
    {
        int file = Libc.CreateEpoll();
        if (file < 0)
        {
            throw Errno.ToException("epoll_create1", -file);
        }

        _file = new SharedFile(file);
    }

    /// <summary>Room for this many events.</summary>
    public static byte[] CreateBuffer(int events) => new byte[events * s_itemBytes];

    /// <summary>An event of those that <see cref="Wait"/> gave.</summary>
    public static (uint Flags, ulong Data) Get(byte[] events, int index)
    {
        ref byte item = ref events[index * s_itemBytes];
        return (MemoryMarshal.Read<uint>(MemoryMarshal.CreateReadOnlySpan(ref item, sizeof(uint))),
            MemoryMarshal.Read<ulong>(events.AsSpan((index * s_itemBytes) + s_dataOffset, sizeof(ulong))));
    }

    /// <summary>Begins to watch a file.</summary>
    /// <returns>0, or the negative error.</returns>
    public int Add(int file, uint flags, ulong data) => Control(OperationAdd, file, flags, data);

    /// <summary>Changes what a file is watched for.</summary>
    /// <returns>0, or the negative error.</returns>
    public int Modify(int file, uint flags, ulong data) => Control(OperationModify, file, flags, data);

    /// <summary>Stops watching a file.</summary>
    /// <returns>0, or the negative error.</returns>
    public int Remove(int file) => Control(OperationRemove, file, 0, 0);

    /// <summary>Waits for events; for ever where the timeout is negative.</summary>
    /// <returns>How many there are.</returns>
    public int Wait(byte[] events, int timeoutMilliseconds)
    {
        int count = Libc.WaitForEpoll(_file.Number, events, events.Length / s_itemBytes, timeoutMilliseconds);
        if (count >= 0)
        {
            return count;
        }

        return count == -Errno.Interrupted ? 0 : throw Errno.ToException("epoll_wait", -count);
    }

    public void Dispose() => _file.Dispose();

    private int Control(int operation, int file, uint flags, ulong data)
    {
        Span<byte> item = stackalloc byte[16];
        MemoryMarshal.Write(item, flags);
        MemoryMarshal.Write(item[s_dataOffset..], data);
        if (!_file.TryUse())
        {
            return -Errno.BadFile;
        }

        int result = Libc.ControlEpoll(_file.Number, operation, file, item);
        _file.EndUse();
        return result;
    }
}
