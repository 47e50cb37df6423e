using System.Runtime.InteropServices;

namespace PipeWs.Transport.Native;

/// <summary>
/// The system calls of a loop. Each gives what the call gave, or the negative error number. The pointers they take live no longer than the call.
/// </summary>
internal static unsafe partial class Libc
{
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    /// <summary>
    /// Up to this many bytes a send does not tell the runtime that it is outside: the collector waits for the few microseconds it takes, and every other send is cheaper.
    /// </summary>
    private const int MaxUntoldBytes = 16 * 1024;

    // The library's own recv and send are points where a thread may be cancelled, for which they take note of every call: 5 % of an echo. The numbers are those of
    // linux/unistd.h; KernelCheck tries them.
    private static readonly nint s_receiveNumber = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 45,
        Architecture.Arm64 => 207,
        _ => -1,
    };

    private static readonly nint s_sendNumber = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 44,
        Architecture.Arm64 => 206,
        _ => -1,
    };

    /// <summary>Receives what is there, without waiting.</summary>
    public static int Receive(int socket, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            nint received = s_receiveNumber >= 0
                ? CallUntold(s_receiveNumber, socket, start, (nuint)destination.Length, DontWait, 0, 0)
                : ReceiveUntold(socket, start, (nuint)destination.Length, DontWait);

            if (received >= 0)
            {
                return (int)received;
            }

            int error = Marshal.GetLastSystemError();
            if (error == Errno.TryAgain)
            {
                return -error;
            }

            // Whether the runtime leaves the error number alone on the way back from a call it was not told of is nowhere written, so what failed is asked again. A reset is told once: after
            // it there is nothing but the end.
            int again = Told((int)ReceiveTold(socket, start, (nuint)destination.Length, DontWait));
            return again == 0 && error > 0 ? -error : again;
        }
    }

    /// <summary>Sends what the kernel has room for, without waiting.</summary>
    public static int Send(int socket, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            nint sent = -1;
            if (source.Length <= MaxUntoldBytes)
            {
                sent = s_sendNumber >= 0
                    ? CallUntold(s_sendNumber, socket, start, (nuint)source.Length, DontWait | NoSignal, 0, 0)
                    : SendUntold(socket, start, (nuint)source.Length, DontWait | NoSignal);
            }

            return sent >= 0 ? (int)sent : Told((int)SendTold(socket, start, (nuint)source.Length, DontWait | NoSignal));
        }
    }

    /// <summary>Accepts a connection, without waiting, as a socket that never does.</summary>
    /// <param name="listener">The listening socket.</param>
    /// <param name="address">Gets the peer's address.</param>
    /// <param name="addressBytes">How many bytes of it there are.</param>
    public static int Accept(int listener, Span<byte> address, out int addressBytes)
    {
        uint length = (uint)address.Length;
        fixed (byte* start = address)
        {
            int socket = Told(AcceptConnection(listener, start, &length, NonBlocking | CloseOnExec));
            addressBytes = (int)Math.Min(length, (uint)address.Length);
            return socket;
        }
    }

    /// <summary>Gives the address a socket is bound to.</summary>
    public static int GetSocketName(int socket, Span<byte> address, out int addressBytes)
    {
        uint length = (uint)address.Length;
        fixed (byte* start = address)
        {
            int result = Told(GetName(socket, start, &length));
            addressBytes = (int)Math.Min(length, (uint)address.Length);
            return result;
        }
    }

    /// <summary>Sends small pieces at once instead of waiting for the acknowledgement of those before (TCP_NODELAY).</summary>
    public static int SetNoDelay(int socket)
    {
        const int Tcp = 6;
        const int NoDelay = 1;
        int on = 1;
        return Told(SetOption(socket, Tcp, NoDelay, &on, sizeof(int)));
    }

    /// <summary>Makes the socket's close drop what was not sent, and tell the peer by a reset (SO_LINGER of no time).</summary>
    public static int SetResetOnClose(int socket)
    {
        const int Socket = 1;
        const int Linger = 13;
        int* onForNoTime = stackalloc int[2] { 1, 0 };
        return Told(SetOption(socket, Socket, Linger, onForNoTime, 2 * sizeof(int)));
    }

    /// <summary>Ends both directions of a connection, or the sending one alone.</summary>
    public static int Shutdown(int socket, bool sendingOnly)
    {
        const int Write = 1;
        const int Both = 2;
        return Told(ShutdownSocket(socket, sendingOnly ? Write : Both));
    }

    /// <summary>Closes a file.</summary>
    public static int Close(int file) => Told(CloseFile(file));

    /// <summary>Creates an epoll instance.</summary>
    public static int CreateEpoll() => Told(EpollCreate(CloseOnExec));

    /// <summary>Changes what an epoll instance watches.</summary>
    public static int ControlEpoll(int epoll, int operation, int file, ReadOnlySpan<byte> item)
    {
        fixed (byte* start = item)
        {
            return Told(EpollControl(epoll, operation, file, start));
        }
    }

    /// <summary>Waits for events; for ever where the timeout is negative.</summary>
    public static int WaitForEpoll(int epoll, Span<byte> events, int maxEvents, int timeoutMilliseconds)
    {
        fixed (byte* start = events)
        {
            return Told(EpollWait(epoll, start, maxEvents, timeoutMilliseconds));
        }
    }

    /// <summary>Creates an event that wakes a loop.</summary>
    public static int CreateEvent() => Told(EventCreate(0, NonBlocking | CloseOnExec));

    /// <summary>Signals an event.</summary>
    public static int SignalEvent(int file)
    {
        ulong one = 1;
        return Told((int)Write(file, &one, sizeof(ulong)));
    }

    /// <summary>Takes an event's signals.</summary>
    public static int ClearEvent(int file)
    {
        ulong count;
        return Told((int)Read(file, &count, sizeof(ulong)));
    }

    private static int Told(int result) => result >= 0 ? result : -LastError();

    // What failed has a reason: were it lost on the way, the call would pass for one that gave 0.
    private static int LastError() => Marshal.GetLastPInvokeError() is > 0 and var error ? error : Errno.InputOutput;

    [LibraryImport("libc", EntryPoint = "syscall")]
    [SuppressGCTransition]
    private static partial nint CallUntold(nint number, nint file, byte* buffer, nuint length, nint flags, nint address, nint addressBytes);

    [LibraryImport("libc", EntryPoint = "recv")]
    [SuppressGCTransition]
    private static partial nint ReceiveUntold(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    [SuppressGCTransition]
    private static partial nint SendUntold(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint ReceiveTold(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendTold(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int AcceptConnection(int socket, byte* address, uint* addressBytes, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetName(int socket, byte* address, uint* addressBytes);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int option, int* value, uint valueBytes);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int ShutdownSocket(int socket, int direction);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseFile(int file);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int file, byte* item);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventCreate(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int file, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int file, void* buffer, nuint length);
}
