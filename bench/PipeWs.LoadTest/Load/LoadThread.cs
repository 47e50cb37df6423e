using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using PipeWs.LoadTest.Native;
using PipeWs.LoadTest.SignalR;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// One thread of the generator: it waits for its sockets with epoll, reads each that has bytes once, and lets the <see cref="Workload"/> answer.
/// </summary>
/// <remarks>
/// What the generator's way of reading does to the numbers: while this thread is busy, messages wait in the kernel's buffers and one read takes all of them; a
/// server that sends them in one piece saves its own CPU, one that sends each alone pays for each. A generator that is busy is also not asleep, so that
/// the server's sends need not wake it, which the kernel would charge to the server. Both effects are the same for every server under the same load,
/// and both grow with load: compare servers under one scenario, never one scenario with another.
/// </remarks>
internal sealed class LoadThread : IDisposable
{
    /// <summary>The longest a turn waits for bytes, in milliseconds: how soon the thread sees that it is to stop.</summary>
    public const int MaxTurnMilliseconds = 50;

    private const int ReceiveBytes = 128 * 1024;
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(3);

    private readonly EventPoll _poll = new();
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ReceiveBytes, pinned: true);
    private readonly List<LoadConnection> _connections = [];
    private readonly Thread _thread;
    private readonly bool _hub;
    private volatile bool _closing;
    private long _nextHubPing;

    public LoadThread(Workload workload, LoadOptions options, int number)
    {
        Workload = workload;
        _hub = options.Protocol == LoadProtocol.SignalR;
        _thread = new Thread(Run) { IsBackground = true, Name = $"load {number}" };
    }

    /// <summary>What the thread does.</summary>
    public Workload Workload { get; }

    /// <summary>The thread's connections; do not touch once it has started.</summary>
    public IReadOnlyList<LoadConnection> Connections => _connections;

    /// <summary>What ended the thread before its time.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Gives the thread a connection, before it starts.</summary>
    public void Add(LoadConnection connection)
    {
        connection.Attach(Workload, _poll, _connections.Count);
        _connections.Add(connection);
    }

    /// <summary>Starts the thread.</summary>
    public void Start() => _thread.Start();

    /// <summary>Asks the thread to close its connections and end.</summary>
    public void BeginClose() => _closing = true;

    /// <summary>Waits for the thread's end.</summary>
    public void Join()
    {
        if (_thread.ThreadState.HasFlag(System.Threading.ThreadState.Unstarted))
        {
            return;
        }

        _thread.Join();
    }

    public void Dispose()
    {
        BeginClose();
        Join();
        foreach (LoadConnection connection in _connections)
        {
            connection.Dispose();
        }

        _poll.Dispose();
    }

    private void Run()
    {
        try
        {
            Workload.OnStart(_connections);
            _nextHubPing = Stopwatch.GetTimestamp() + ToTicks(HubMessages.PingInterval);
            while (!_closing)
            {
                Turn(Workload.OnTurn());
            }

            Close();
        }
        catch (Exception e)
        {
            Failure = e;
        }
    }

    private void Close()
    {
        foreach (LoadConnection connection in _connections)
        {
            lock (connection.Gate)
            {
                connection.BeginClose();
            }
        }

        long deadline = Stopwatch.GetTimestamp() + ToTicks(CloseTimeout);
        while (_connections.Exists(connection => !connection.IsClosed) && Stopwatch.GetTimestamp() < deadline)
        {
            Turn(MaxTurnMilliseconds);
        }
    }

    private void Turn(int timeoutMilliseconds)
    {
        int count = _poll.Wait(timeoutMilliseconds);
        for (int i = 0; i < count; i++)
        {
            (int id, bool readable, bool writable) = _poll.GetEvent(i);
            LoadConnection connection = _connections[id];
            if (writable)
            {
                lock (connection.Gate)
                {
                    connection.Flush();
                }
            }

            if (readable && !connection.IsClosed)
            {
                Read(connection);
            }
        }

        if (_hub && Stopwatch.GetTimestamp() >= _nextHubPing)
        {
            _nextHubPing = Stopwatch.GetTimestamp() + ToTicks(HubMessages.PingInterval);
            PingHubs();
        }
    }

    private void Read(LoadConnection connection)
    {
        nint received = Libc.Receive(connection.Descriptor, _buffer);
        if (received > 0)
        {
            Workload.Now = Stopwatch.GetTimestamp();
            try
            {
                connection.Receive(_buffer.AsSpan(0, (int)received));
                Workload.OnReadEnd(connection);
            }
            catch (ProtocolViolationException e)
            {
                Workload.OnError(e.Message);
                connection.Dispose();
            }
        }
        else if (received == 0 || Marshal.GetLastPInvokeError() is not (Libc.ErrorAgain or Libc.ErrorInterrupted))
        {
            connection.OnEnd();
        }
    }

    private void PingHubs()
    {
        foreach (LoadConnection connection in _connections)
        {
            lock (connection.Gate)
            {
                connection.AppendFrame(Opcode.Text, HubMessages.Ping);
                connection.Flush();
            }
        }
    }

    private static long ToTicks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
