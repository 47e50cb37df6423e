namespace PipeWs;

// Being told that a connection ends, for whoever asks. While nobody does, there is neither token nor task, and the transport is not watched.
public sealed partial class WsConnection
{
    private ConnectionEnd? _end;
    private EndingSource? _ending;
    private int _hasBegunToEnd;

    /// <summary>Completes with how the connection ended, when it has.</summary>
    public Task<WsCloseInfo> Closed => End.Closed;

    /// <summary>Fires when the connection begins to end, whoever began it.</summary>
    public CancellationToken ConnectionClosed => Ending().Token;

    /// <summary>Completes when the receiver has returned for the last time and both pipes are completed, which may be after <see cref="Closed"/>.</summary>
    internal Task Finished => End.Finished;

    /// <summary>Made by whoever needs it first: while a connection is idle, nobody does.</summary>
    private ConnectionEnd End => Volatile.Read(ref _end) ?? Interlocked.CompareExchange(ref _end, new ConnectionEnd(), null) ?? _end;

    private bool IsClosed => Volatile.Read(ref _end) is { IsClosed: true };

    /// <summary>Whether it has begun to end, or its transport has, which nobody may have been told of.</summary>
    private bool HasBegunToEnd => Volatile.Read(ref _hasBegunToEnd) != 0 || _transport is { Closed.IsCancellationRequested: true };

    /// <summary>
    /// Says that the transport was closed beneath the connection. <see cref="ConnectionClosed"/> then fires while a handler is still working; what was received before is still handled.
    /// </summary>
    public void OnTransportClosed() => OnEnding();

    private void OnEnding()
    {
        // The callbacks are the application's: they must not run on the thread that writes.
        if (Interlocked.Exchange(ref _hasBegunToEnd, 1) == 0)
        {
            _ = Volatile.Read(ref _ending)?.CancelAsync();
        }
    }

    private EndingSource Ending()
    {
        if (Volatile.Read(ref _ending) is { } existing)
        {
            return existing;
        }

        var source = new EndingSource();
        if (Interlocked.CompareExchange(ref _ending, source, null) is { } other)
        {
            return other;
        }

        if (Volatile.Read(ref _hasBegunToEnd) != 0)
        {
            // Whoever began the end did not find it.
            _ = source.CancelAsync();
        }
        else if (_transport is { } transport)
        {
            // Only now does anybody care: a connection that is idle watches nothing but its read, which sees the same end.
            source.Watch(this, transport.Closed);
        }

        return source;
    }

    /// <summary>No longer hears of its transport, which goes its own way from here on.</summary>
    internal void ForgetTransport() => Volatile.Read(ref _ending)?.Unwatch();

    /// <summary>What <see cref="ConnectionClosed"/> is made of, once somebody has asked for it.</summary>
    private sealed class EndingSource : CancellationTokenSource
    {
        private readonly Lock _lock = new();
        private CancellationTokenRegistration _transport;
        private bool _isOver;

        internal void Watch(WsConnection connection, CancellationToken transportClosed)
        {
            CancellationTokenRegistration registration = transportClosed.UnsafeRegister(static state => ((WsConnection)state!).OnTransportClosed(), connection);
            bool isOver;
            lock (_lock)
            {
                isOver = _isOver;
                _transport = registration;
            }

            if (isOver)
            {
                registration.Unregister();
            }
        }

        internal void Unwatch()
        {
            CancellationTokenRegistration registration;
            lock (_lock)
            {
                _isOver = true;
                registration = _transport;
            }

            registration.Unregister();
        }
    }
}
