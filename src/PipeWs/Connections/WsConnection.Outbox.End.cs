namespace PipeWs;

// What becomes of the output and of what still waits for it when the connection ends.
public sealed partial class WsConnection
{
    private void DropInbox()
    {
        while (_inbox is { } node)
        {
            PopInbox();
            Drop(node);
        }

        while (_stream?.HeldBack is { } node)
        {
            _stream.HeldBack = node.Next;
            node.Next = null;
            Drop(node);
        }

        Volatile.Write(ref _heldBackReplyBytes, 0);
        SignalBacklog();
    }

    /// <summary>Drops what came into the mailbox when nobody will write it any more. By any thread; each node is taken once.</summary>
    private void DropMail()
    {
        OutboundNode? node = Interlocked.Exchange(ref _mail, null);
        while (node is not null)
        {
            OutboundNode? next = node.Next;
            Drop(node);
            node = next;
        }

        SignalBacklog();
    }

    private void Drop(OutboundNode node)
    {
        OutboundNode.Weight weight = node.Measure();
        node.Complete(node.IsLent ? new WsClosedException() : null);
        CountOut(weight);
    }

    /// <summary>No more bytes can leave. By any thread; whoever has or gets the turn completes the output.</summary>
    private void SetOutputEnded(Exception? error)
    {
        if (error is not null)
        {
            Interlocked.CompareExchange(ref End.TransportException, error, null);
        }

        _outputEnded = true;
        BeginTransportEnd();
    }

    /// <summary>Completes the output and drops what waits. With the turn, which is never let go.</summary>
    private void FinishOutput()
    {
        _outputFinished = true;
        Interlocked.MemoryBarrier();
        ReleaseUncopied();
        DropInbox();
        DropMail();
        _compression?.ReleaseDeflater();
        ConnectionEnd.Completion(ref End.CloseFlushed).TrySetResult();
        try
        {
            _output.Complete();
        }
        catch (Exception)
        {
            // A transport that fails while it is completed has nothing more to say.
        }

        ConnectionEnd.Completion(ref End.OutputDone).TrySetResult();
    }
}
