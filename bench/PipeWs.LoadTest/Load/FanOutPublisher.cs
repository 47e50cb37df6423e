using System.Diagnostics;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// A connection that publishes to all, itself included. Safe from any thread: whichever thread sees the last subscriber get a message sends the next.
/// </summary>
/// <remarks>Each message is a send of its own, so that no batch reaches the server that the server did not make by being busy.</remarks>
internal sealed class FanOutPublisher
{
    private readonly LoadConnection _connection;
    private readonly MessageTemplate _template;
    private readonly uint _origin;
    private readonly int _window;
    private readonly int _threads;
    private readonly int[] _threadsDone;
    private long _sent;
    private long _probes;
    private long _receivedByAll;
    private volatile bool _stopping;

    public FanOutPublisher(LoadConnection connection, LoadOptions options, int number, int threads)
    {
        _connection = connection;
        _template = new MessageTemplate(options);
        _origin = (uint)number;
        _window = options.Window;
        _threads = threads;
        _threadsDone = new int[GetRingLength(options.Window)];
    }

    /// <summary>How many messages were published, probes aside.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>A ring as long as a window, rounded up to a power of two: no two messages under way share a slot.</summary>
    public static int GetRingLength(int window) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)window);

    /// <summary>Publishes a probe.</summary>
    public void Probe()
    {
        lock (_connection.Gate)
        {
            _connection.Append(_template, new LoadStamp(_probes++, Stopwatch.GetTimestamp(), LoadStamp.ProbeOrigin));
            _connection.Flush();
        }
    }

    /// <summary>Publishes one message.</summary>
    public void Publish()
    {
        lock (_connection.Gate)
        {
            PublishUnsynchronized();
        }
    }

    /// <summary>Publishes as many messages as the window has room for.</summary>
    public void FillWindow()
    {
        lock (_connection.Gate)
        {
            while (!_stopping && _sent - Volatile.Read(ref _receivedByAll) < _window)
            {
                PublishUnsynchronized();
            }
        }
    }

    /// <summary>Publishes nothing more.</summary>
    public void Stop()
    {
        lock (_connection.Gate)
        {
            _stopping = true;
        }
    }

    /// <summary>May publish again.</summary>
    public void Resume()
    {
        lock (_connection.Gate)
        {
            _stopping = false;
        }
    }

    /// <summary>Notes that all of one thread's subscribers have got a message. Every thread gets them in order, so the last thread to finish one finishes all before it.</summary>
    public void OnThreadDone(long sequence)
    {
        int slot = (int)(sequence & (_threadsDone.Length - 1));
        if (Interlocked.Increment(ref _threadsDone[slot]) == _threads)
        {
            _threadsDone[slot] = 0;
            Volatile.Write(ref _receivedByAll, sequence + 1);
            FillWindow();
        }
    }

    private void PublishUnsynchronized()
    {
        if (_stopping)
        {
            return;
        }

        // The time of creation: what waits because the server stopped reading is latency too.
        _connection.Append(_template, new LoadStamp(_sent, Stopwatch.GetTimestamp(), _origin));
        Volatile.Write(ref _sent, _sent + 1);
        _connection.Flush();
    }
}
