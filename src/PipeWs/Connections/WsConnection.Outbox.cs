using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Framing;
using PipeWs.Sockets;

namespace PipeWs;

// The one writer. `_turn` says who may touch the output: whoever moves it from Free to Held. Fields below "of the turn's holder" belong to that one.
// Whoever finds it Held leaves its work first and then moves it to HeldWithWork, so that the holder cannot let go without having seen the work.
public sealed partial class WsConnection
{
    private const int Free = 0;
    private const int Held = 1;
    private const int HeldWithWork = 2;

    /// <summary>After so many flushes in a row a thread of the pool goes on: whoever came to send must get away, and the receive loop must read, however much the others send meanwhile.</summary>
    private const int MaxFlushesInARow = 32;

    /// <summary>A few pongs that wait are no reason not to read, however small the backlog is set, in bytes.</summary>
    private const int MinHeldUpBytes = 16 * 1024;

    private int _turn;
    private OutboundNode? _mail;
    private WsOutboundSource? _signalled;
    private long _ownedBytes;
    private long _lentBytes;
    private long _backlogNodes;
    private long _replyBytes;
    private long _heldBackReplyBytes;
    private TaskCompletionSource? _backlogDrained;
    private TaskCompletionSource? _readingResumes;
    private int _deferredBy;

    // Of the receive loop's thread, within a batch.
    private bool _loopHoldsTurn;

    // Of the turn's holder.
    private OutboundNode? _inbox;
    private OutboundNode? _inboxTail;
    private WsOutboundSource? _sources;
    private WsOutboundSource? _sourcesTail;
    private bool _sourcesDue;
    private WsMessageWriter? _stream;
    private long _unflushedBytes;
    private bool _inLentFrame;

    /// <summary>Flushes that wait. Made with the first: while the kernel takes all at once, there is none.</summary>
    private WaitingFlush? _flush;
    private volatile bool _outputEnded;
    private volatile bool _outputFinished;

    /// <summary>How many bytes wait for the transport to take those before them.</summary>
    public long BacklogBytes => Volatile.Read(ref _ownedBytes) + Volatile.Read(ref _lentBytes);

    private bool IsBacklogFull => BacklogBytes >= _options.SendBacklogBytes && !_outputEnded;

    /// <summary>
    /// Whether so many replies wait for the peer that nothing more of what it asks is read. Only replies count: were all that waits a reason not to read, two
    /// peers that both have much to say would wait for each other. Nor does what is held back until a message in parts is whole: that is for its sender
    /// to end, who may be waiting for what is to be read.
    /// </summary>
    private bool IsReadingHeldUp =>
        Volatile.Read(ref _replyBytes) >= MinHeldUpBytes
        && Volatile.Read(ref _replyBytes) - Volatile.Read(ref _heldBackReplyBytes) >= Math.Max(MinHeldUpBytes, _options.SendBacklogBytes)
        && !_outputEnded;

    /// <summary>
    /// Reads what a walk over many connections is about to need of this one, and changes nothing. One after the other each would keep the processor waiting for memory it has not seen since the last
    /// walk; read for a number of them beforehand, the waits are one. Of each cache line a field; where another thread has the turn, what is read may be any of its values.
    /// </summary>
    /// <returns>Nothing of use, but a reason for the reads to be made.</returns>
    internal long Prefetch()
    {
        bool isPlain = _compression is null & Volatile.Read(ref _signalled) is null & _flush is null;
        return (isPlain ? 1 : 0) + _unflushedBytes + Volatile.Read(ref _turn) + (_output is SocketPipeWriter sockets ? sockets.Prefetch() : 0);
    }

    void IWsBatchWork.Run()
    {
        Interlocked.CompareExchange(ref _deferredBy, 0, Environment.CurrentManagedThreadId);
        Wake();
    }

    /// <summary>Puts a node into the mailbox and sees to it that somebody takes it out.</summary>
    private void Post(OutboundNode node)
    {
        // What is lent is its sender's memory, however long the peer takes for it.
        Interlocked.Add(ref node.IsLent ? ref _lentBytes : ref _ownedBytes, node.Bytes);
        if (!node.IsControl)
        {
            Interlocked.Increment(ref _backlogNodes);
        }

        if (WsBatch.Owner == this)
        {
            node.IsReply = true;
            Interlocked.Add(ref _replyBytes, node.Bytes);
        }

        OutboundNode? head = Volatile.Read(ref _mail);
        while (true)
        {
            node.Next = head;
            OutboundNode? seen = Interlocked.CompareExchange(ref _mail, node, head);
            if (ReferenceEquals(seen, head))
            {
                break;
            }

            head = seen;
        }

        if (_outputFinished)
        {
            DropMail();
            return;
        }

        // Messages that one batch of another connection sends here leave together at its end.
        if (WsBatch.IsActive)
        {
            int thread = Environment.CurrentManagedThreadId;
            if ((WsBatch.Owner == this && _loopHoldsTurn) || Volatile.Read(ref _deferredBy) == thread)
            {
                return;
            }

            // Another batch may have deferred it too: each wakes it at its own end, and none waits for another's.
            Volatile.Write(ref _deferredBy, thread);
            WsBatch.TryDefer(this);
            return;
        }

        Wake();
    }

    /// <summary>Writes what waits, or tells the turn's holder that something does.</summary>
    private void Wake()
    {
        while (true)
        {
            int turn = Interlocked.CompareExchange(ref _turn, Held, Free);
            if (turn == Free)
            {
                Drain();
                return;
            }

            if (turn == HeldWithWork || Interlocked.CompareExchange(ref _turn, HeldWithWork, Held) != Free)
            {
                return;
            }
        }
    }

    /// <summary>Whether this is the receive loop's thread in its batch, and it has the turn with nothing before it in the mailbox.</summary>
    private bool TryKeepLoopTurn()
    {
        if (WsBatch.Owner != this)
        {
            return false;
        }

        if (!_loopHoldsTurn)
        {
            if (Interlocked.CompareExchange(ref _turn, Held, Free) != Free)
            {
                return false;
            }

            _loopHoldsTurn = true;
        }

        return _inbox is null && _stream is null && Volatile.Read(ref _mail) is null && !_closeSent && !_outputEnded;
    }

    /// <summary>Lets the turn go that this thread may have kept for its batch, so that what waits is written now.</summary>
    internal void ReleaseLoopTurnIfOwn()
    {
        if (WsBatch.Owner == this)
        {
            ReleaseLoopTurn();
        }
    }

    /// <summary>Writes what the batch has put off, where the receive loop has the turn. By the thread of <see cref="WsBatch.Owner"/>.</summary>
    internal void ReleaseLoopTurn()
    {
        if (_loopHoldsTurn)
        {
            _loopHoldsTurn = false;
            Drain();
        }
    }

    private WsFrameWriter CreateWriter() => new(_output, ref _uncopied, !_isServer, _options.FlushBytes, _compression);

    private void WriteDirect(WsMessageType type, ReadOnlySpan<byte> payload, bool neverCompress)
    {
        try
        {
            if (_isServer && _compression is null && _uncopied is null && payload.Length <= WsFrameWriter.MaxBytesAtOnce)
            {
                _unflushedBytes += WsFrameWriter.WriteAtOnce(_output, type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, fin: true, payload, rsv: 0);
            }
            else
            {
                WsFrameWriter writer = CreateWriter();
                writer.Write(type, payload, neverCompress);
                _unflushedBytes += writer.BytesWritten;
            }

            _messagesSent++;
        }
        catch (Exception e)
        {
            SetOutputEnded(e);
        }

        FlushDirectIfFull();
    }

    private void WriteControlDirect(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        try
        {
            WsFrameWriter writer = CreateWriter();
            writer.Write(opcode, fin: true, payload);
            _unflushedBytes += writer.BytesWritten;
        }
        catch (Exception e)
        {
            SetOutputEnded(e);
        }

        FlushDirectIfFull();
    }

    private void FlushDirectIfFull()
    {
        if (_unflushedBytes >= _options.FlushBytes)
        {
            ReleaseLoopTurn();
        }
    }

    private void SendControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        if (_closeSent)
        {
            return;
        }

        if (TryKeepLoopTurn())
        {
            WriteControlDirect(opcode, payload);
        }
        else
        {
            Post(OutboundNode.ForControl(opcode, payload));
        }
    }

    /// <summary>Writes all that waits, hands it to the transport, and lets go of the turn. With the turn.</summary>
    private void Drain()
    {
        for (int flushes = 0; ; flushes++)
        {
            if (_outputEnded)
            {
                // The turn is never let go again: the output is complete.
                FinishOutput();
                return;
            }

            bool more;
            try
            {
                more = _uncopiedBytesTaken > 0 || WritePending();
                if (!TryFlush(default))
                {
                    return;
                }
            }
            catch (Exception e)
            {
                SetOutputEnded(e);
                continue;
            }

            if (_outputEnded)
            {
                continue;
            }

            if (!more && TryLetGo())
            {
                return;
            }

            if (flushes >= MaxFlushesInARow)
            {
                // With the turn.
                ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Drain(), this, preferLocal: false);
                return;
            }
        }
    }

    /// <summary>Hands what was written to the transport.</summary>
    /// <param name="run">What is to leave from where it lies, and is all there is; empty where everything was written.</param>
    /// <returns><see langword="false"/> where the transport has yet to take it; the turn stays held, and what comes meanwhile waits.</returns>
    private bool TryFlush(WsFrameRun run)
    {
        if (_unflushedBytes == 0 && _uncopiedBytesTaken == 0)
        {
            return true;
        }

        _bytesSent += _unflushedBytes;
        _unflushedBytes = 0;
        do
        {
            ValueTask<FlushResult> flush = run.IsEmpty ? FlushOutput() : _output.WriteAsync(run.Memory);
            if (!flush.IsCompleted)
            {
                if (!run.IsEmpty)
                {
                    run.Lend();
                }

                WaitingFlush waiting = _flush ??= new WaitingFlush(OnFlushed);
                waiting.Begin(_heartbeat.Now, flush);
                return false;
            }

            AfterFlush(flush.Result);
        }
        while (_uncopiedBytesTaken > 0);
        return true;
    }

    /// <summary>Lets go of the turn.</summary>
    /// <returns><see langword="false"/> where somebody has left work meanwhile: it is this thread's, with the turn.</returns>
    private bool TryLetGo()
    {
        if (Interlocked.CompareExchange(ref _turn, Free, Held) == Held)
        {
            return true;
        }

        // A full fence: the mailbox must not be read before the others can see that the turn is Held again, or the one who found HeldWithWork
        // just before and went away would have left work that nobody looks for.
        Interlocked.Exchange(ref _turn, Held);
        return false;
    }

    private void OnFlushed()
    {
        try
        {
            AfterFlush(_flush!.End());
        }
        catch (Exception e)
        {
            SetOutputEnded(e);
        }

        Drain();
    }

    private void AfterFlush(FlushResult result)
    {
        if (result.IsCompleted || _uncopied is null || _uncopiedBytesTaken == _uncopied.Length)
        {
            ReleaseUncopied();
        }

        if (result.IsCompleted)
        {
            // The transport reads no more: what was written is lost, and so is what would be.
            SetOutputEnded(null);
        }
        else if (_closeSent)
        {
            ConnectionEnd.Completion(ref End.CloseFlushed).TrySetResult();
        }

        SignalBacklog();
    }

    private void CountOut(in OutboundNode.Weight weight)
    {
        Interlocked.Add(ref weight.IsLent ? ref _lentBytes : ref _ownedBytes, -weight.Bytes);
        if (weight.IsReply)
        {
            Interlocked.Add(ref _replyBytes, -weight.Bytes);
        }

        if (!weight.IsControl)
        {
            Interlocked.Decrement(ref _backlogNodes);
        }
    }

    private void SignalBacklog()
    {
        if (Volatile.Read(ref _backlogDrained) is not null && !IsBacklogFull)
        {
            Interlocked.Exchange(ref _backlogDrained, null)?.TrySetResult();
        }

        if (Volatile.Read(ref _readingResumes) is not null && !IsReadingHeldUp)
        {
            Interlocked.Exchange(ref _readingResumes, null)?.TrySetResult();
        }
    }

    private Task WaitForBacklogAsync(CancellationToken cancellationToken)
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task wait = (Interlocked.CompareExchange(ref _backlogDrained, mine, null) ?? mine).Task;
        SignalBacklog();
        return cancellationToken.CanBeCanceled ? wait.WaitAsync(cancellationToken) : wait;
    }

    private Task WaitToReadAsync()
    {
        var resumes = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _readingResumes, resumes);
        SignalBacklog();
        return resumes.Task;
    }
}
