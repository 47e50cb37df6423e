using PipeWs.Transport.Native;

namespace PipeWs.Transport.Loops;

/// <summary>
/// Sockets whose connections have ended while the peer was still sending. One that is closed over bytes nobody read, or that gets more of them, resets the connection, and the peer may lose
/// what was sent to it last: the answer that says why (RFC 9112, section 9.6). So what comes is thrown away until the peer has ended too, or for so long. Of the loop alone.
/// </summary>
internal sealed class LingeringSockets(EventLoop loop)
{
    /// <summary>How long a socket stays for a peer that does not end: what is on its way arrives, and an answer gets there and is read.</summary>
    public static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(2);

    // All stay equally long: the first that came is the first to go.
    private readonly Queue<LingeringSocket> _sockets = new();
    private long _taken;

    /// <summary>How many there have been. From any thread.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>How many milliseconds from now the next has to go, for a wait until then; without end where there is none.</summary>
    public int TimeoutMilliseconds
    {
        get
        {
            while (_sockets.TryPeek(out LingeringSocket? first))
            {
                if (!first.IsClosed)
                {
                    return (int)Math.Clamp(first.EndsAt - Environment.TickCount64, 0, (long)MaxTime.TotalMilliseconds);
                }

                _sockets.Dequeue();
            }

            return Timeout.Infinite;
        }
    }

    /// <summary>Takes over a socket, whose own direction ends here if it has not.</summary>
    public void Add(int file)
    {
        Volatile.Write(ref _taken, _taken + 1);
        _ = Libc.Shutdown(file, sendingOnly: true);
        var socket = new LingeringSocket(loop, file, Environment.TickCount64 + (long)MaxTime.TotalMilliseconds);
        if (!socket.IsClosed)
        {
            _sockets.Enqueue(socket);
        }
    }

    /// <summary>Closes those that have stayed their time.</summary>
    public void CloseLate()
    {
        while (_sockets.TryPeek(out LingeringSocket? first) && (first.IsClosed || first.EndsAt <= Environment.TickCount64))
        {
            _sockets.Dequeue().Close();
        }
    }

    /// <summary>Closes them all.</summary>
    public void CloseAll()
    {
        while (_sockets.TryDequeue(out LingeringSocket? socket))
        {
            socket.Close();
        }
    }

    private sealed class LingeringSocket : ILoopItem
    {
        private readonly EventLoop _loop;
        private readonly int _file;
        private readonly ulong _data;

        public LingeringSocket(EventLoop loop, int file, long endsAt)
        {
            _loop = loop;
            _file = file;
            EndsAt = endsAt;
            _data = loop.Add(this);
            if (loop.Watch(file, EventPoll.In, _data, isWatched: false) < 0)
            {
                Close();
            }
        }

        public long EndsAt { get; }

        public bool IsClosed { get; private set; }

        /// <inheritdoc/>
        public void OnEvents(uint flags, LoopThread thread)
        {
            // Once an event: a peer that sends without end has its turn like all others.
            int received = Libc.Receive(_file, thread.Shared.Array);
            if (received is not (> 0 or -Errno.TryAgain or -Errno.Interrupted))
            {
                Close();
            }
        }

        public void Close()
        {
            if (!IsClosed)
            {
                IsClosed = true;
                _loop.Remove(_data);
                _ = Libc.Close(_file);
            }
        }
    }
}
