using System.Buffers;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Bytes to messages. Whatever of a frame is in the transport's buffer is used at once: a whole frame is handed on where it lies, unmasked in place;
// what came of an incomplete one is unmasked, judged and moved to the assembled message, so that no frame is too large for the pipe, text fails at its
// first wrong byte, and memory follows the bytes that came, not the length that was announced.
public sealed partial class WsConnection
{
    private static readonly ProtocolError s_tooBig = new(CloseCode.MessageTooBig, "the message is larger than is accepted here");
    private static readonly ProtocolError s_notUtf8 = new(CloseCode.InvalidPayloadData, "the text is not valid UTF-8 (RFC 6455, 8.1)");
    private static readonly ProtocolError s_emptyFragments = new(CloseCode.PolicyViolation, "too many empty fragments in one message");
    private static readonly ProtocolError s_stalled = new(CloseCode.PolicyViolation, "half a frame, then silence");
    private static readonly ProtocolError s_handlerFailed = new(CloseCode.InternalError, "the message could not be handled");

    /// <summary>What is only of messages that do not come whole. Made with the first.</summary>
    private PartialMessage? _partial;

    // Of the message under way.
    private WsMessageType _messageType;
    private bool _inMessage;
    private bool _inParts;
    private bool _partIsFirst;

    // Of the frame whose payload is under way.
    private long _frameRemaining;
    private bool _frameFin;

    // Of the control frame just read.
    private int _controlBytes;

    /// <summary>Set by the loop, read and cleared by the heartbeat, which alone looks at the clock.</summary>
    private volatile bool _receivedSinceTick;
    private volatile bool _stopReading;
    private volatile bool _insideFrame;
    private volatile bool _inReceiver;

    /// <summary>Whether the receiver is at work, so that nothing is read.</summary>
    internal bool IsInReceiver => _inReceiver;

    /// <summary>Whether a message has begun to arrive, and not all of it has.</summary>
    internal bool IsInMessage => Volatile.Read(ref _inMessage);

    private PartialMessage Partial => _partial ??= new PartialMessage();

    private enum ReceiveStep
    {
        NeedMore,
        Control,
        Message,
        Part,
        End,
    }

    private enum BatchEnd
    {
        NeedMore,
        AwaitReceiver,
        AwaitControl,
        AwaitBacklog,
        End,
    }

    /// <summary>
    /// Handles what is in the buffer, until its end or until something must be waited for. The receiver may run on and publish; what it causes leaves
    /// at the batch's end, before anything is waited for, and whatever is thrown.
    /// </summary>
    private BatchEnd ReadBatch(ref ReadOnlySequence<byte> buffer, WsReceiver receiver, out ValueTask handled)
    {
        handled = default;
        long received = buffer.Length;
        ArraySegment<byte> array = ArrayOf(buffer);
        int used = 0;
        bool mayReceiveParts = receiver.MayReceiveParts;
        WsConnection? outer = WsBatch.Enter(this);
        try
        {
            while (true)
            {
                if (IsReadingHeldUp)
                {
                    return BatchEnd.AwaitBacklog;
                }

                if (TryReadWhole(array, ref used, mayReceiveParts ? receiver : null, out int start, out bool isValid))
                {
                    if (!isValid)
                    {
                        Fail(s_notUtf8);
                        return BatchEnd.End;
                    }

                    _inReceiver = true;
                    if (!DeliverWhole(receiver, array.Array!, array.Offset + start, used - start, ref handled))
                    {
                        return BatchEnd.AwaitReceiver;
                    }

                    _inReceiver = false;
                    continue;
                }

                if (used > 0)
                {
                    buffer = buffer.Slice(used);
                    used = 0;
                }

                ReceiveStep step = ReadStep(ref buffer, receiver, out ReadOnlySequence<byte> payload, out bool isFirst, out bool isLast);
                array = ArrayOf(buffer);
                switch (step)
                {
                    case ReceiveStep.NeedMore:
                        return BatchEnd.NeedMore;
                    case ReceiveStep.End:
                        return BatchEnd.End;
                    case ReceiveStep.Control:
                        handled = DeliverControl(receiver);
                        if (!handled.IsCompletedSuccessfully)
                        {
                            _inReceiver = true;
                            return BatchEnd.AwaitControl;
                        }

                        Take(ref handled);
                        continue;
                }

                _inReceiver = true;
                handled = Deliver(receiver, step, payload, isFirst, isLast);
                if (!handled.IsCompletedSuccessfully)
                {
                    return BatchEnd.AwaitReceiver;
                }

                Take(ref handled);
                _inReceiver = false;
                _partial?.Assembly.Release();
            }
        }
        finally
        {
            if (used > 0)
            {
                buffer = buffer.Slice(used);
            }

            _bytesReceived += received - buffer.Length;
            ReleaseLoopTurn();
            WsBatch.Leave(outer);
        }
    }

    /// <summary>Takes the result of a task that has completed. It is forgotten: a second look might meet another use of what was behind it.</summary>
    private static void Take(ref ValueTask handled)
    {
        ValueTask task = handled;
        handled = default;
        task.GetAwaiter().GetResult();
    }

    private ValueTask Deliver(WsReceiver receiver, ReceiveStep step, in ReadOnlySequence<byte> payload, bool isFirst, bool isLast)
    {
        if (IsClosing)
        {
            // The closing handshake began here: what still comes is read for its control frames alone.
            return default;
        }

        if (step == ReceiveStep.Message || isLast)
        {
            _messagesReceived++;
        }

        try
        {
            return step == ReceiveStep.Message
                ? receiver.OnMessageAsync(_messageType, payload)
                : receiver.OnPartAsync(new WsMessagePart(_messageType, payload, isFirst, isLast));
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    private bool DeliverWhole(WsReceiver receiver, byte[] array, int start, int length, ref ValueTask handled)
    {
        if (IsClosing)
        {
            return true;
        }

        _messagesReceived++;
        try
        {
            return receiver.TryHandleWhole(_messageType, array, start, length, ref handled);
        }
        catch (Exception e)
        {
            handled = ValueTask.FromException(e);
            return false;
        }
    }

    private ValueTask DeliverControl(WsReceiver receiver)
    {
        try
        {
            return IsClosing ? default : receiver.OnControlAsync(_controlBytes);
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <summary>Whether it is how a receiver gives up when the connection, or the transport beneath it, ends, and so no failure: the close frame or the end is still to be read.</summary>
    private bool IsGivingUp(Exception error) => error is OperationCanceledException or WsClosedException && (IsClosing || HasBegunToEnd);
}
