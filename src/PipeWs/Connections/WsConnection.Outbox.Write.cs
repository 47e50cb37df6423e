using System.Buffers;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// What the turn's holder writes, and in which order. All of it with the turn.
public sealed partial class WsConnection
{
    /// <summary>
    /// Writes up to one flush of what waits, in rounds: the mailbox in its order, then the sources that were signalled by then, then the close frame if one
    /// is due. A round may take many flushes; what comes meanwhile is of the next, so that neither mail nor sources starve the other.
    /// </summary>
    /// <returns>Whether there is more.</returns>
    private bool WritePending()
    {
        // In this order: what a thread sent before it signalled a source, or before it closed, leaves before that.
        CloseRequest? close = Volatile.Read(ref _closeRequest);
        bool asksSources = close?.SkipsSources != true;
        bool roundBegins = (_inbox is null && !(_sourcesDue && asksSources && _stream is null)) || _closeSent;
        if (roundBegins)
        {
            TakeSources();
            TakeMail();
            _sourcesDue = _sources is not null;
        }

        if (_closeSent)
        {
            DropInbox();
            return false;
        }

        WsFrameWriter writer = CreateWriter();
        bool more = WriteInbox(ref writer);
        if (!more && asksSources && _stream is null)
        {
            _sourcesDue &= writer.IsFull;
            more = WriteSources(ref writer);
        }

        if (close is not null && !more)
        {
            // Behind a large frame that has yet to leave from where it lies, it would be copied with it.
            if (roundBegins && !writer.IsFull)
            {
                WriteClose(ref writer, close);
            }
            else
            {
                more = true;
            }
        }

        _unflushedBytes += writer.BytesWritten;
        _messagesSent += writer.MessagesWritten;
        return more;
    }

    private void TakeMail()
    {
        if (Volatile.Read(ref _mail) is null)
        {
            return;
        }

        OutboundNode? node = Interlocked.Exchange(ref _mail, null);
        OutboundNode? reversed = null;
        OutboundNode? last = node;
        while (node is not null)
        {
            OutboundNode? next = node.Next;
            node.Next = reversed;
            reversed = node;
            node = next;
        }

        Enqueue(ref _inbox, ref _inboxTail, reversed, last);
    }

    private static void Enqueue(ref OutboundNode? head, ref OutboundNode? tail, OutboundNode? first, OutboundNode? last)
    {
        if (first is null)
        {
            return;
        }

        if (head is null)
        {
            head = first;
        }
        else
        {
            tail!.Next = first;
        }

        tail = last;
    }

    private bool WriteInbox(ref WsFrameWriter writer)
    {
        while (_inbox is { } node)
        {
            if (writer.IsFull)
            {
                return true;
            }

            if (_stream is not null && node.Stream != _stream && !node.IsControl)
            {
                // "The fragments of one message MUST NOT be interleaved between the fragments of another message" (RFC 6455, section 5.4).
                PopInbox();
                Enqueue(ref _stream.HeldBack, ref _stream.HeldBackTail, node, node);
                if (node.IsReply)
                {
                    Interlocked.Add(ref _heldBackReplyBytes, node.Bytes);
                }

                continue;
            }

            if (!TryWrite(node, ref writer))
            {
                return true;
            }

            PopInbox();
            OutboundNode.Weight weight = node.Measure();
            WsMessageWriter? whole = node.Fin ? node.Stream : null;
            if (node.Stream is { } stream)
            {
                _stream = node.Fin ? null : stream;
            }

            node.Complete(null);
            CountOut(weight);
            if (whole?.HeldBack is not null)
            {
                ReturnHeldBack(whole);
            }
        }

        SignalBacklog();
        return false;
    }

    private bool TryWrite(OutboundNode node, ref WsFrameWriter writer)
    {
        if (node.Frame is { } frame && !node.IsInPieces && MustCut(frame, node.IsShared))
        {
            node.CutIntoPieces();
        }

        if (node.Frame is { } whole && !node.IsInPieces)
        {
            if (node.IsShared)
            {
                writer.Write(whole);
            }
            else
            {
                writer.WriteOwn(whole);
            }

            return true;
        }

        if (node.IsControl)
        {
            writer.Write(node.Opcode, fin: true, node.ControlPayload);
            return true;
        }

        if (IsDeflated(node) && TryWriteDeflated(node, ref writer, out bool isWritten))
        {
            return isWritten;
        }

        if (!_inLentFrame)
        {
            node.MaskingKey = writer.WriteHeader(node.Opcode, node.Fin, node.Payload.Length);
            node.Rest = node.Payload;
            node.MaskOffset = 0;
            _inLentFrame = true;
        }

        // One flush at a time, so that a peer which takes its bytes slowly is seen to take them.
        while (!node.Rest.IsEmpty)
        {
            if (writer.IsFull)
            {
                return false;
            }

            ReadOnlyMemory<byte> segment = FirstLent(node);
            int direct = Math.Min(segment.Length, _options.FlushBytes);
            if (writer.TryTakeDirect(direct))
            {
                // The bytes are needed until the flush has ended: only then may the sender hear that all are written.
                _directLentBytes = direct;
                return false;
            }

            ReadOnlySpan<byte> piece = segment.Span;
            piece = piece[..(int)Math.Min(piece.Length, Math.Max(1, _options.FlushBytes - writer.BytesWritten))];
            writer.WritePayload(piece, node.MaskingKey, node.MaskOffset);
            node.MaskOffset = (node.MaskOffset + piece.Length) & 3;
            node.Rest = node.Rest.Slice(piece.Length);
        }

        _inLentFrame = false;
        if (node.Fin)
        {
            _messagesSent++;
        }

        return true;
    }

    /// <summary>
    /// Whether a frame is too large to be written at once: what is masked or compressed for this connection alone is made as the transport takes it. As it is, a large frame leaves from where it lies,
    /// one flush at a time too.
    /// </summary>
    private bool MustCut(WsFrame frame, bool isShared) =>
        frame.Length > _options.FlushBytes && (!_isServer || (_compression is not null && !isShared));

    private void PopInbox()
    {
        OutboundNode node = _inbox!;
        _inbox = node.Next;
        node.Next = null;
        if (_inbox is null)
        {
            _inboxTail = null;
        }
    }

    private void ReturnHeldBack(WsMessageWriter whole)
    {
        Enqueue(ref whole.HeldBack, ref whole.HeldBackTail, _inbox, _inboxTail);
        _inbox = whole.HeldBack;
        _inboxTail = whole.HeldBackTail;
        whole.HeldBack = whole.HeldBackTail = null;
        Volatile.Write(ref _heldBackReplyBytes, 0);
    }
}
