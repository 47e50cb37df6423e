using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PipeWs.Client.Events;
using PipeWs.Client.Sessions;
using PipeWs.Protocol.Framing;

namespace PipeWs.Client;

// Messages in: to the layer above, then to the handler, or to the reader.
public sealed partial class WsClient
{
    /// <summary>Reads the messages as they come, over all connections, until the client is stopped. Several readers share them. Dispose each message.</summary>
    /// <exception cref="WsClientFailedException">The client has given up; what had come before was read.</exception>
    public async IAsyncEnumerable<WsClientMessage> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _reads.WaitToReadAsync(cancellationToken))
        {
            while (_reads.TryRead(out WsClientMessage message))
            {
                yield return message;
            }
        }
    }

    /// <summary>Takes the next message where one is there. Dispose it.</summary>
    public bool TryRead(out WsClientMessage message) => _reads.TryRead(out message);

    /// <summary>Waits until a message is there; false where the client was stopped and all was read.</summary>
    /// <exception cref="WsClientFailedException">The client has given up; what had come before was read.</exception>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) => _reads.WaitToReadAsync(cancellationToken);

    /// <summary>Reads the events of some kinds from now on, in order, until the client's last. A reader that is too slow misses the oldest, and is told how many.</summary>
    public IAsyncEnumerable<WsClientEvent> ReadEventsAsync(WsClientEventKinds kinds = WsClientEventKinds.AllButMessages, CancellationToken cancellationToken = default)
    {
        // Here and not at the first step: what happens from this call on is in it.
        EventSubscription subscription = _events.Subscribe(kinds, callback: null);
        return ReadEventsCoreAsync(subscription, cancellationToken);
    }

    /// <summary>
    /// Calls back for every event of some kinds from now on, in order, one at a time, on a thread of the pool. A callback cannot harm or hold up the client: what it throws is reported as
    /// <see cref="WsCallbackErrorEvent"/>, and one that is too slow misses the oldest, and is told how many.
    /// </summary>
    /// <returns>Ends the subscription when disposed.</returns>
    public IDisposable OnEvent(WsClientEventKinds kinds, Action<WsClientEvent> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        return _events.Subscribe(kinds, clientEvent =>
        {
            callback(clientEvent);
            return default;
        });
    }

    /// <inheritdoc cref="OnEvent(WsClientEventKinds, Action{WsClientEvent})"/>
    public IDisposable OnEvent(WsClientEventKinds kinds, Func<WsClientEvent, ValueTask> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        return _events.Subscribe(kinds, callback);
    }

    /// <summary>Gives a message to whom it is for. On the receive loop.</summary>
    internal ValueTask DeliverAsync(WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        if (Layer is { } layer)
        {
            ValueTask<bool> taken = layer.OnMessageAsync(connection, type, payload);
            if (!taken.IsCompletedSuccessfully)
            {
                return DeliverAwaited(taken, connection, type, payload);
            }

            if (taken.Result)
            {
                _metrics.MessageReceived(payload.Length);
                return default;
            }
        }

        return DeliverPastLayerAsync(connection, type, payload);
    }

    internal ValueTask DeliverPastLayerAsync(WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        _metrics.MessageReceived(payload.Length);
        if (_events.Wants(WsClientEventKinds.MessageReceived))
        {
            _events.Publish(new WsMessageReceivedEvent(type, payload.ToArray()));
        }

        if (_options.MessageHandler is { } handler)
        {
            return HandleAsync(handler, connection, type, payload);
        }

        return _reads.TryAdd(type, payload) ? default : AddToFullAsync(connection, type, payload);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DeliverAwaited(ValueTask<bool> taken, WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        if (await taken)
        {
            _metrics.MessageReceived(payload.Length);
            return;
        }

        await DeliverPastLayerAsync(connection, type, payload);
    }

    [SuppressMessage("Design", "CA1031", Justification = "The application's exceptions are reported, whatever they are.")]
    private ValueTask HandleAsync(IMessageHandler handler, WsClientConnection connection, WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        ValueTask handled;
        try
        {
            handled = handler.OnMessageAsync(type, payload, connection.Closed);
        }
        catch (Exception e)
        {
            ReportHandlerError(connection, e);
            return default;
        }

        if (handled.IsCompletedSuccessfully)
        {
            handled.GetAwaiter().GetResult();
            return default;
        }

        return HandleAwaited(handled, connection);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask HandleAwaited(ValueTask handled, WsClientConnection connection)
    {
        try
        {
            await handled;
        }
        catch (Exception e)
        {
            ReportHandlerError(connection, e);
        }
    }

    private void ReportHandlerError(WsClientConnection connection, Exception error)
    {
        // Giving up when the connection ends is what the handler's token asks for.
        if (error is not OperationCanceledException || !connection.Closed.IsCancellationRequested)
        {
            ReportCallbackError(nameof(IMessageHandler), error);
        }
    }

    private ValueTask AddToFullAsync(WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        WsBufferFullMode mode = _options.ReadFullMode;
        if (_events.Wants(WsClientEventKinds.ReadBufferFull))
        {
            _events.Publish(new WsReadBufferFullEvent(mode, _reads.Count, _reads.Bytes));
        }

        switch (mode)
        {
            case WsBufferFullMode.DropNewest:
                _reads.CountDropped();
                _metrics.MessageDropped();
                return default;
            case WsBufferFullMode.DropOldest:
                _reads.AddOverOldest(type, payload);
                _metrics.MessageDropped();
                return default;
            case WsBufferFullMode.Fail:
                connection.Connection.BeginClose(CloseCode.TooSlow, "the read buffer is full");
                return default;
            default:
                return _reads.AddWhenRoomAsync(type, payload, _ending.Token);
        }
    }

    private static async IAsyncEnumerable<WsClientEvent> ReadEventsCoreAsync(EventSubscription subscription, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using (subscription)
        {
            while (await subscription.ReadAsync(cancellationToken) is { } clientEvent)
            {
                yield return clientEvent;
            }
        }
    }
}
