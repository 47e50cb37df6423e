using System.Numerics;
using System.Runtime.InteropServices;

namespace PipeWs.Fuzz.Engine;

/// <summary>
/// The counters that the instrumented assemblies write to, one byte an edge, and what was ever seen in them. A count matters by its bucket: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more.
/// </summary>
internal sealed unsafe class EdgeMap
{
    private static readonly byte[] s_buckets = CreateBuckets();

    private readonly byte* _counters;
    private readonly byte[] _seen;

    /// <param name="counters">Where the counters are; they stay for as long as the process lives.</param>
    /// <param name="edges">How many edges there are.</param>
    public EdgeMap(nint counters, int edges)
    {
        _counters = (byte*)counters;
        Edges = edges;
        _seen = new byte[edges];
    }

    /// <summary>How many edges there are.</summary>
    public int Edges { get; }

    /// <summary>How many were ever taken.</summary>
    public int Seen { get; private set; }

    private Span<byte> Counters => new(_counters, Edges);

    public void Clear() => Counters.Clear();

    /// <summary>Takes note of what this run did that none did before.</summary>
    /// <returns>Whether it did.</returns>
    public bool Learn()
    {
        bool isNew = false;
        foreach (int edge in Taken())
        {
            byte bucket = s_buckets[_counters[edge]];
            if ((_seen[edge] & bucket) == 0)
            {
                Seen += _seen[edge] == 0 ? 1 : 0;
                _seen[edge] |= bucket;
                isNew = true;
            }
        }

        return isNew;
    }

    /// <summary>What this run did, as one number: the same for runs that took the same edges about as often.</summary>
    public ulong Fingerprint()
    {
        ulong hash = 14695981039346656037;
        foreach (int edge in Taken())
        {
            hash = (hash ^ (uint)edge ^ ((ulong)s_buckets[_counters[edge]] << 32)) * 1099511628211;
            hash ^= BitOperations.RotateLeft(hash, 29);
        }

        return hash;
    }

    /// <summary>What this run did, as a set of edge and bucket.</summary>
    public HashSet<int> Features()
    {
        var features = new HashSet<int>();
        foreach (int edge in Taken())
        {
            features.Add((edge << 8) | s_buckets[_counters[edge]]);
        }

        return features;
    }

    private static byte[] CreateBuckets()
    {
        var buckets = new byte[256];
        for (int count = 1; count < 256; count++)
        {
            buckets[count] = (byte)(1 << (count switch { < 4 => count - 1, < 8 => 3, < 16 => 4, < 32 => 5, < 128 => 6, _ => 7 }));
        }

        return buckets;
    }

    private TakenEdges Taken() => new(_counters, Edges);

    /// <summary>The edges whose counters are not 0, most of which are passed over eight at a time.</summary>
    private ref struct TakenEdges(byte* counters, int edges)
    {
        private int _next;

        public int Current { get; private set; }

        public readonly TakenEdges GetEnumerator() => this;

        public bool MoveNext()
        {
            while (_next < edges)
            {
                if ((_next & 7) == 0 && _next + 8 <= edges && MemoryMarshal.Read<ulong>(new ReadOnlySpan<byte>(counters + _next, 8)) == 0)
                {
                    _next += 8;
                    continue;
                }

                if (counters[_next++] != 0)
                {
                    Current = _next - 1;
                    return true;
                }
            }

            return false;
        }
    }
}
