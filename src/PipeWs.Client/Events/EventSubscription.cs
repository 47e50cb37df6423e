namespace PipeWs.Client.Events;

/// <summary>One subscriber's queue, and for a callback the task that empties it, which lives only while there is something in it.</summary>
internal sealed class EventSubscription(EventHub hub, WsClientEventKinds kinds, int bufferCount, Func<WsClientEvent, ValueTask>? callback, Action<string, Exception> onCallbackFailed)
    : IDisposable
{
    private static readonly AsyncLocal<Callback?> s_callback = new();

    private readonly Lock _lock = new();
    private readonly Queue<WsClientEvent> _queue = new();
    private long _missed;
    private bool _completed;
    private bool _pumping;
    private TaskCompletionSource? _arrived;

    public WsClientEventKinds Kinds { get; } = kinds;

    public void Add(WsClientEvent clientEvent)
    {
        TaskCompletionSource? arrived;
        bool pump;
        lock (_lock)
        {
            if (_completed)
            {
                return;
            }

            if (_queue.Count == bufferCount)
            {
                _queue.Dequeue();
                _missed++;
            }

            _queue.Enqueue(clientEvent);
            arrived = _arrived;
            _arrived = null;
            pump = callback is not null && !_pumping;
            _pumping |= pump;
        }

        arrived?.TrySetResult();
        if (pump)
        {
            // Not in the flow of whoever had the event: it may be a run, or another client's callback.
            using (ExecutionContext.IsFlowSuppressed() ? default(IDisposable?) : ExecutionContext.SuppressFlow())
            {
                hub.Track(Task.Run(PumpAsync));
            }
        }
    }

    /// <summary>
    /// Whether this flow of execution is inside a callback of a hub's event that has not returned. What a callback started and left behind is not, once it has returned.
    /// </summary>
    public static bool IsInCallbackOf(EventHub hub) => s_callback.Value is { IsOver: false } callback && callback.Hub == hub;

    /// <summary>No more events come; those that wait are still given.</summary>
    public void Complete()
    {
        TaskCompletionSource? arrived;
        lock (_lock)
        {
            _completed = true;
            arrived = _arrived;
            _arrived = null;
        }

        arrived?.TrySetResult();
    }

    /// <summary>Ends the subscription; what waits is dropped.</summary>
    public void Dispose()
    {
        hub.Remove(this);
        lock (_lock)
        {
            _queue.Clear();
        }

        Complete();
    }

    /// <summary>The next event; null at the end.</summary>
    public async ValueTask<WsClientEvent?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            lock (_lock)
            {
                if (TryTakeUnsynchronized() is { } clientEvent)
                {
                    return clientEvent;
                }

                if (_completed)
                {
                    return null;
                }

                _arrived ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _arrived.Task;
            }

            await wait.WaitAsync(cancellationToken);
        }
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            WsClientEvent? clientEvent;
            lock (_lock)
            {
                clientEvent = TryTakeUnsynchronized();
                if (clientEvent is null)
                {
                    _pumping = false;
                    return;
                }
            }

            var current = new Callback(hub);
            s_callback.Value = current;
            try
            {
                await callback!(clientEvent);
            }
            catch (Exception e)
            {
                // A callback that fails over the report of a failed callback is not reported again.
                if (clientEvent is not WsCallbackErrorEvent)
                {
                    onCallbackFailed("OnEvent", e);
                }
            }
            finally
            {
                current.IsOver = true;
            }
        }
    }

    private WsClientEvent? TryTakeUnsynchronized()
    {
        if (!_queue.TryDequeue(out WsClientEvent? clientEvent))
        {
            return null;
        }

        if (_missed == 0)
        {
            return clientEvent;
        }

        clientEvent = clientEvent with { MissedBefore = _missed };
        _missed = 0;
        return clientEvent;
    }

    /// <summary>One call of a callback, as those see it that run in its flow.</summary>
    private sealed class Callback(EventHub hub)
    {
        private volatile bool _isOver;

        public EventHub Hub { get; } = hub;

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }
    }
}
