using System.Runtime.InteropServices;

namespace PipeWs.Transport.Native;

// What a submission ring needs. The C library has no functions for io_uring; the numbers are the same on every architecture (linux/unistd.h).
internal static unsafe partial class Libc
{
    private const nint SetupRingNumber = 425;
    private const nint EnterRingNumber = 426;

    /// <summary>Creates a ring.</summary>
    /// <param name="entries">How many submissions it holds.</param>
    /// <param name="parameters">Of struct io_uring_params; the kernel fills it in.</param>
    /// <returns>The file, or the negative error.</returns>
    public static int SetupRing(uint entries, Span<byte> parameters)
    {
        fixed (byte* start = parameters)
        {
            return Told((int)CallRing(SetupRingNumber, (nint)entries, (nint)start, 0, 0, 0, 0));
        }
    }

    /// <summary>Hands submissions to the kernel.</summary>
    /// <returns>How many it took, or the negative error.</returns>
    public static int EnterRing(int ring, int submissions) => Told((int)CallRing(EnterRingNumber, ring, submissions, 0, 0, 0, 0));

    /// <summary>Maps a part of a ring into memory.</summary>
    /// <returns>Where, or null; the error is then <see cref="Marshal.GetLastPInvokeError"/>.</returns>
    public static byte* MapRing(int ring, nuint bytes, nint offset)
    {
        const int ReadAndWrite = 1 | 2;
        const int SharedPopulated = 0x01 | 0x8000;
        byte* address = (byte*)Map(null, bytes, ReadAndWrite, SharedPopulated, ring, offset);
        return address == (byte*)-1 ? null : address;
    }

    /// <summary>Ends a mapping.</summary>
    public static void UnmapRing(byte* address, nuint bytes) => _ = Unmap(address, bytes);

    /// <summary>Creates two Unix stream sockets that are connected with each other and do not block.</summary>
    public static int CreateSocketPair(out int first, out int second)
    {
        const int Unix = 1;
        const int Stream = 1;
        int* pair = stackalloc int[2];
        int result = Told(SocketPair(Unix, Stream | NonBlocking | CloseOnExec, 0, pair));
        (first, second) = (pair[0], pair[1]);
        return result;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint CallRing(nint number, nint first, nint second, nint third, nint fourth, nint fifth, nint sixth);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* pair);
}
