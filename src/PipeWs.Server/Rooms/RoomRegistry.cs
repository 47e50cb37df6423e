using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Options;

namespace PipeWs.Server.Rooms;

/// <summary>The rooms of a hub by name, and which options a name gets.</summary>
internal sealed class RoomRegistry
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    internal const int MaxNameBytes = 255;

    private readonly ConcurrentDictionary<string, Room> _rooms = new(StringComparer.Ordinal);
    private readonly Lock _creation = new();
    private readonly (string Pattern, Action<WsRoomOptions> Configure)[] _patterns;
    private readonly Shard[] _shards;
    private readonly TimeProvider _time;
    private volatile OptionSet _options;
    private int _count;

    internal RoomRegistry(WsRoomOptions defaults, IEnumerable<(string Pattern, Action<WsRoomOptions> Configure)> rules, Shard[] shards, TimeProvider time)
    {
        _patterns = [.. rules];
        _options = CreateOptions(defaults);
        _shards = shards;
        _time = time;
    }

    internal int Count => Volatile.Read(ref _count);

    internal IEnumerable<Room> Rooms => _rooms.Select(static pair => pair.Value);

    /// <summary>The options that rooms may get, and for which names.</summary>
    internal IEnumerable<(string Pattern, WsRoomOptions Options)> AllOptions => _options.All;

    internal static bool IsValidName(string name) =>
        name.Length is > 0 and <= MaxNameBytes && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes;

    internal Room? Find(string name) => _rooms.TryGetValue(name, out Room? room) && !room.IsRemoved ? room : null;

    internal Room GetOrCreate(string name) => GetOrCreate(name, int.MaxValue)!;

    /// <summary>Finds a room, or creates it; null where it would be one more than <paramref name="maxRooms"/>.</summary>
    internal Room? GetOrCreate(string name, int maxRooms)
    {
        while (true)
        {
            if (_rooms.TryGetValue(name, out Room? room))
            {
                if (!room.IsRemoved)
                {
                    return room;
                }

                Forget(room);
                continue;
            }

            lock (_creation)
            {
                // Another thread may have created it meanwhile, as the last that was allowed.
                if (_rooms.ContainsKey(name))
                {
                    continue;
                }

                if (Count >= maxRooms)
                {
                    return null;
                }

                room = new Room(name, OptionsFor(name), _shards, _time);
                Interlocked.Increment(ref _count);
                _rooms[name] = room;
                return room;
            }
        }
    }

    /// <summary>The options of a name: those of the exact pattern, else of the longest prefix that ends in <c>*</c>, else the defaults.</summary>
    internal WsRoomOptions OptionsFor(string name)
    {
        OptionSet set = _options;
        WsRoomOptions best = set.Defaults;
        int length = -1;
        foreach ((string pattern, WsRoomOptions options) in set.Rules)
        {
            if (pattern == name)
            {
                return options;
            }

            if (pattern.EndsWith('*') && pattern.Length > length && name.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal))
            {
                best = options;
                length = pattern.Length;
            }
        }

        return best;
    }

    /// <summary>Takes changed options for the rooms that come into being from now on.</summary>
    /// <param name="defaults">The options that patterns start from.</param>
    /// <param name="prepare">Makes each ready before it counts.</param>
    /// <exception cref="OptionsValidationException">A pattern's would not be allowed; nothing has changed.</exception>
    internal void Reconfigure(WsRoomOptions defaults, Action<string, WsRoomOptions> prepare)
    {
        OptionSet options = CreateOptions(defaults);
        foreach ((string pattern, WsRoomOptions each) in options.All)
        {
            prepare(pattern, each);
        }

        _options = options;
    }

    /// <summary>Ends the room if it is empty and holds nothing.</summary>
    internal void RemoveIfOver(Room room)
    {
        if (room.TryRemove())
        {
            Forget(room);
            room.Clear();
        }
    }

    /// <summary>Closes who has stopped reading, trims every log and lets go of the rooms that are over.</summary>
    internal void Sweep()
    {
        foreach (KeyValuePair<string, Room> pair in _rooms)
        {
            pair.Value.CloseStalled();
            pair.Value.Trim();
            if (pair.Value.MemberCount == 0)
            {
                RemoveIfOver(pair.Value);
            }
        }
    }

    private OptionSet CreateOptions(WsRoomOptions defaults) => new(defaults, [.. _patterns.Select(rule => (rule.Pattern, Configured(defaults, rule.Pattern, rule.Configure)))]);

    private static WsRoomOptions Configured(WsRoomOptions defaults, string pattern, Action<WsRoomOptions> configure)
    {
        WsRoomOptions options = defaults.Copy();
        configure(options);
        string[] failures = [.. options.FindProblems().Select(problem => $"PipeWs rooms '{pattern}': {problem.Option} is '{problem.Value}'; it must be {problem.Allowed}.")];
        return failures.Length == 0 ? options : throw new OptionsValidationException(pattern, typeof(WsRoomOptions), failures);
    }

    private void Forget(Room room)
    {
        if (_rooms.TryRemove(new KeyValuePair<string, Room>(room.Name, room)))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private sealed record OptionSet(WsRoomOptions Defaults, (string Pattern, WsRoomOptions Options)[] Rules)
    {
        public IEnumerable<(string Pattern, WsRoomOptions Options)> All => Rules.Prepend(("*", Defaults));
    }
}
