using System.Buffers;
using System.Runtime.CompilerServices;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// The public ways to send. A small message is copied and has its place when the call returns; a large one is lent until it was written.
public sealed partial class WsConnection
{
    /// <summary>Above this a payload is not copied but lent by its sender until it was written, in bytes.</summary>
    internal const int MaxCopiedBytes = 16 * 1024;

    /// <summary>Sends a whole message. It completes when the message has its place in the order of what leaves, and first waits while the backlog is full.</summary>
    /// <param name="type">Text, whose payload must be valid UTF-8, or binary.</param>
    /// <param name="payload">Must stay as it is until the returned task completes.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog; a message that has its place is sent.</param>
    /// <exception cref="WsClosedException">The connection is closing or closed.</exception>
    public ValueTask SendAsync(WsMessageType type, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
        SendAsync(type, payload, default, cancellationToken);

    /// <inheritdoc cref="SendAsync(WsMessageType, ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="type">Text, whose payload must be valid UTF-8, or binary.</param>
    /// <param name="payload">Must stay as it is until the returned task completes.</param>
    /// <param name="options">What else is to be said about the message.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog; a message that has its place is sent.</param>
    public ValueTask SendAsync(WsMessageType type, ReadOnlyMemory<byte> payload, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        if (TryWriteNow(type, payload.Span, options))
        {
            return default;
        }

        if (IsClosing)
        {
            return ClosedTask();
        }

        if (payload.Length <= MaxCopiedBytes && !IsBacklogFull)
        {
            Post(CreateNode(type, payload.Span, options));
            return default;
        }

        return SendSlowAsync(type, new ReadOnlySequence<byte>(payload), options, cancellationToken);
    }

    /// <inheritdoc cref="SendAsync(WsMessageType, ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask SendAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken = default) =>
        SendAsync(type, payload, default, cancellationToken);

    /// <inheritdoc cref="SendAsync(WsMessageType, ReadOnlyMemory{byte}, WsSendOptions, CancellationToken)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ValueTask SendAsync(WsMessageType type, ReadOnlySequence<byte> payload, WsSendOptions options, CancellationToken cancellationToken = default) =>
        payload.IsSingleSegment && TryWriteNow(type, payload.FirstSpan, options) ? default : SendSequenceAsync(type, payload, options, cancellationToken);

    /// <summary>Sends a message that was encoded before, without copying it into the mailbox.</summary>
    /// <inheritdoc cref="SendAsync(WsMessageType, ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return SendAsync(message.Type, message.Payload, message.Options, cancellationToken);
    }

    /// <summary>Sends a message without ever waiting.</summary>
    /// <returns>
    /// <see langword="false"/> where the connection is closing or closed, or its backlog is over <see cref="WsConnectionOptions.MaxSendBacklogBytes"/>, in which case
    /// it is closed with 3008.
    /// </returns>
    public bool TrySend(WsMessageType type, ReadOnlySpan<byte> payload) => TrySend(type, payload, default);

    /// <inheritdoc cref="TrySend(WsMessageType, ReadOnlySpan{byte})"/>
    public bool TrySend(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions options)
    {
        if (!CanPost())
        {
            return false;
        }

        if (!TryWriteNow(type, payload, options))
        {
            Post(CreateNode(type, payload, options));
        }

        return true;
    }

    /// <summary>Sends an encoded frame without ever waiting; the frame is held for as long as it is needed, and any number of connections share it.</summary>
    /// <inheritdoc cref="TrySend(WsMessageType, ReadOnlySpan{byte})"/>
    public bool TrySend(WsFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (!CanPost())
        {
            return false;
        }

        frame.Retain();
        Post(OutboundNode.ForFrame(frame, isShared: true));
        return true;
    }

    /// <summary>
    /// Begins a message that is sent in parts, each a fragment (RFC 6455, section 5.4). Other messages wait until it was completed; control frames pass.
    /// </summary>
    public WsMessageWriter BeginMessage(WsMessageType type, WsSendOptions options = default) => new(this, type, options);

    /// <summary>Sends what is lent: the task completes when the payload is no longer needed.</summary>
    internal ValueTask SendLentAsync(Opcode opcode, bool fin, in ReadOnlySequence<byte> payload, WsMessageWriter? stream, bool neverCompress)
    {
        if (IsClosing)
        {
            return ClosedTask();
        }

        OutboundNode node = OutboundNode.ForLent(opcode, fin, payload, stream, neverCompress);
        ValueTask sent = node.AsValueTask();
        Post(node);
        ReleaseLoopTurnIfOwn();
        return sent;
    }

    private static OutboundNode CreateNode(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions options)
    {
        WsFrame frame = WsFrame.Create(type, payload);
        frame.NeverCompress = options.NeverCompress;
        return OutboundNode.ForFrame(frame);
    }

    /// <summary>
    /// Writes a small message at once where this is the receive loop's thread in its batch. A sequence is taken apart before this and inlined into its sender: handed on whole it costs an echo
    /// about 15 ns, which the processor waits for what was just stored in halves.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWriteNow(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions options)
    {
        if (IsClosing || payload.Length > MaxCopiedBytes || !TryKeepLoopTurn())
        {
            return false;
        }

        WriteDirect(type, payload, options.NeverCompress);
        return true;
    }

    private ValueTask SendSequenceAsync(WsMessageType type, in ReadOnlySequence<byte> payload, WsSendOptions options, CancellationToken cancellationToken) =>
        payload.IsSingleSegment ? SendAsync(type, payload.First, options, cancellationToken)
        : IsClosing ? ClosedTask()
        : SendSlowAsync(type, payload, options, cancellationToken);

    private static ValueTask ClosedTask() => ValueTask.FromException(new WsClosedException());

    private bool CanPost()
    {
        if (IsClosing)
        {
            return false;
        }

        if (Volatile.Read(ref _ownedBytes) <= _options.MaxSendBacklogBytes)
        {
            return true;
        }

        CloseSlow("too many bytes wait for this peer");
        return false;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendSlowAsync(WsMessageType type, ReadOnlySequence<byte> payload, WsSendOptions options, CancellationToken cancellationToken)
    {
        if (IsBacklogFull)
        {
            ReleaseLoopTurnIfOwn();
            do
            {
                await WaitForBacklogAsync(cancellationToken);
                if (IsClosing)
                {
                    throw new WsClosedException();
                }
            }
            while (IsBacklogFull);
        }

        if (payload.Length <= MaxCopiedBytes)
        {
            int length = (int)payload.Length;
            WsFrame frame = WsFrame.Rent(length);
            payload.CopyTo(frame.GetPayloadSpan(length));
            frame.NeverCompress = options.NeverCompress;
            frame.Seal(type, length);
            Post(OutboundNode.ForFrame(frame));
            return;
        }

        await SendLentAsync(type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, fin: true, payload, stream: null, options.NeverCompress);
    }
}
