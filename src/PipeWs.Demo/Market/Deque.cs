namespace PipeWs.Demo.Market;

/// <summary>A queue that also gives up its newest item: a ring that doubles when full. One thread at a time.</summary>
internal sealed class Deque<T>
{
    private T[] _items = new T[16];
    private int _head;

    public int Count { get; private set; }

    public T First => Count > 0 ? _items[_head] : throw new InvalidOperationException("The deque is empty.");

    public T Last => Count > 0 ? _items[(_head + Count - 1) & (_items.Length - 1)] : throw new InvalidOperationException("The deque is empty.");

    public T this[int index] => (uint)index < (uint)Count ? _items[(_head + index) & (_items.Length - 1)] : throw new ArgumentOutOfRangeException(nameof(index));

    public void Add(T item)
    {
        if (Count == _items.Length)
        {
            var larger = new T[Count * 2];
            _items.AsSpan(_head).CopyTo(larger);
            _items.AsSpan(0, _head).CopyTo(larger.AsSpan(Count - _head));
            _items = larger;
            _head = 0;
        }

        _items[(_head + Count++) & (_items.Length - 1)] = item;
    }

    public void RemoveFirst()
    {
        ArgumentOutOfRangeException.ThrowIfZero(Count);
        _head = (_head + 1) & (_items.Length - 1);
        Count--;
    }

    public void RemoveLast()
    {
        ArgumentOutOfRangeException.ThrowIfZero(Count);
        Count--;
    }

    public void Clear()
    {
        _head = 0;
        Count = 0;
    }
}
