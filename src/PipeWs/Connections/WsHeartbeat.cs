namespace PipeWs;

/// <summary>
/// The one timer of a service: it looks at every connection twice a second and acts on what is due. A connection costs it a comparison or two,
/// and no timer of its own. Safe from any thread.
/// </summary>
public sealed class WsHeartbeat : IDisposable
{
    /// <summary>The time between two looks. Timeouts are exact to this.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private readonly long _origin;
    private IWsHeartbeatItem[] _items = new IWsHeartbeatItem[16];
    private IWsHeartbeatItem?[] _snapshot = [];
    private int _count;
    private int _ticking;

    /// <summary>Starts the timer.</summary>
    public WsHeartbeat(TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        TimeProvider = timeProvider;
        _origin = timeProvider.GetTimestamp();
        _timer = timeProvider.CreateTimer(static state => ((WsHeartbeat)state!).Tick(), this, Interval, Interval);
    }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>Milliseconds since the heartbeat began.</summary>
    public long Now => (long)TimeProvider.GetElapsedTime(_origin).TotalMilliseconds;

    /// <summary>Looks at this item from now on.</summary>
    public void Add(IWsHeartbeatItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        lock (_lock)
        {
            if (_count == _items.Length)
            {
                Array.Resize(ref _items, _count * 2);
            }

            item.HeartbeatIndex = _count;
            _items[_count++] = item;
        }
    }

    /// <summary>No longer looks at it.</summary>
    public void Remove(IWsHeartbeatItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        lock (_lock)
        {
            int index = item.HeartbeatIndex;
            if (index < 0 || index >= _count || !ReferenceEquals(_items[index], item))
            {
                return;
            }

            IWsHeartbeatItem last = _items[--_count];
            _items[index] = last;
            last.HeartbeatIndex = index;
            _items[_count] = null!;
            item.HeartbeatIndex = -1;
        }
    }

    /// <summary>Stops the timer.</summary>
    public void Dispose() => _timer.Dispose();

    private void Tick()
    {
        if (Interlocked.Exchange(ref _ticking, 1) != 0)
        {
            return;
        }

        int count;
        lock (_lock)
        {
            count = _count;
            if (_snapshot.Length < count)
            {
                _snapshot = new IWsHeartbeatItem[_items.Length];
            }

            Array.Copy(_items, _snapshot, count);
        }

        long now = Now;
        for (int i = 0; i < count; i++)
        {
            try
            {
                _snapshot[i]!.OnHeartbeat(now);
            }
            catch (Exception)
            {
                // One that breaks its word must not stop the clock of all the others.
            }

            _snapshot[i] = null;
        }

        Volatile.Write(ref _ticking, 0);
    }
}

/// <summary>Something that wants to be looked at now and then.</summary>
public interface IWsHeartbeatItem
{
    /// <summary>The heartbeat's own note of where the item is.</summary>
    int HeartbeatIndex { get; set; }

    /// <summary>Does what is due. Must neither block nor throw.</summary>
    /// <param name="now">Milliseconds since the heartbeat began.</param>
    void OnHeartbeat(long now);
}
