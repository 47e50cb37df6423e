using PipeWs.Transport.Connections;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Loops;

/// <summary>
/// A thread that runs a loop, until the loop ends or is taken from it because the application's code keeps it too long. What belongs to the thread and not
/// to the loop is here: a thread that comes back too late finds its own buffers as it left them, and does nothing to the loop any more.
/// </summary>
internal sealed class LoopThread
{
    private const int MaxEvents = 512;

    private const int Working = 0;
    private const int InCallback = 1;
    private const int Lost = 2;

    [ThreadStatic]
    private static LoopThread? t_current;

    private readonly object _start = new();
    private int _phase;
    private long _callbacks;

    // Under the lock of the start.
    private bool _waits;
    private bool _mayRun = true;

    /// <param name="loop">The loop that it is to run.</param>
    /// <param name="usesRing">Whether what is flushed on it leaves by io_uring. Where the kernel gives no more of them, it leaves as it does without.</param>
    public LoopThread(EventLoop loop, bool usesRing)
    {
        Loop = loop;
        Sends = new SendBatch(usesRing);
    }

    /// <summary>The loop thread that this is; null on every other thread.</summary>
    public static LoopThread? Current => t_current;

    /// <summary>Whose thread it is, or was.</summary>
    public EventLoop Loop { get; }

    /// <summary>Where the events of an iteration are written.</summary>
    public byte[] Events { get; } = EventPoll.CreateBuffer(MaxEvents);

    /// <summary>What is received with while its reader is at work on this thread and done with the bytes when it returns.</summary>
    public Segment Shared { get; private set; } = Segment.Rent(Segment.LargeBytes);

    /// <summary>What was flushed on it and leaves at the iteration's end.</summary>
    public SendBatch Sends { get; }

    /// <summary>The reader that has its bytes in <see cref="Shared"/>; null where none has. Of this thread alone.</summary>
    public LoopReader? SharedBy { get; set; }

    /// <summary>Whether what runs now was scheduled on the loop, and is not what an event woke. Of this thread alone.</summary>
    public bool IsInScheduledWork { get; set; }

    /// <summary>Whether the loop has been given to another thread.</summary>
    public bool IsLost => Volatile.Read(ref _phase) == Lost;

    /// <summary>How many callbacks have begun.</summary>
    public long Callbacks => Volatile.Read(ref _callbacks);

    /// <summary>Whether a callback has not returned.</summary>
    public bool IsInCallback => Volatile.Read(ref _phase) == InCallback;

    /// <summary>Starts the thread.</summary>
    public void Start(string name) => new Thread(Run) { IsBackground = true, Name = name }.UnsafeStart();

    /// <summary>Starts the thread, which does nothing until <see cref="GoOn"/>: where the system gives none, that shows here.</summary>
    public void StartWaiting(string name)
    {
        _waits = true;
        try
        {
            Start(name);
        }
        catch
        {
            GiveBack();
            throw;
        }
    }

    /// <summary>Says whether the thread that waits is to run the loop; it ends otherwise.</summary>
    public void GoOn(bool mayRun)
    {
        lock (_start)
        {
            _mayRun = mayRun;
            _waits = false;
            Monitor.Pulse(_start);
        }
    }

    /// <summary>Says that code begins which may take however long it likes: whoever waits for the loop may take it away.</summary>
    public void EnterCallback()
    {
        Volatile.Write(ref _callbacks, _callbacks + 1);
        Volatile.Write(ref _phase, InCallback);
    }

    /// <summary>Says that the code has returned.</summary>
    /// <returns><see langword="false"/> where the loop has been taken away meanwhile.</returns>
    public bool LeaveCallback() => Interlocked.CompareExchange(ref _phase, Working, InCallback) == InCallback;

    /// <summary>Takes the loop away from this thread, if a callback has it.</summary>
    public bool TryLose() => Interlocked.CompareExchange(ref _phase, Lost, InCallback) == InCallback;

    /// <summary>A reader keeps the bytes beyond its turn: they are its own from here on, and the thread reads with others.</summary>
    public void GiveSharedAway()
    {
        Shared = Segment.Rent(Segment.LargeBytes);
        SharedBy = null;
    }

    private void Run()
    {
        t_current = this;
        try
        {
            if (MayRun())
            {
                Loop.Run(this);
            }
        }
        finally
        {
            t_current = null;
            GiveBack();
        }
    }

    private bool MayRun()
    {
        lock (_start)
        {
            while (_waits)
            {
                Monitor.Wait(_start);
            }

            return _mayRun;
        }
    }

    private void GiveBack()
    {
        Sends.Dispose();
        if (SharedBy is null)
        {
            Shared.Return();
        }
    }
}
