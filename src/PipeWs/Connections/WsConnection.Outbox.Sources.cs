namespace PipeWs;

// The sources: who signals one, and who asks it. All but the signal with the turn.
public sealed partial class WsConnection
{
    /// <summary>Says that a source has frames. Whoever has the turn, or this thread if nobody has, asks it for them.</summary>
    public void Signal(WsOutboundSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (Interlocked.CompareExchange(ref _turn, Held, Free) == Free)
        {
            // Whoever signals it meanwhile finds the turn Held, and has it asked once more.
            if (IsNothingPending)
            {
                DrainOnly(source);
                return;
            }

            LeaveSource(source);
            Drain();
            return;
        }

        LeaveSource(source);
        Wake();
    }

    /// <summary>Puts a source on the list of those that are to be asked, unless it is there.</summary>
    private void LeaveSource(WsOutboundSource source)
    {
        if (source.TryMarkSignalled())
        {
            WsOutboundSource? head = Volatile.Read(ref _signalled);
            while (true)
            {
                source.Next = head;
                WsOutboundSource? seen = Interlocked.CompareExchange(ref _signalled, source, head);
                if (ReferenceEquals(seen, head))
                {
                    break;
                }

                head = seen;
            }
        }
    }

    /// <summary>Whether a source that is signalled now is all there is to write. With the turn; what is left behind this look comes with <see cref="HeldWithWork"/>.</summary>
    private bool IsNothingPending =>
        Volatile.Read(ref _mail) is null
        && Volatile.Read(ref _signalled) is null
        && Volatile.Read(ref _closeRequest) is null
        && _inbox is null && _sources is null && _stream is null && !_outputEnded;

    /// <summary>Asks one source, which nothing waits before, hands what it writes to the transport, and lets go of the turn. With the turn.</summary>
    private void DrainOnly(WsOutboundSource source)
    {
        try
        {
            bool more = WriteOnly(source, out WsFrameRun run);
            if (!TryFlush(run) || (!more && !_outputEnded && TryLetGo()))
            {
                return;
            }
        }
        catch (Exception e)
        {
            SetOutputEnded(e);
        }

        Drain();
    }

    /// <summary>Asks one source for what it has; nothing else waits.</summary>
    /// <param name="source">The source.</param>
    /// <param name="run">All that it had, where that lies in one piece and need not be copied.</param>
    /// <returns>Whether it has more.</returns>
    private bool WriteOnly(WsOutboundSource source, out WsFrameRun run)
    {
        WsFrameWriter writer = CreateWriter();
        writer.LeavesRun = true;
        bool more = source.Write(ref writer);
        if (more && source.TryMarkSignalled())
        {
            EnqueueSource(source, source);
        }

        run = writer.Run;
        _unflushedBytes += writer.BytesWritten;
        _messagesSent += writer.MessagesWritten;
        return more;
    }

    private bool WriteSources(ref WsFrameWriter writer)
    {
        while (_sources is { } source)
        {
            if (writer.IsFull)
            {
                return true;
            }

            _sources = source.Next;
            source.Next = null;
            if (_sources is null)
            {
                _sourcesTail = null;
            }

            source.ClearSignalled();
            if (source.Write(ref writer) && source.TryMarkSignalled())
            {
                EnqueueSource(source, source);
            }
        }

        return false;
    }

    private void TakeSources()
    {
        if (Volatile.Read(ref _signalled) is null)
        {
            return;
        }

        WsOutboundSource? source = Interlocked.Exchange(ref _signalled, null);
        WsOutboundSource? reversed = null;
        WsOutboundSource? last = source;
        while (source is not null)
        {
            WsOutboundSource? next = source.Next;
            source.Next = reversed;
            reversed = source;
            source = next;
        }

        if (reversed is not null)
        {
            EnqueueSource(reversed, last!);
        }
    }

    private void EnqueueSource(WsOutboundSource first, WsOutboundSource last)
    {
        if (_sourcesTail is null)
        {
            _sources = first;
        }
        else
        {
            _sourcesTail.Next = first;
        }

        _sourcesTail = last;
    }
}
