using PipeWs.Transport.Native;

namespace PipeWs.Transport.Tests.Native;

public sealed class SharedFileTests
{
    [Fact]
    public void A_file_in_use_is_closed_after_its_use()
    {
        var file = new SharedFile(Libc.CreateEvent());
        Assert.True(file.TryUse());
        file.Dispose();
        Assert.Equal(sizeof(ulong), Libc.SignalEvent(file.Number));
        file.EndUse();
        Assert.False(file.TryUse());
    }

    [Fact]
    public void Who_comes_too_late_does_nothing_to_the_file_that_has_got_the_number()
    {
        const int Tries = 1000;
        for (int i = 0; i < Tries; i++)
        {
            // The kernel gives the lowest number that is free; another test may have been faster.
            using var poll = new EventPoll();
            var late = new WakeEvent();
            int number = late.File;
            late.Dispose();
            using var next = new WakeEvent();
            if (next.File == number)
            {
                Assert.Equal(0, poll.Add(next.File, EventPoll.In, 1));
                late.Signal();
                Assert.Equal(0, poll.Wait(EventPoll.CreateBuffer(1), 0));
                next.Signal();
                Assert.Equal(1, poll.Wait(EventPoll.CreateBuffer(1), 0));
                return;
            }
        }

        Assert.Fail($"The number was another's {Tries} times.");
    }

    [Fact]
    public void An_epoll_instance_that_is_closed_watches_nothing_more()
    {
        using var file = new WakeEvent();
        var poll = new EventPoll();
        poll.Dispose();
        Assert.Equal(-Errno.BadFile, poll.Add(file.File, EventPoll.In, 1));
        Assert.Equal(-Errno.BadFile, poll.Remove(file.File));
    }
}
