using System.Buffers;
using PipeWs.Client.Receiving;

namespace PipeWs.Client.Sessions;

/// <summary>
/// Before a connection is ready its receive loop holds each message here, until a ready handler takes it or the gate opens. One message is held at most, where it lies; order is kept.
/// </summary>
internal sealed class ReadyGate(CancellationToken closed)
{
    private readonly Lock _lock = new();
    private volatile bool _isOpen;
    private TaskCompletionSource<bool>? _released;
    private TaskCompletionSource<WsClientMessage>? _waiting;
    private WsMessageType _heldType;
    private ReadOnlySequence<byte> _held;

    public bool IsOpen => _isOpen;

    public void Open()
    {
        TaskCompletionSource<bool>? released;
        TaskCompletionSource<WsClientMessage>? waiting;
        lock (_lock)
        {
            _isOpen = true;
            released = TakeHeldUnsynchronized();
            waiting = _waiting;
            _waiting = null;
        }

        waiting?.TrySetException(NotForHandlers());
        released?.TrySetResult(true);
    }

    /// <summary>Holds a message.</summary>
    /// <returns>Whether the gate opened and it is the reader's; false where a handler took it, or the connection ended.</returns>
    public async ValueTask<bool> HoldAsync(WsMessageType type, ReadOnlySequence<byte> payload)
    {
        TaskCompletionSource<bool> released;
        lock (_lock)
        {
            if (_isOpen)
            {
                return true;
            }

            if (_waiting is { } waiting)
            {
                _waiting = null;
                var message = new WsClientMessage(ReceivedMessage.Copy(type, payload));
                if (waiting.TrySetResult(message))
                {
                    return false;
                }

                message.Dispose();
            }

            _heldType = type;
            _held = payload;
            _released = released = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        await using CancellationTokenRegistration ended = closed.UnsafeRegister(static state => ((ReadyGate)state!).Drop(), this);
        return await released.Task;
    }

    public async ValueTask<WsClientMessage> ReceiveAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<WsClientMessage> waiting;
        lock (_lock)
        {
            if (_isOpen)
            {
                throw NotForHandlers();
            }

            if (_released is not null)
            {
                var message = new WsClientMessage(ReceivedMessage.Copy(_heldType, _held));
                TakeHeldUnsynchronized()!.TrySetResult(false);
                return message;
            }

            if (_waiting is not null)
            {
                throw new InvalidOperationException("One message is received at a time.");
            }

            _waiting = waiting = new TaskCompletionSource<WsClientMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        await using CancellationTokenRegistration ended = closed.UnsafeRegister(
            static state => ((TaskCompletionSource<WsClientMessage>)state!).TrySetException(new WsClosedException("The connection ended before a message came.")), waiting);
        await using CancellationTokenRegistration cancelled = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource<WsClientMessage>)state!).TrySetCanceled(token), waiting);
        try
        {
            return await waiting.Task;
        }
        finally
        {
            lock (_lock)
            {
                if (_waiting == waiting)
                {
                    _waiting = null;
                }
            }
        }
    }

    private static InvalidOperationException NotForHandlers() => new("The connection is ready: its messages go to the client's handler or reader.");

    private void Drop()
    {
        TaskCompletionSource<bool>? released;
        lock (_lock)
        {
            released = TakeHeldUnsynchronized();
        }

        released?.TrySetResult(false);
    }

    private TaskCompletionSource<bool>? TakeHeldUnsynchronized()
    {
        TaskCompletionSource<bool>? released = _released;
        _released = null;
        _held = default;
        return released;
    }
}
