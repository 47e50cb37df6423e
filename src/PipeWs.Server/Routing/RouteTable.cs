using System.Buffers.Binary;
using System.Numerics;

namespace PipeWs.Server.Routing;

/// <summary>
/// The routes by the bytes of their names. The keys are the application's alone and the table is made once, with the seed that spreads them best:
/// a look-up is one hash and mostly one comparison, and no peer can lengthen it.
/// </summary>
internal sealed class RouteTable
{
    private const int Seeds = 256;

    private readonly Route?[] _slots;
    private readonly ulong _seed;
    private readonly int _shift;
    private readonly int _longestName;

    /// <summary>Makes the table.</summary>
    /// <exception cref="ArgumentException">Two routes have the same name.</exception>
    public RouteTable(IReadOnlyCollection<Route> routes)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (Route route in routes)
        {
            if (!names.Add(route.Name))
            {
                throw new ArgumentException($"The action \"{route.Name}\" is mapped twice.", nameof(routes));
            }

            _longestName = Math.Max(_longestName, route.Utf8Name.Length);
        }

        // At most half full, so that there is always an empty slot to end a search.
        int bits = Math.Max(2, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)routes.Count * 2)));
        _shift = 64 - bits;
        _slots = [];
        int best = int.MaxValue;
        ulong seed = 0x9E37_79B9_7F4A_7C15;
        for (int i = 0; i < Seeds && best > 1; i++)
        {
            Route?[] slots = new Route?[1 << bits];
            int longest = Fill(slots, routes, seed);
            if (longest < best)
            {
                (best, _slots, _seed) = (longest, slots, seed);
            }

            seed = (seed * 0xD134_2543_DE82_EF95) | 1;
        }

        LongestSearch = best;
    }

    /// <summary>The names a look-up compares at most.</summary>
    public int LongestSearch { get; }

    /// <summary>Finds a route by its unescaped name.</summary>
    public Route? Find(ReadOnlySpan<byte> name)
    {
        if (name.Length > _longestName)
        {
            return null;
        }

        Route?[] slots = _slots;
        int i = (int)(Hash(name, _seed) >> _shift);
        while (slots[i] is Route route)
        {
            if (name.SequenceEqual(route.Utf8Name))
            {
                return route;
            }

            i = (i + 1) & (slots.Length - 1);
        }

        return null;
    }

    private int Fill(Route?[] slots, IReadOnlyCollection<Route> routes, ulong seed)
    {
        int longest = 1;
        foreach (Route route in routes)
        {
            int i = (int)(Hash(route.Utf8Name, seed) >> _shift);
            int search = 1;
            while (slots[i] is not null)
            {
                i = (i + 1) & (slots.Length - 1);
                search++;
            }

            slots[i] = route;
            longest = Math.Max(longest, search);
        }

        return longest;
    }

    // Every byte counts; the last word overlaps the one before. The result's high bits are the good ones.
    private static ulong Hash(ReadOnlySpan<byte> name, ulong seed)
    {
        ulong hash = (ulong)name.Length * seed;
        if (name.Length < sizeof(ulong))
        {
            ulong word = 0;
            if (name.Length >= sizeof(uint))
            {
                word = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(name) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(name[^sizeof(uint)..]);
            }
            else if (name.Length > 0)
            {
                word = ((ulong)name[0] << 16) | ((ulong)name[name.Length / 2] << 8) | name[^1];
            }

            return Mix(hash ^ word, seed);
        }

        for (int i = 0; i < name.Length - sizeof(ulong); i += sizeof(ulong))
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(name[i..]), seed);
        }

        return Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(name[^sizeof(ulong)..]), seed);
    }

    private static ulong Mix(ulong value, ulong seed)
    {
        value *= seed;
        return (value ^ (value >> 32)) * seed;
    }
}
