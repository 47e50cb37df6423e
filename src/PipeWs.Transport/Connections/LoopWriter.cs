using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using PipeWs.Transport.Loops;

namespace PipeWs.Transport.Connections;

/// <summary>
/// Writes a connection: what is written between two flushes is gathered in one pooled buffer. A flush on the loop's own thread leaves it to the end of the loop's iteration
/// (<see cref="SendBatch"/>); on every other thread it sends at once. Only what the kernel did not take is kept, for the loop to send; the flush that left it, or the next one where that was over already,
/// lasts until it has left. Between flushes it holds no buffer.
/// </summary>
/// <remarks>A peer or a connection that has gone is no exception but a flush whose result is completed.</remarks>
internal sealed partial class LoopWriter : PipeWriter, IValueTaskSource<FlushResult>
{
    /// <summary>The buffer that is gathered in, in bytes, unless more is written between two flushes.</summary>
    internal const int BufferBytes = 64 * 1024;

    private readonly LoopConnection _connection;
    private ManualResetValueTaskSourceCore<FlushResult> _waiter;
    private CancellationTokenRegistration _cancellation;
    private CancellationToken _cancellationToken;
    private int _isWaiting;
    private int _isCancelRequested;

    // Of the one who writes.
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private volatile bool _isCompleted;

    /// <summary>Everything that will ever be written is with the kernel or in the rest.</summary>
    private volatile bool _isSealed;

    /// <summary>The kernel takes no more: the connection is broken, or was aborted.</summary>
    private volatile bool _isEnded;

    public LoopWriter(LoopConnection connection) => _connection = connection;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _end - _start;

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsMemory(_end);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsSpan(_end);
    }

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)((_buffer?.Length ?? 0) - _end), nameof(bytes));
        _end += bytes;
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (MayFlushNow(cancellationToken) && (TryDefer(_buffer.AsSpan(_start, _end - _start)) || (!HasMoreBefore && TrySend())))
        {
            ReturnBuffer();
            return new ValueTask<FlushResult>(CreateResult(isCanceled: false));
        }

        return FlushSlow(cancellationToken);
    }

    /// <summary>
    /// Sends the bytes after those gathered before. What is large is not copied, but for what the kernel does not take at once; nor is what is alone, but into what leaves at the end of the loop's iteration.
    /// </summary>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        ReadOnlySpan<byte> bytes = source.Span;
        bool isLarge = bytes.Length >= BufferBytes / 4;
        if (isLarge)
        {
            SendDeferred();
        }
        else if (_start == _end && MayFlushNow(cancellationToken) && TryDefer(bytes))
        {
            ReturnBuffer();
            return new ValueTask<FlushResult>(CreateResult(isCanceled: false));
        }

        if (isLarge && !HasMoreBefore && !cancellationToken.IsCancellationRequested && TrySend())
        {
            _ = TrySend(ref bytes);
        }

        if (!bytes.IsEmpty)
        {
            bytes.CopyTo(GetSpan(bytes.Length));
            Advance(bytes.Length);
        }

        return FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        Interlocked.Exchange(ref _isCancelRequested, 1);
        if (TryTakeWaiter())
        {
            CompleteTaken(null);
        }
    }

    /// <summary>Sends what was written and not flushed, and then ends this direction. With an exception, what was not sent is dropped and the connection aborted.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _isCompleted, true))
        {
            return;
        }

        if (exception is not null)
        {
            ReturnBuffer();
            _connection.Abort(new Microsoft.AspNetCore.Connections.ConnectionAbortedException("What was written to the connection ended with an error.", exception));
        }
        else if (!HasMoreBefore && TrySend())
        {
            ReturnBuffer();
        }
        else
        {
            LeaveToLoop();
        }

        // Only now is nothing more to come; before, the loop could have ended the direction over bytes on their way to it. A full fence, as the loop has one between the
        // last byte and its look at this.
        _isSealed = true;
        Interlocked.MemoryBarrier();
        if (!HasMoreBefore)
        {
            _connection.OnOutputSent();
        }
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _waiter.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    private bool MayFlushNow(CancellationToken cancellationToken) =>
        !HasRest && !cancellationToken.IsCancellationRequested && Volatile.Read(ref _isCancelRequested) == 0;

    private FlushResult CreateResult(bool isCanceled) => new(isCanceled, isCompleted: _isEnded);

    private ValueTask<FlushResult> FlushSlow(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            // As a pipe has it: what was written waits for the next flush.
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        if (Volatile.Read(ref _isWaiting) != 0)
        {
            throw new InvalidOperationException("A flush is under way already.");
        }

        _waiter.Reset();
        var task = new ValueTask<FlushResult>(this, _waiter.Version);
        _cancellationToken = cancellationToken;
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static writer => ((LoopWriter)writer!).OnCanceled(), this);
        }

        Interlocked.Exchange(ref _isWaiting, 1);
        LeaveToLoop();

        // Whoever asked for the end, or sent the last of it, before this flush waited did not find it.
        if ((!HasMoreBefore || HasToEndNow) && TryTakeWaiter())
        {
            CompleteTaken(null);
        }

        return task;
    }

    private bool HasToEndNow
    {
        get
        {
            // A copy: whoever completes the flush meanwhile takes the field away, and the token looks at its source twice.
            CancellationToken token = _cancellationToken;
            return _isEnded || Volatile.Read(ref _isCancelRequested) != 0 || token.IsCancellationRequested;
        }
    }

    private bool TryTakeWaiter() => Interlocked.CompareExchange(ref _isWaiting, 0, 1) == 1;

    private void OnCanceled()
    {
        if (TryTakeWaiter())
        {
            CompleteTaken(null);
        }
    }

    /// <summary>Completes the flush that was taken.</summary>
    /// <param name="thread">The loop's thread, where this is an event's handling and the writer may go on there; null where it goes on on the thread pool.</param>
    private void CompleteTaken(LoopThread? thread)
    {
        CancellationToken token = _cancellationToken;
        _cancellationToken = default;
        CancellationTokenRegistration cancellation = _cancellation;
        _cancellation = default;

        // Waits for a callback that is at work, which otherwise could take the next flush.
        cancellation.Dispose();
        bool isCanceled = Interlocked.Exchange(ref _isCancelRequested, 0) != 0;
        _waiter.RunContinuationsAsynchronously = thread is null || !_connection.RunsOnLoop;
        thread?.EnterCallback();
        if (!isCanceled && HasMoreBefore && !_isEnded && token.IsCancellationRequested)
        {
            _waiter.SetException(new OperationCanceledException(token));
        }
        else
        {
            _waiter.SetResult(CreateResult(isCanceled));
        }

        thread?.LeaveCallback();
    }

    private void EnsureRoom(int sizeHint)
    {
        ThrowIfCompleted();
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_buffer is null || _buffer.Length - _end < Math.Max(1, sizeHint))
        {
            MakeRoom(Math.Max(1, sizeHint));
        }
    }

    private void MakeRoom(int needed)
    {
        int rest = _end - _start;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(rest == 0 ? BufferBytes : checked(2 * rest), checked(rest + needed)));
        MoveTo(larger);
    }

    private void MoveTo(byte[] buffer)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(buffer);
        _end -= _start;
        _start = 0;
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = buffer;
    }

    private void ReturnBuffer()
    {
        _start = _end = 0;
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ThrowIfCompleted()
    {
        if (_isCompleted)
        {
            ThrowCompleted();
        }
    }

    [DoesNotReturn]
    private static void ThrowCompleted() => throw new InvalidOperationException("Writing is not allowed after the writer was completed.");
}
