using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// Requests: an id each, one outcome each.
internal sealed partial class TopicSession
{
    private int _disconnects;
    private bool _isSendingAgain;

    public async Task<WsTopicMessage> WriteAsync(WsTopicRequest request, TopicLink? link, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        MessageBuffer buffer = MessageBuffer.Rent();
        PendingWrite? write = null;
        try
        {
            int disconnects;
            long number;
            lock (_lock)
            {
                ThrowIfEnded();
                number = ++_lastNumber;
                disconnects = _disconnects;
                if (request.Response)
                {
                    ThrowIfTooManyPending();
                    write = new PendingWrite
                    {
                        Number = number,
                        Link = link,
                        TimeoutMilliseconds = (long)(request.AckTimeout ?? _options.AckTimeout).TotalMilliseconds,
                    };
                    _pending.Add(number, write);
                }
            }

            TopicWriter.WriteRequest(buffer, TopicWriter.Id(_options.IdPrefix, number), request);
            if (write is null)
            {
                await SendAsync(link, buffer.Written, cancellationToken);
                return default;
            }

            if (link is null && (request.SendAgain ?? _options.SendAgain))
            {
                write.Payload = buffer.Written.ToArray();
            }

            await using CancellationTokenRegistration cancellation = cancellationToken.UnsafeRegister(
                static (state, token) =>
                {
                    (TopicSession session, PendingWrite cancelled) = ((TopicSession, PendingWrite))state!;
                    session.Fail(cancelled, new OperationCanceledException(token));
                },
                (this, write));
            await SendAsync(write, buffer.Written, disconnects, cancellationToken);
            return await write.Task;
        }
        catch (Exception e) when (write is not null && !write.Task.IsCompleted)
        {
            Fail(write, e);
            throw;
        }
        finally
        {
            buffer.Return();
        }
    }

    private async ValueTask SendAsync(TopicLink? link, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        if (link is null)
        {
            await Client.SendAsync(payload, WsMessageType.Text, cancellationToken);
        }
        else
        {
            await link.Connection.SendAsync(payload, WsMessageType.Text, cancellationToken);
        }
    }

    private async ValueTask SendAsync(PendingWrite write, ReadOnlyMemory<byte> payload, int disconnects, CancellationToken cancellationToken)
    {
        try
        {
            await SendAsync(write.Link, payload, cancellationToken);
        }
        catch (WsSendException e) when (e.Failure == WsSendFailure.Disconnected && write.Payload is not null)
        {
            WaitForConnection(write);
            return;
        }
        catch (WsClosedException e) when (write.Link is not null)
        {
            Fail(write, DisconnectedError(e));
            return;
        }
        catch (Exception e)
        {
            Fail(write, e);
            return;
        }

        bool isGone;
        lock (_lock)
        {
            // Without an offline queue it cannot have outlived the connection that was there when it was sent.
            isGone = write.Link is null ? disconnects != _disconnects && _options.Connection.OfflineQueueCount == 0 : write.Link.IsEnded;
            if (!isGone && _pending.ContainsKey(write.Number))
            {
                SetSentUnsynchronized(write);
            }
        }

        if (isGone)
        {
            if (write.Payload is not null)
            {
                WaitForConnection(write);
            }
            else
            {
                Fail(write, DisconnectedError());
            }
        }
    }

    /// <summary>The connection has ended: what was sent on it is not answered any more.</summary>
    private void FailPendingUnsynchronized(TopicLink link, bool wasReady)
    {
        _disconnects += wasReady ? 1 : 0;
        List<PendingAnswer>? failed = null;
        foreach (PendingAnswer pending in _pending.Values)
        {
            if (pending.Link == link)
            {
                (failed ??= []).Add(pending);
            }
            else if (wasReady && pending is PendingWrite { Link: null, State: PendingWriteState.Sent } write)
            {
                if (write.Payload is null)
                {
                    (failed ??= []).Add(write);
                }
                else
                {
                    SetWaitingUnsynchronized(write);
                }
            }
        }

        foreach (PendingAnswer pending in failed ?? [])
        {
            _pending.Remove(pending.Number);
            pending.OnFailed(DisconnectedError());
        }
    }

    private void WaitForConnection(PendingWrite write)
    {
        lock (_lock)
        {
            SetWaitingUnsynchronized(write);
            SendAgainUnsynchronized();
        }

        Client.KeepTime();
    }

    /// <summary>Sees to it that what waits for a connection is sent as soon as there is one. One task does it, so that the order stays.</summary>
    private void SendAgainUnsynchronized()
    {
        if (!_isSendingAgain && _link is { IsReady: true } && _pending.Values.Any(static pending => pending is PendingWrite { State: PendingWriteState.Waiting }))
        {
            _isSendingAgain = true;
            _tasks.Run(SendAgainAsync);
        }
    }

    private async Task SendAgainAsync()
    {
        TopicLink? failed = null;
        while (true)
        {
            PendingWrite? next;
            TopicLink? link;
            lock (_lock)
            {
                // One that has failed has ended, although that may not be known here yet.
                link = _link is { IsReady: true } && _link != failed ? _link : null;
                next = link is null ? null : _pending.Values.OfType<PendingWrite>().Where(static write => write.State == PendingWriteState.Waiting).MinBy(static write => write.Number);
                if (next is null)
                {
                    // The next connection, or what waits for it from now on, begins a new one.
                    _isSendingAgain = false;
                    return;
                }

                next.State = PendingWriteState.Sending;
            }

            try
            {
                await link!.Connection.SendAsync(next.Payload);
            }
            catch (Exception)
            {
                // The connection has ended; the next one gets it.
                failed = link;
            }

            lock (_lock)
            {
                if (link != failed && link!.IsReady)
                {
                    SetSentUnsynchronized(next);
                }
                else
                {
                    SetWaitingUnsynchronized(next);
                }
            }
        }
    }

    private void SetSentUnsynchronized(PendingWrite write)
    {
        write.State = PendingWriteState.Sent;
        write.Deadline = Heartbeat.Now + write.TimeoutMilliseconds;
    }

    private void SetWaitingUnsynchronized(PendingWrite write)
    {
        write.State = PendingWriteState.Waiting;
        write.Deadline = Heartbeat.Now + (long)_options.Connection.OfflineQueueAge.TotalMilliseconds;
    }

    private void Fail(PendingAnswer pending, Exception error)
    {
        lock (_lock)
        {
            _pending.Remove(pending.Number);
        }

        pending.OnFailed(error);
    }

    private void ThrowIfEnded()
    {
        if (_ended)
        {
            throw StoppedError();
        }
    }

    private void ThrowIfTooManyPending()
    {
        if (_pending.Count >= _options.MaxPendingRequests)
        {
            throw new WsTopicException(WsTopicFailure.TooManyPending, $"{_pending.Count} requests wait for their answers.");
        }
    }

    private static WsTopicException DisconnectedError(Exception? cause = null) =>
        new(WsTopicFailure.Disconnected, "The connection ended before the answer came.", innerException: cause);
}
