namespace PipeWs.Transport.Loops;

/// <summary>
/// What a loop watches, by the number that epoll carries: a place in a table and how often the place has been given. An event that was on its way when its item
/// went is therefore never taken for the place's next. Changed on the loop alone.
/// </summary>
internal sealed class LoopSlots
{
    private Slot[] _slots = new Slot[64];
    private int _used;
    private int _free = -1;
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    public ulong Add(ILoopItem item)
    {
        int index = _free;
        if (index >= 0)
        {
            _free = _slots[index].NextFree;
        }
        else
        {
            index = _used++;
            if (index == _slots.Length)
            {
                Array.Resize(ref _slots, 2 * _slots.Length);
            }
        }

        ref Slot slot = ref _slots[index];
        slot.Item = item;
        Volatile.Write(ref _count, _count + 1);
        return ((ulong)slot.Generation << 32) | (uint)index;
    }

    public ILoopItem? Find(ulong data)
    {
        ref Slot slot = ref _slots[(uint)data];
        return slot.Generation == (uint)(data >> 32) ? slot.Item : null;
    }

    /// <summary>All there are now.</summary>
    public ILoopItem[] ToArray() => [.. _slots.Where(static slot => slot.Item is not null).Select(static slot => slot.Item!)];

    public void Remove(ulong data)
    {
        ref Slot slot = ref _slots[(uint)data];
        if (slot.Generation != (uint)(data >> 32) || slot.Item is null)
        {
            return;
        }

        slot.Item = null;
        slot.NextFree = _free;

        // Never all ones, which is the loop's own.
        slot.Generation = slot.Generation == uint.MaxValue - 1 ? 0 : slot.Generation + 1;
        _free = (int)(uint)data;
        Volatile.Write(ref _count, _count - 1);
    }

    private struct Slot
    {
        public ILoopItem? Item;
        public uint Generation;
        public int NextFree;
    }
}
