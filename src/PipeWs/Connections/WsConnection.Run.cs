using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs;

// A connection's life: one asynchronous method, in whose frame there is nothing but a read while the connection is idle. What is rare has methods, and frames, of its own.
public sealed partial class WsConnection
{
    private WsCloseInfo? _closeInfo;
    private volatile bool _hasFinished;

    // Made by whoever waits first. Most connections have nobody who does.
    private TaskCompletionSource<WsCloseInfo>? _closed;
    private TaskCompletionSource? _finished;

    /// <summary>Completes with how the connection ended, when it has.</summary>
    public Task<WsCloseInfo> Closed
    {
        get
        {
            TaskCompletionSource<WsCloseInfo>? closed = Volatile.Read(ref _closed);
            if (closed is null)
            {
                var mine = new TaskCompletionSource<WsCloseInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
                closed = Interlocked.CompareExchange(ref _closed, mine, null) ?? mine;
            }

            if (Volatile.Read(ref _closeInfo) is { } info)
            {
                // Whoever ended it may not have found it.
                closed.TrySetResult(info);
            }

            return closed.Task;
        }
    }

    /// <summary>Completes when the receiver has returned for the last time and both pipes are completed, which may be after <see cref="Closed"/>.</summary>
    internal Task Finished
    {
        get
        {
            TaskCompletionSource finished = Completion(ref _finished);
            if (_hasFinished)
            {
                finished.TrySetResult();
            }

            return finished.Task;
        }
    }

    private bool IsClosed => Volatile.Read(ref _closeInfo) is not null;

    /// <summary>Begins to receive, and tells the receiver of the end. Called once.</summary>
    internal void Start(WsReceiver receiver)
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
        {
            throw new InvalidOperationException("A connection runs once.");
        }

        _receiver = receiver;
        _heartbeat.Add(this);
        _ = _loop is null ? ReceiveAsync() : ReceiveOnLoopAsync(_loop);
    }

    private async Task ReceiveOnLoopAsync(PipeScheduler loop)
    {
        await new LoopSwitch(loop);
        _ = ReceiveAsync();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            ValueTask<bool> goesOn;
            do
            {
                goesOn = OnRead(await _input.ReadAsync());
            }
            while (goesOn.IsCompletedSuccessfully ? goesOn.Result : await goesOn);

            EndReceiving();
        }
        catch (Exception e)
        {
            // The transport's own end: a reset, an abort, a TLS failure.
            EndReceiving();
            SetTransportEnded(e);
        }

        _ = FinishAsync();
    }

    /// <summary>Takes what was read.</summary>
    /// <returns>Whether there is more to be read.</returns>
    private ValueTask<bool> OnRead(in ReadResult result)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        if (IsAborted || _stopReading)
        {
            _input.AdvanceTo(buffer.End);
            return new ValueTask<bool>(false);
        }

        if (!buffer.IsEmpty)
        {
            _receivedSinceTick = true;
        }

        BatchEnd end = ReadBatch(ref buffer, _receiver!, out ValueTask handled);
        return end == BatchEnd.NeedMore
            ? new ValueTask<bool>(EndRead(buffer, result.IsCompleted))
            : OnReadAwaited(buffer, result.IsCompleted, end, handled);
    }

    /// <summary>Something must be waited for before the rest of what was read can be taken.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> OnReadAwaited(ReadOnlySequence<byte> buffer, bool isCompleted, BatchEnd end, ValueTask handled)
    {
        while (end != BatchEnd.NeedMore)
        {
            if (end == BatchEnd.AwaitBacklog)
            {
                // The peer asks and does not read: stop reading rather than grow.
                _insideFrame = false;
                await WaitToReadAsync();
            }
            else
            {
                bool failed = end == BatchEnd.End;
                try
                {
                    await handled;
                }
                catch (Exception e) when (IsGivingUp(e))
                {
                }
                catch (Exception e)
                {
                    _handlerException = e;
                    Fail(s_handlerFailed);
                    failed = true;
                }

                _inReceiver = false;
                if (failed)
                {
                    _input.AdvanceTo(buffer.End);
                    return false;
                }

                if (end == BatchEnd.AwaitReceiver)
                {
                    _assembly.Release();
                }
            }

            end = ReadBatch(ref buffer, _receiver!, out handled);
        }

        return EndRead(buffer, isCompleted);
    }

    private bool EndRead(in ReadOnlySequence<byte> rest, bool isCompleted)
    {
        _insideFrame = !rest.IsEmpty || _frameRemaining > 0;
        _input.AdvanceTo(rest.Start, rest.End);
        if (isCompleted)
        {
            SetTransportEnded(null);
        }

        return !isCompleted;
    }

    private void EndReceiving()
    {
        _inReceiver = false;
        _assembly.Release();
        _compression?.ReleaseInflater();
    }

    private async Task FinishAsync()
    {
        try
        {
            await EndAsync();
        }
        finally
        {
            _heartbeat.Remove(this);
            ForgetTransport();
            SetClosed();
            _hasFinished = true;

            // A full fence: either it is found here, or whoever has just made it sees that all is over.
            Interlocked.MemoryBarrier();
            Volatile.Read(ref _finished)?.TrySetResult();
        }
    }

    /// <summary>It has ended, as far as anybody waits for that. Where a receiver ignores the end, before it has finished.</summary>
    private void SetClosed()
    {
        WsCloseInfo info = CreateCloseInfo();
        if (Interlocked.CompareExchange(ref _closeInfo, info, null) is null)
        {
            Volatile.Read(ref _closed)?.TrySetResult(info);
            _receiver?.OnClosed(info);
        }
    }
}
