namespace PipeWs.Client.Events;

/// <summary>
/// Gives every event its number and a place in the queue of each subscriber that wants its kind. Whoever has an event asks <see cref="Wants"/> first, so that an event
/// nobody listens to is never made. Safe from any thread.
/// </summary>
internal sealed class EventHub(TimeProvider timeProvider, int bufferCount, Action<string, Exception> onCallbackFailed)
{
    private readonly Lock _lock = new();
    private readonly List<EventSubscription> _subscriptions = [];
    private readonly HashSet<Task> _pumps = [];
    private int _wanted;
    private long _sequence;
    private bool _completed;

    public bool Wants(WsClientEventKinds kind) => (Volatile.Read(ref _wanted) & (int)kind) != 0;

    public void Publish(WsClientEvent clientEvent)
    {
        lock (_lock)
        {
            PublishUnsynchronized(clientEvent);
        }
    }

    /// <summary>Publishes the last event, after which every subscription ends.</summary>
    public void Complete(WsClientEvent last)
    {
        lock (_lock)
        {
            if (_completed)
            {
                return;
            }

            PublishUnsynchronized(last);
            _completed = true;
            Volatile.Write(ref _wanted, 0);
            foreach (EventSubscription subscription in _subscriptions)
            {
                subscription.Complete();
            }

            _subscriptions.Clear();
        }
    }

    /// <summary>Subscribes a callback; null for a reader.</summary>
    public EventSubscription Subscribe(WsClientEventKinds kinds, Func<WsClientEvent, ValueTask>? callback)
    {
        var subscription = new EventSubscription(this, kinds, bufferCount, callback, onCallbackFailed);
        lock (_lock)
        {
            if (_completed)
            {
                subscription.Complete();
            }
            else
            {
                _subscriptions.Add(subscription);
                UpdateWanted();
            }
        }

        return subscription;
    }

    public void Remove(EventSubscription subscription)
    {
        lock (_lock)
        {
            if (_subscriptions.Remove(subscription))
            {
                UpdateWanted();
            }
        }
    }

    /// <summary>The tasks of the callbacks that still have events to handle.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            return Task.WhenAll(_pumps);
        }
    }

    internal void Track(Task pump)
    {
        if (pump.IsCompleted)
        {
            return;
        }

        lock (_lock)
        {
            _pumps.Add(pump);
        }

        _ = pump.ContinueWith(
            static (ended, state) =>
            {
                var hub = (EventHub)state!;
                lock (hub._lock)
                {
                    hub._pumps.Remove(ended);
                }
            },
            this,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private void PublishUnsynchronized(WsClientEvent clientEvent)
    {
        if (_completed || (_wanted & (int)clientEvent.Kind) == 0)
        {
            return;
        }

        clientEvent.Sequence = ++_sequence;
        clientEvent.Timestamp = timeProvider.GetUtcNow();
        foreach (EventSubscription subscription in _subscriptions)
        {
            if ((subscription.Kinds & clientEvent.Kind) != 0)
            {
                subscription.Add(clientEvent);
            }
        }
    }

    private void UpdateWanted()
    {
        WsClientEventKinds wanted = WsClientEventKinds.None;
        foreach (EventSubscription subscription in _subscriptions)
        {
            wanted |= subscription.Kinds;
        }

        Volatile.Write(ref _wanted, (int)wanted);
    }
}
