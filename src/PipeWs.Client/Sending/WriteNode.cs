using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;
using PipeWs.Messages;

namespace PipeWs.Client.Sending;

/// <summary>One message that waits to be sent, and its sender's task. Pooled; it goes back when its sender has seen the outcome, or at the outcome where nobody waits.</summary>
internal sealed class WriteNode : IValueTaskSource
{
    private static readonly DefaultObjectPool<WriteNode> s_pool = new(new DefaultPooledObjectPolicy<WriteNode>(), 4 * 1024);

    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private WriteQueue? _queue;
    private bool _isAwaited;
    private MessageBuffer? _buffer;
    private ReadOnlyMemory<byte> _payload;

    public WriteNode? Next { get; set; }

    public WriteNode? Previous { get; set; }

    /// <summary>The queue it waits in; null where its outcome is certain or about to be.</summary>
    public WriteQueue? Queue
    {
        get => Volatile.Read(ref _queue);
        set => Volatile.Write(ref _queue, value);
    }

    public WsMessageType Type { get; private set; }

    /// <summary>What else was said about it.</summary>
    public WsSendOptions Options { get; private set; }

    public ReadOnlyMemory<byte> Payload => _buffer is null ? _payload : _buffer.Written;

    /// <summary>When its time is up, as the heartbeat counts.</summary>
    public long Deadline { get; set; }

    /// <summary>A message whose bytes its sender lends until the outcome.</summary>
    public static WriteNode ForLent(WsMessageType type, ReadOnlyMemory<byte> payload, WsSendOptions options)
    {
        WriteNode node = Rent(type, isAwaited: true);
        node.Options = options;
        node._payload = payload;
        return node;
    }

    /// <summary>A message in a buffer that goes back with the node.</summary>
    public static WriteNode ForBuffer(WsMessageType type, MessageBuffer buffer, WsSendOptions options, bool isAwaited)
    {
        WriteNode node = Rent(type, isAwaited);
        node.Options = options;
        node._buffer = buffer;
        return node;
    }

    public ValueTask AsValueTask() => new(this, _completion.Version);

    /// <summary>Lets the token take it out of its queue. Not under the queue's lock: a token that was cancelled already does so at once.</summary>
    public void CancelWith(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static (state, token) => ((WriteNode)state!).OnCancelled(token), this);
        }
    }

    /// <summary>The token that may take it out; it may have been cancelled while the message was in the pump's hand.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Gives its sender the outcome: null where it was handed to the connection.</summary>
    public void Complete(Exception? failure)
    {
        _buffer?.Return();
        _buffer = null;
        _payload = default;
        if (!_isAwaited)
        {
            Recycle();
        }
        else if (failure is null)
        {
            _completion.SetResult(true);
        }
        else
        {
            _completion.SetException(failure);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        // A caller that does not wait must not put a node back that is still in the queue.
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
            // Waits for a callback that is under way, so that it cannot meet the node's next use.
            _cancellation.Dispose();
            Recycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    private static WriteNode Rent(WsMessageType type, bool isAwaited)
    {
        WriteNode node = s_pool.Get();
        node.Type = type;
        node._isAwaited = isAwaited;
        return node;
    }

    private void OnCancelled(CancellationToken token) => Queue?.Cancel(this, token);

    private void Recycle()
    {
        _cancellation = default;
        Options = default;
        _completion.Reset();
        s_pool.Return(this);
    }
}
