namespace PipeWs.Transport.Native;

/// <summary>
/// Tries a ring before the first loop starts: whether there is io_uring at all, whether this process may use it, and whether the structures written here are the kernel's.
/// </summary>
internal static class RingCheck
{
    private const int Entries = 8;
    private const int RoomBytes = 1024 * 1024;

    /// <summary>Sends by a ring what can be sent, what cannot, and what can only in part.</summary>
    /// <returns>Why it cannot be used; null where it can.</returns>
    public static string? Run()
    {
        byte[] bytes = GC.AllocateArray<byte>(RoomBytes, pinned: true);
        using SendRing? ring = SendRing.TryCreate(Entries, bytes, out string? error);
        if (ring is null)
        {
            return error;
        }

        int result = Libc.CreateSocketPair(out int first, out int second);
        if (result < 0)
        {
            return Errno.Describe(-result);
        }

        using var noSocket = new WakeEvent();
        try
        {
            return Try(ring, bytes, first, second, noSocket.File) ? null : "this kernel's is not as expected";
        }
        finally
        {
            _ = Libc.Close(first);
            _ = Libc.Close(second);
        }
    }

    private static bool Try(SendRing ring, byte[] bytes, int first, int second, int noSocket)
    {
        const ulong Whole = 0x0123_4567_89AB_CDEF;
        const ulong Failed = 0xFEDC_BA98_7654_3210;
        const ulong Cut = 3;
        const ulong Full = 4;
        "there"u8.CopyTo(bytes);
        "back"u8.CopyTo(bytes.AsSpan(5));
        ring.Add(first, 0, 5, Whole);
        ring.Add(noSocket, 0, 5, Failed);
        ring.Add(second, 5, 4, Whole);

        // All of it in one call, the ones behind the one that fails too; only that one says so.
        Span<byte> received = stackalloc byte[16];
        bool holds = ring.Send() == 0
            && ring.TryTakeFailure(out ulong data, out int result) && data == Failed && result == -Errno.NotASocket
            && !ring.TryTakeFailure(out _, out _)
            && Libc.Receive(second, received) == 5 && received[..5].SequenceEqual("there"u8)
            && Libc.Receive(first, received) == 4 && received[..4].SequenceEqual("back"u8);
        if (!holds)
        {
            return false;
        }

        // More than a socket takes: it must not wait, and must tell how much it took.
        ring.Add(first, 0, RoomBytes, Cut);
        ring.Add(first, 0, RoomBytes, Full);
        return ring.Send() == 0
            && ring.TryTakeFailure(out data, out result) && data == Cut && result is > 0 and < RoomBytes
            && ring.TryTakeFailure(out data, out result) && data == Full && result == -Errno.TryAgain
            && !ring.TryTakeFailure(out _, out _);
    }
}
