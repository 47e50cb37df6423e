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
    private static readonly DefaultObjectPool<OutboundNode> s_pool = new(new DefaultPooledObjectPolicy<OutboundNode>(), 8 * 1024);

    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };

    internal OutboundNode? Next { get; set; }

    internal WsFrame? Frame { get; private set; }

    internal Opcode Opcode { get; private set; }

    internal bool Fin { get; private set; }

    internal ReadOnlySequence<byte> Payload { get; private set; }

    /// <summary>The message sent in parts that this is a fragment of; null for what stands alone.</summary>
    internal WsMessageWriter? Stream { get; private set; }

    /// <summary>Whether a sender waits until the payload it lent was written.</summary>
    internal bool IsLent { get; private set; }

    internal byte[] ControlPayload { get; } = new byte[FrameRules.MaxControlPayloadBytes];

    internal int ControlLength { get; private set; }

    internal bool IsControl => Frame is null && Opcode >= Opcode.Close;

    /// <summary>How much it adds to the backlog, in bytes.</summary>
    internal long Bytes => Frame?.Length ?? (IsControl ? ControlLength + 2 : Payload.Length + FrameHeader.MaxLength);

    /// <summary>Holds a frame; takes over the caller's hold on it.</summary>
    internal static OutboundNode ForFrame(WsFrame frame)
    {
        OutboundNode node = s_pool.Get();
        node.Frame = frame;
        return node;
    }

    internal static OutboundNode ForControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        OutboundNode node = s_pool.Get();
        node.Opcode = opcode;
        payload.CopyTo(node.ControlPayload);
        node.ControlLength = payload.Length;
        return node;
    }

    internal static OutboundNode ForLent(Opcode opcode, bool fin, in ReadOnlySequence<byte> payload, WsMessageWriter? stream)
    {
        OutboundNode node = s_pool.Get();
        node.Opcode = opcode;
        node.Fin = fin;
        node.Payload = payload;
        node.Stream = stream;
        node.IsLent = true;
        return node;
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

    private void Recycle()
    {
        Next = null;
        Frame = null;
        Payload = default;
        Stream = null;
        IsLent = false;
        Fin = false;
        Opcode = default;
        ControlLength = 0;
        _completion.Reset();
        s_pool.Return(this);
    }
}
