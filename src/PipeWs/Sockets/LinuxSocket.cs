using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PipeWs.Sockets;

/// <summary>
/// Linux's own send, for a socket that has room. What the runtime adds to each, such as telling the collector that the thread is outside, costs more than a quarter of a small send.
/// </summary>
internal static unsafe partial class LinuxSocket
{
    /// <summary>Up to this many bytes, of which the collector waits for a few microseconds at most.</summary>
    internal const int MaxBytes = 16 * 1024;

    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int TryAgain = 11;

    // The library's own send is a point where a thread may be cancelled, and takes note of every call. The numbers are those of linux/unistd.h.
    private static readonly nint s_sendNumber = !OperatingSystem.IsLinux() ? -1 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 44,
        Architecture.Arm64 => 206,
        _ => -1,
    };

    /// <summary>Sends what the kernel has room for, without waiting.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="error">
    /// <see cref="SocketError.WouldBlock"/> where there is no room; <see cref="SocketError.SocketError"/> where the socket itself is to be asked: on another system, with too many bytes, or why it failed.
    /// </param>
    /// <returns>How many bytes were sent.</returns>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    internal static int TrySend(SafeSocketHandle socket, ReadOnlySpan<byte> bytes, out SocketError error)
    {
        error = SocketError.SocketError;
        if (s_sendNumber < 0 || bytes.Length > MaxBytes)
        {
            return 0;
        }

        bool isHeld = false;
        try
        {
            // Until the call has returned nobody else gets the number.
            socket.DangerousAddRef(ref isHeld);
            fixed (byte* start = bytes)
            {
                nint sent = Call(s_sendNumber, socket.DangerousGetHandle(), start, (nuint)bytes.Length, DontWait | NoSignal, 0, 0);
                if (sent >= 0)
                {
                    error = SocketError.Success;
                    return (int)sent;
                }

                // Where the number was lost on the way, and it was another: whoever waits for room is told of that one.
                error = Marshal.GetLastSystemError() == TryAgain ? SocketError.WouldBlock : SocketError.SocketError;
                return 0;
            }
        }
        finally
        {
            if (isHeld)
            {
                socket.DangerousRelease();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    [SuppressGCTransition]
    private static partial nint Call(nint number, nint socket, byte* bytes, nuint length, nint flags, nint address, nint addressBytes);
}
