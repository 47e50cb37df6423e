using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Loops;

/// <summary>
/// One thread that waits for what happens to its connections' sockets and handles it: bytes that come, room to send, work that others schedule. It is the
/// <see cref="PipeScheduler"/> that a connection has among its features.
/// </summary>
/// <remarks>
/// Code of the application runs on it as long as it does not block. Code that keeps the thread longer than the stall timeout loses the loop, not the thread: another thread
/// goes on with the loop, and the connection whose code blocks is the only one that waits.
/// </remarks>
internal sealed class EventLoop : PipeScheduler, IDisposable
{
    private const ulong WakeData = ulong.MaxValue;

    /// <summary>How often the watchdog looks within the stall timeout.</summary>
    public const int LooksBeforeStalled = 4;

    private const int MaxSpinCredit = 8;
    private const int SpinsSkippedWithoutCredit = 16;

    private readonly EventPoll _poll = new();
    private readonly WakeEvent _wake = new();
    private readonly ConcurrentQueue<Work> _work = new();
    private readonly LoopSlots _slots = new();
    private readonly Lock _afterTheEnd = new();
    private readonly LingeringSockets _lingering;
    private readonly ILogger _logger;
    private readonly long _spinTicks;
    private readonly string _name;
    private readonly bool _usesRing;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LoopThread _owner;
    private int _sleeping;
    private volatile bool _isStopping;
    private volatile bool _hasEnded;

    // Of the watchdog.
    private long _callbacksSeen = -1;
    private int _looks;

    // Of the loop.
    private int _spinCredit;
    private int _spinsSkipped;

    /// <param name="index">Which of the loops it is.</param>
    /// <param name="spinTime">How long it looks for more before it sleeps.</param>
    /// <param name="usesRing">Whether what is flushed on it leaves by io_uring.</param>
    /// <param name="logger">The transport's log.</param>
    public EventLoop(int index, TimeSpan spinTime, bool usesRing, ILogger logger)
    {
        _usesRing = usesRing;
        Index = index;
        _logger = logger;
        _name = $"PipeWs loop {index}";
        _spinTicks = (long)(spinTime.TotalSeconds * Stopwatch.Frequency);
        _lingering = new LingeringSockets(this);
        _owner = new LoopThread(this, usesRing);
        int result = _poll.Add(_wake.File, EventPoll.In, WakeData);
        if (result < 0)
        {
            throw Errno.ToException("epoll_ctl", -result);
        }
    }

    /// <summary>Which of the loops it is.</summary>
    public int Index { get; }

    /// <summary>How many files it watches.</summary>
    public int Count => _slots.Count;

    /// <summary>Whether it has ended: nothing is watched any more.</summary>
    public bool HasEnded => _hasEnded;

    /// <summary>Whether this thread is the loop's own.</summary>
    public bool IsOnLoop => LoopThread.Current is { } thread && ReferenceEquals(thread, Volatile.Read(ref _owner));

    /// <summary>Starts the thread.</summary>
    public void Start() => _owner.Start(_name);

    /// <summary>Runs an action on the loop, soon: at the end of the iteration that is under way where the caller is on the loop itself. From any thread.</summary>
    public override void Schedule(Action<object?> action, object? state)
    {
        ArgumentNullException.ThrowIfNull(action);
        Enqueue(new Work(action, state, IsOwn: false));
    }

    /// <summary>Runs the transport's own code on the loop, during which nobody takes the loop away: it changes what belongs to it.</summary>
    public void ScheduleOwn(Action<object?> action, object? state) => Enqueue(new Work(action, state, IsOwn: true));

    private void Enqueue(in Work work)
    {
        _work.Enqueue(work);
        if (HasEnded)
        {
            RunTheRest();
            return;
        }

        if (IsOnLoop)
        {
            return;
        }

        // A full fence: the loop says that it sleeps, and looks for work once more before it does.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sleeping) != 0 && Interlocked.Exchange(ref _sleeping, 0) != 0)
        {
            _wake.Signal();
        }
    }

    /// <summary>Gives an item a number that epoll carries. On the loop.</summary>
    public ulong Add(ILoopItem item) => _slots.Add(item);

    /// <summary>Takes the number back; what epoll still reports under it is nobody's. On the loop.</summary>
    public void Remove(ulong data) => _slots.Remove(data);

    /// <summary>Changes what is watched for. From any thread, of one item one at a time.</summary>
    /// <returns>0, or the negative error.</returns>
    public int Watch(int file, uint flags, ulong data, bool isWatched) =>
        isWatched ? _poll.Modify(file, flags, data) : _poll.Add(file, flags, data);

    /// <inheritdoc cref="Watch"/>
    public int Unwatch(int file) => _poll.Remove(file);

    /// <summary>How many sockets have stayed beyond their connections.</summary>
    public long LingeredSockets => _lingering.Taken;

    /// <summary>Takes over the socket of a connection that has ended while its peer was still sending, and closes it when it has too. On the loop.</summary>
    public void Linger(int file) => _lingering.Add(file);

    /// <summary>Ends the loop after what is scheduled now.</summary>
    public Task StopAsync()
    {
        Schedule(static loop => ((EventLoop)loop!)._isStopping = true, this);
        return _ended.Task;
    }

    /// <summary>Looks whether the application's code keeps the thread, and gives the loop to another if it does. By the watchdog.</summary>
    public void CheckStall()
    {
        LoopThread owner = Volatile.Read(ref _owner);
        long callbacks = owner.Callbacks;
        if (!owner.IsInCallback || callbacks != _callbacksSeen)
        {
            _callbacksSeen = callbacks;
            _looks = 0;
            return;
        }

        if (++_looks < LooksBeforeStalled)
        {
            return;
        }

        LoopThread successor;
        try
        {
            // Before the loop is taken: what fails here must not leave it without a thread.
            successor = new LoopThread(this, _usesRing);
            successor.StartWaiting(_name);
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            _looks = 0;
            TransportLog.LoopNotReplaced(_logger, Index, e);
            return;
        }

        if (owner.TryLose())
        {
            _callbacksSeen = -1;
            Volatile.Write(ref _owner, successor);
            owner.Sends.Close();
            successor.GoOn(mayRun: true);

            // Now: the log may wait for what the blocked thread holds.
            TransportLog.LoopStalled(_logger, Index);
        }
        else
        {
            successor.GoOn(mayRun: false);
        }
    }

    /// <summary>The loop itself, on a thread of its own.</summary>
    internal void Run(LoopThread thread)
    {
        while (!_isStopping)
        {
            int events = WaitForEvents(thread);
            if (!HandleEvents(thread, events) || !DoWork(thread))
            {
                // Lost: another thread is the loop now.
                return;
            }

            thread.Sends.Send();
            _lingering.CloseLate();
        }

        _lingering.CloseAll();
        foreach (ILoopItem item in _slots.ToArray())
        {
            item.OnLoopEnding();
        }

        _hasEnded = true;

        // A full fence: whoever schedules something looks for the end after it, and here what is scheduled is looked for after the end is said.
        Interlocked.MemoryBarrier();

        // First: a connection that begins only now learns that it is not watched, and ends.
        Dispose();
        RunTheRest();
        _ended.TrySetResult();
    }

    /// <summary>What is scheduled on a loop that has ended is the end of its connections: the thread pool sees to it.</summary>
    private void RunTheRest()
    {
        while (_work.TryDequeue(out Work work))
        {
            System.Threading.ThreadPool.UnsafeQueueUserWorkItem(static rest => rest.Loop.RunAfterTheEnd(rest.Work), (Loop: this, Work: work), preferLocal: false);
        }
    }

    private void RunAfterTheEnd(in Work work)
    {
        if (!work.IsOwn)
        {
            Run(work);
            return;
        }

        // What belongs to the loop is changed by one thread at a time, as before.
        lock (_afterTheEnd)
        {
            Run(work);
        }
    }

    /// <summary>Frees what the kernel holds for it. Where the loop has started, it does so itself at its end.</summary>
    public void Dispose()
    {
        _poll.Dispose();
        _wake.Dispose();
    }

    private bool HandleEvents(LoopThread thread, int events)
    {
        for (int i = 0; i < events; i++)
        {
            (uint flags, ulong data) = EventPoll.Get(thread.Events, i);
            if (data == WakeData)
            {
                _wake.Clear();
                continue;
            }

            // What was removed earlier in this iteration may still be reported in it.
            try
            {
                _slots.Find(data)?.OnEvents(flags, thread);
            }
            catch (Exception e)
            {
                TransportLog.WorkFailed(_logger, Index, e);
                if (thread.IsInCallback)
                {
                    thread.LeaveCallback();
                }
            }

            if (thread.IsLost)
            {
                return false;
            }
        }

        return true;
    }

    private bool DoWork(LoopThread thread)
    {
        if (_work.IsEmpty)
        {
            return true;
        }

        // What this work schedules comes after the sockets had their turn.
        for (int left = _work.Count; left > 0 && _work.TryDequeue(out Work work); left--)
        {
            if (work.IsOwn)
            {
                Run(work);
                continue;
            }

            thread.EnterCallback();
            thread.IsInScheduledWork = true;
            Run(work);
            thread.IsInScheduledWork = false;
            if (!thread.LeaveCallback())
            {
                return false;
            }
        }

        return true;
    }

    private void Run(in Work work)
    {
        try
        {
            work.Action(work.State);
        }
        catch (Exception e)
        {
            TransportLog.WorkFailed(_logger, Index, e);
        }
    }

    private int WaitForEvents(LoopThread thread)
    {
        if (!_work.IsEmpty)
        {
            return _poll.Wait(thread.Events, 0);
        }

        if (_spinTicks > 0 && SpinsIntoWork(thread, out int events))
        {
            return events;
        }

        Interlocked.Exchange(ref _sleeping, 1);
        events = _poll.Wait(thread.Events, _work.IsEmpty ? _lingering.TimeoutMilliseconds : 0);
        Volatile.Write(ref _sleeping, 0);
        return events;
    }

    /// <summary>Looks for something to do instead of sleeping; seldom where that has not paid lately.</summary>
    private bool SpinsIntoWork(LoopThread thread, out int events)
    {
        events = 0;
        if (_spinCredit < 0 && ++_spinsSkipped % SpinsSkippedWithoutCredit != 0)
        {
            return false;
        }

        long start = Stopwatch.GetTimestamp();
        do
        {
            events = _poll.Wait(thread.Events, 0);
            if (events > 0 || !_work.IsEmpty)
            {
                _spinCredit = Math.Min(_spinCredit + 1, MaxSpinCredit);
                return true;
            }
        }
        while (Stopwatch.GetTimestamp() - start < _spinTicks);

        _spinCredit = Math.Max(_spinCredit - 1, -MaxSpinCredit);
        return false;
    }

    private readonly record struct Work(Action<object?> Action, object? State, bool IsOwn);
}
