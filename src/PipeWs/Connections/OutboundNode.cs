using System.Buffers;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>
/// One message or fragment that waits in a connection's mailbox: a frame it holds, or a payload its sender lends until the send completes.
/// Pooled; it goes back once, by whoever takes it out of the mailbox, or by the sender that waits for it.
/// </summary>
internal sealed class OutboundNode : IValueTaskSource
{
    /// <summary>What a waiting control frame costs in memory, whatever its payload: a flood of empty pings must not pass for a few bytes.</summary>
    internal const int ControlNodeBytes = 256;

    private static readonly DefaultObjectPool<OutboundNode> s_pool = new(new DefaultPooledObjectPolicy<OutboundNode>(), 8 * 1024);

    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };
    private byte[]? _controlPayload;
    private int _controlLength;

    internal OutboundNode? Next { get; set; }

    internal WsFrame? Frame { get; private set; }

    internal Opcode Opcode { get; private set; }

    internal bool Fin { get; private set; }

    internal ReadOnlySequence<byte> Payload { get; private set; }

    /// <summary>Of a lent payload that is being written: what is left of it, and with it how far its mask has come. Of the turn's holder.</summary>
    internal ReadOnlySequence<byte> Rest;

    /// <inheritdoc cref="Rest"/>
    internal uint MaskingKey;

    /// <inheritdoc cref="Rest"/>
    internal int MaskOffset;

    /// <summary>The message sent in parts that this is a fragment of; null for what stands alone.</summary>
    internal WsMessageWriter? Stream { get; private set; }

    /// <summary>Whether a sender waits until the payload it lent was written.</summary>
    internal bool IsLent { get; private set; }

    /// <summary>Whether others hold the frame too, and send it.</summary>
    internal bool IsShared { get; private set; }

    /// <summary>Whether the frame's payload is written in pieces, as a lent one is.</summary>
    internal bool IsInPieces { get; private set; }

    /// <summary>Whether a lent payload is sent as it is; a frame says so itself.</summary>
    internal bool NeverCompress { get; private set; }

    internal ReadOnlySpan<byte> ControlPayload => _controlPayload.AsSpan(0, _controlLength);

    /// <summary>Whether the receive loop caused it: a pong, or what a receiver sent before it waited for anything.</summary>
    internal bool IsReply { get; set; }

    internal bool IsControl => Frame is null && Opcode >= Opcode.Close;

    /// <summary>How much it adds to the backlog, in bytes.</summary>
    internal long Bytes => Frame?.Length ?? (IsControl ? ControlNodeBytes : Payload.Length + FrameHeader.MaxLength);

    /// <summary>What is taken off the counts when it has gone; asked for before it is completed, which may make it somebody else's.</summary>
    internal Weight Measure() => new(Bytes, IsControl, IsReply, IsLent);

    /// <summary>Holds a frame; takes over the caller's hold on it.</summary>
    internal static OutboundNode ForFrame(WsFrame frame, bool isShared = false)
    {
        OutboundNode node = s_pool.Get();
        node.Frame = frame;
        node.IsShared = isShared;
        return node;
    }

    internal static OutboundNode ForControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        OutboundNode node = s_pool.Get();
        node.Opcode = opcode;
        payload.CopyTo(node._controlPayload ??= new byte[FrameRules.MaxControlPayloadBytes]);
        node._controlLength = payload.Length;
        return node;
    }

    internal static OutboundNode ForLent(Opcode opcode, bool fin, in ReadOnlySequence<byte> payload, WsMessageWriter? stream, bool neverCompress = false)
    {
        OutboundNode node = s_pool.Get();
        node.Opcode = opcode;
        node.Fin = fin;
        node.Payload = payload;
        node.Stream = stream;
        node.NeverCompress = neverCompress;
        node.IsLent = true;
        return node;
    }

    /// <summary>Has the frame's payload written in pieces; the frame is held until the last has left.</summary>
    internal void CutIntoPieces()
    {
        WsFrame frame = Frame!;
        Opcode = frame.Type == WsMessageType.Text ? Opcode.Text : Opcode.Binary;
        Fin = true;
        Payload = new ReadOnlySequence<byte>(frame.PayloadMemory);
        NeverCompress = frame.NeverCompress;
        IsInPieces = true;
    }

    internal ValueTask AsValueTask() => new(this, _completion.Version);

    /// <summary>It was written, or never will be.</summary>
    internal void Complete(Exception? error)
    {
        Frame?.Release();
        Frame = null;
        if (!IsLent)
        {
            Recycle();
        }
        else if (error is null)
        {
            _completion.SetResult(true);
        }
        else
        {
            _completion.SetException(error);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        // A caller that does not wait must not put a node back that is still in a mailbox.
        if (_completion.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The send has not completed; await it.");
        }

        try
        {
            _completion.GetResult(token);
        }
        finally
        {
            Recycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    /// <summary>What a node adds to what waits.</summary>
    internal readonly record struct Weight(long Bytes, bool IsControl, bool IsReply, bool IsLent);

    private void Recycle()
    {
        Next = null;
        Frame = null;
        Payload = default;
        Rest = default;
        Stream = null;
        IsLent = false;
        IsShared = false;
        IsInPieces = false;
        NeverCompress = false;
        IsReply = false;
        Fin = false;
        Opcode = default;
        _controlLength = 0;
        _completion.Reset();
        s_pool.Return(this);
    }
}
