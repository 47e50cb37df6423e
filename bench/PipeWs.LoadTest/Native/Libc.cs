using System.Runtime.InteropServices;

namespace PipeWs.LoadTest.Native;

/// <summary>
/// The few calls of Linux's C library that the load generator makes itself, because every microsecond it spends is taken from the server beside it:
/// a read that .NET's sockets make costs one failed <c>recv</c> more, and a thread hop unless completions run inline.
/// </summary>
internal static unsafe partial class Libc
{
    public const int ErrorAgain = 11;
    public const int ErrorInterrupted = 4;

    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;

    /// <summary>Receives what is there; -1 with errno where nothing is.</summary>
    public static nint Receive(int socket, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return Recv(socket, start, (nuint)destination.Length, DontWait);
        }
    }

    /// <summary>Sends what the kernel's buffer has room for; -1 with errno where it has none.</summary>
    public static nint Send(int socket, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            return Send(socket, start, (nuint)source.Length, DontWait | NoSignal);
        }
    }

    /// <summary>Makes the calling thread give way to others that want the processor. What cannot be done is left as it is.</summary>
    public static void GiveWay()
    {
        const int ThisThread = 0;
        const int Lowest = 19;
        _ = SetPriority(ThisThread, 0, Lowest);
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int id, int priority);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Recv(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    internal static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    internal static partial int EpollControl(int epoll, int operation, int descriptor, byte* events);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    internal static partial int EpollWait(int epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    internal static partial int SetAffinity(int thread, nuint maskBytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    internal static partial int GetAffinity(int thread, nuint maskBytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int process, int signal);

    /// <summary>Gives back to the system what the C library's own heap has free: the runtime's compiler leaves much of it.</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    internal static partial int TrimHeap(nuint pad);
}
