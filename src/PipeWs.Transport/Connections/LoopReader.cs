using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using PipeWs.Transport.Loops;

namespace PipeWs.Transport.Connections;

/// <summary>
/// Reads a connection. It pulls: the kernel keeps what nobody has asked for, and the sender is held up by TCP's own window. A read that waits is completed by the loop,
/// with the bytes where they were received.
/// </summary>
/// <remarks>
/// Where the continuation runs: on the thread pool, until a read was begun on the loop's own thread (<see cref="PipeScheduler"/> among the connection's features); from then on the loop.
/// There the bytes lie in the loop's own buffer, and what the reader did not consume when it waits again, or when it goes on elsewhere, becomes the connection's.
/// </remarks>
internal sealed partial class LoopReader : PipeReader, IValueTaskSource<ReadResult>
{
    /// <summary>Nobody waits, and the loop would hear of bytes.</summary>
    private const int Armed = 0;

    /// <summary>A read waits. Whoever takes the state to <see cref="Taken"/> completes it.</summary>
    private const int Waiting = 1;

    /// <summary>Nobody waits, there are bytes, and the loop does not hear of them any more.</summary>
    private const int Disarmed = 2;

    /// <summary>A read waits, and somebody receives for it or is about to complete it: nobody else touches the bytes or completes it.</summary>
    private const int Taken = 3;

    /// <summary>The reader was completed.</summary>
    private const int Ended = 4;

    private readonly LoopConnection _connection;
    private ManualResetValueTaskSourceCore<ReadResult> _waiter;
    private CancellationTokenRegistration _cancellation;
    private CancellationToken _cancellationToken;
    private int _state;
    private int _isCancelRequested;

    // Of the reader, and of whoever has taken its wait.
    private Segment? _head;
    private Segment? _tail;
    private int _headIndex;
    private bool _isAllExamined;
    private Exception? _error;
    private volatile bool _isEnded;
    private volatile bool _isCompleted;
    private bool _hadUnread;

    public LoopReader(LoopConnection connection) => _connection = connection;

    /// <summary>Whether the loop is to hear of bytes.</summary>
    public bool IsArmed => Volatile.Read(ref _state) != Disarmed && !_isEnded && !_isCompleted;

    /// <summary>Whether there is nothing more to come: the peer has ended its direction, or the connection is broken.</summary>
    public bool IsEnded => _isEnded;

    /// <summary>Whether there were bytes that nobody had read when it was completed.</summary>
    public bool HadUnread => Volatile.Read(ref _hadUnread);

    /// <summary>Whether a read waits.</summary>
    public bool IsWaiting => Volatile.Read(ref _state) is Waiting or Taken;

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        ThrowIfCompleted();
        if (TryTakeResult(out result, out Exception? error))
        {
            return error is null ? true : throw error;
        }

        return false;
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        if (TryTakeResult(out ReadResult result, out Exception? error))
        {
            return error is null ? new ValueTask<ReadResult>(result) : ValueTask.FromException<ReadResult>(error);
        }

        return WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        ThrowIfCompleted();
        if (_head is null)
        {
            // Nothing was given: the end, or a read that was given up.
            _isAllExamined = true;
            return;
        }

        _isAllExamined = ReferenceEquals(examined.GetObject(), _tail) && examined.GetInteger() == _tail!.End;
        var segment = (Segment?)consumed.GetObject();
        while (!ReferenceEquals(_head, segment))
        {
            ReleaseHead();
            if (_head is null)
            {
                ThrowNotItsOwn();
            }
        }

        _headIndex = consumed.GetInteger();
        while (_head is not null && _headIndex == _head.End)
        {
            ReleaseHead();
        }

        if (_head is null)
        {
            _isAllExamined = true;
        }
        else if (LoopThread.Current is { } thread && ReferenceEquals(thread.SharedBy, this))
        {
            KeepTheRest(thread);
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        Interlocked.Exchange(ref _isCancelRequested, 1);
        if (TryTakeWaiter())
        {
            CompleteTaken(null);
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _isCompleted, true))
        {
            return;
        }

        int state = Interlocked.Exchange(ref _state, Ended);
        if (state != Taken)
        {
            ReleaseAll();
            if (state == Waiting)
            {
                // Nobody else has it.
                CompleteTaken(null);
            }
        }

        _connection.OnReaderCompleted();
    }

    /// <summary>Ends a read that waits, because the connection was aborted. One that begins later sees it for itself.</summary>
    public void OnAborted()
    {
        if (TryTakeWaiter())
        {
            CompleteTaken(null);
        }
    }

    private void ReleaseAll()
    {
        Volatile.Write(ref _hadUnread, _hadUnread || _head is not null);
        while (_head is not null)
        {
            ReleaseHead();
        }
    }

    /// <summary>What a read gives at once, if it does.</summary>
    private bool TryTakeResult(out ReadResult result, out Exception? error)
    {
        error = null;
        if (Volatile.Read(ref _isCancelRequested) != 0 && Interlocked.Exchange(ref _isCancelRequested, 0) != 0)
        {
            result = CreateResult(isCanceled: true);
            return true;
        }

        if (_connection.AbortReason is { } reason)
        {
            error = reason;
            result = default;
            return true;
        }

        if (_head is not null && !_isAllExamined)
        {
            result = CreateResult(isCanceled: false);
            return true;
        }

        error = _error;
        result = _isEnded && error is null ? CreateResult(isCanceled: false) : default;
        return _isEnded;
    }

    private ReadResult CreateResult(bool isCanceled)
    {
        ReadOnlySequence<byte> buffer = _head is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_head, _headIndex, _tail!, _tail!.End);
        return new ReadResult(buffer, isCanceled, isCompleted: _isEnded && _error is null);
    }

    private ValueTask<ReadResult> WaitAsync(CancellationToken cancellationToken)
    {
        if (!_connection.StaysOnLoop && LoopThread.Current is { IsInScheduledWork: true } && _connection.Loop.IsOnLoop)
        {
            _connection.StaysOnLoop = true;
        }

        if (IsWaiting)
        {
            throw new InvalidOperationException("A read is under way already.");
        }

        _waiter.Reset();
        var task = new ValueTask<ReadResult>(this, _waiter.Version);
        _cancellationToken = cancellationToken;
        if (cancellationToken.CanBeCanceled)
        {
            // Before the read waits: whoever completes it finds the registration, and one that fires too early is looked for below.
            _cancellation = cancellationToken.UnsafeRegister(static reader => ((LoopReader)reader!).OnCanceled(), this);
        }

        int state = Interlocked.CompareExchange(ref _state, Waiting, Armed);
        if (state == Ended || (state == Disarmed && !TryWaitDisarmed()))
        {
            _cancellation.Dispose();
            _cancellation = default;
            ThrowIfCompleted();
            return TryTakeResult(out ReadResult result, out Exception? error) && error is null
                ? new ValueTask<ReadResult>(result)
                : ValueTask.FromException<ReadResult>(error!);
        }

        // Whoever asked for the end before this read waited did not find it.
        if (HasToEndNow && TryTakeWaiter())
        {
            CompleteTaken(null);
        }

        return task;
    }

    private bool HasToEndNow
    {
        get
        {
            // A copy: whoever completes the read meanwhile takes the field away, and the token looks at its source twice.
            CancellationToken token = _cancellationToken;
            return Volatile.Read(ref _isCancelRequested) != 0 || _connection.AbortReason is not null || token.IsCancellationRequested;
        }
    }

    private bool TryTakeWaiter() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    private void OnCanceled()
    {
        if (TryTakeWaiter())
        {
            CompleteTaken(null);
        }
    }

    /// <summary>Completes the read that was taken, with what there is.</summary>
    /// <param name="thread">The loop's thread, where this is an event's handling and the reader may go on there; null where it goes on on the thread pool.</param>
    private void CompleteTaken(LoopThread? thread)
    {
        CancellationToken token = _cancellationToken;
        _cancellationToken = default;
        CancellationTokenRegistration cancellation = _cancellation;
        _cancellation = default;

        // Waits for a callback that is at work, which otherwise could take the next read.
        cancellation.Dispose();
        bool hasResult = TryTakeResult(out ReadResult result, out Exception? error);
        if (!hasResult && token.IsCancellationRequested)
        {
            error = new OperationCanceledException(token);
        }
        else if (!hasResult)
        {
            // Taken for something that another read has had meanwhile: it is given up, with what was kept.
            result = CreateResult(isCanceled: true);
        }

        if (Interlocked.CompareExchange(ref _state, Armed, Taken) != Taken)
        {
            // The reader was completed meanwhile, and left the bytes to whoever had taken its read. Who began that read and left is told that it was given up.
            ReleaseAll();
            error = null;
            result = CreateResult(isCanceled: true);
        }

        _waiter.RunContinuationsAsynchronously = thread is null || !_connection.RunsOnLoop;
        thread?.EnterCallback();
        if (error is not null)
        {
            _waiter.SetException(error);
        }
        else
        {
            _waiter.SetResult(result);
        }

        thread?.LeaveCallback();
    }

    private void ReleaseHead()
    {
        Segment head = _head!;
        _head = head.Following;
        _headIndex = 0;
        if (_head is null)
        {
            _tail = null;
        }

        if (LoopThread.Current is { } thread && ReferenceEquals(thread.SharedBy, this))
        {
            thread.SharedBy = null;
        }
        else
        {
            head.Return();
        }
    }

    /// <summary>Moves what was not consumed out of the loop's own buffer.</summary>
    private void KeepTheRest(LoopThread thread)
    {
        Segment shared = thread.Shared;
        ReadOnlySpan<byte> rest = shared.Array.AsSpan(_headIndex, shared.End - _headIndex);
        Segment own = Segment.Rent(rest.Length);
        rest.CopyTo(own.Array);
        own.End = rest.Length;
        _head = _tail = own;
        _headIndex = 0;
        thread.SharedBy = null;
    }

    private void ThrowIfCompleted()
    {
        if (_isCompleted)
        {
            ThrowCompleted();
        }
    }

    [DoesNotReturn]
    private static void ThrowCompleted() => throw new InvalidOperationException("Reading is not allowed after the reader was completed.");

    [DoesNotReturn]
    private static void ThrowNotItsOwn() => throw new InvalidOperationException("The position is not one of the last read's buffer.");
}
