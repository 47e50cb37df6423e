namespace PipeWs.Transport.Native;

/// <summary>
/// Holds the layouts that are written here against the kernel's, once, before the first loop starts: a wrong one would lose or mix up connections in silence.
/// </summary>
internal static class KernelCheck
{
    /// <summary>Asks the kernel for what only a right layout can give.</summary>
    /// <exception cref="PlatformNotSupportedException">The kernel answered otherwise.</exception>
    public static void Run()
    {
        const ulong FirstData = 0x0123_4567_89AB_CDEF;
        const ulong SecondData = 0xFEDC_BA98_7654_3210;
        using var poll = new EventPoll();
        using var first = new WakeEvent();
        using var second = new WakeEvent();
        byte[] events = EventPoll.CreateBuffer(4);
        Expect(poll.Add(first.File, EventPoll.In, FirstData) == 0 && poll.Add(second.File, EventPoll.In, SecondData) == 0, "epoll_ctl");
        Expect(poll.Wait(events, 0) == 0, "epoll_wait without an event");
        first.Signal();
        second.Signal();

        // Two at once: the size of an item shows only in the second.
        Expect(poll.Wait(events, 0) == 2, "epoll_wait with two events");
        var seen = new HashSet<(uint, ulong)> { EventPoll.Get(events, 0), EventPoll.Get(events, 1) };
        Expect(seen.SetEquals([(EventPoll.In, FirstData), (EventPoll.In, SecondData)]), "struct epoll_event");
        first.Clear();
        Expect(poll.Wait(events, 0) == 1 && EventPoll.Get(events, 0) == (EventPoll.In, SecondData), "eventfd");

        // The right calls know that this is no socket; wrong ones would know nothing of sockets.
        Span<byte> bytes = stackalloc byte[8];
        Expect(Libc.Receive(first.File, bytes) == -Errno.NotASocket, "recvfrom");
        Expect(Libc.Send(first.File, bytes) == -Errno.NotASocket, "sendto");
    }

    private static void Expect(bool holds, string what)
    {
        if (!holds)
        {
            throw new PlatformNotSupportedException(
                $"This system's {what} is not as PipeWs.Transport expects it. Do without UsePipeWsTransport here; Kestrel then uses its own sockets.");
        }
    }
}
