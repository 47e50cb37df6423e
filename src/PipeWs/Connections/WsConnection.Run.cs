using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs;

// A connection's life: one asynchronous method, in whose frame there is nothing but a read while the connection is idle. What is rare has methods, and frames, of its own.
public sealed partial class WsConnection
{
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
                    End.HandlerException = e;
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
                    _partial?.Assembly.Release();
                }
            }

            end = ReadBatch(ref buffer, _receiver!, out handled);
        }

        return EndRead(buffer, isCompleted);
    }

    private bool EndRead(in ReadOnlySequence<byte> rest, bool isCompleted)
    {
        _insideFrame = !rest.IsEmpty || _frameRemaining > 0;
        _receiver!.OnReadHandled();
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
        _partial?.Assembly.Release();
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
            End.SetFinished();
        }
    }

    /// <summary>It has ended, as far as anybody waits for that. Where a receiver ignores the end, before it has finished.</summary>
    private void SetClosed()
    {
        WsCloseInfo info = CreateCloseInfo();
        if (End.TrySetClosed(info))
        {
            _receiver?.OnClosed(info);
        }
    }
}
