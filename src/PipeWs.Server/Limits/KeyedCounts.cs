using System.Collections.Concurrent;

namespace PipeWs.Server.Limits;

/// <summary>Counts by a key that peers choose; a key with a count of none takes no memory.</summary>
internal sealed class KeyedCounts<TKey>
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, int> _counts = new();

    /// <summary>How many keys have a count.</summary>
    public int Keys => _counts.Count;

    /// <summary>Adds one, unless there are as many as the limit allows.</summary>
    public bool TryEnter(TKey key, int limit)
    {
        if (_counts.AddOrUpdate(key, 1, static (_, count) => count + 1) <= limit)
        {
            return true;
        }

        Leave(key);
        return false;
    }

    /// <summary>Takes one away that was added.</summary>
    public void Leave(TKey key)
    {
        if (_counts.AddOrUpdate(key, 0, static (_, count) => count - 1) == 0)
        {
            _counts.TryRemove(new KeyValuePair<TKey, int>(key, 0));
        }
    }
}
