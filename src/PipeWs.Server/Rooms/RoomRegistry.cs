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
    private readonly WsRoomOptions _defaults;
    private readonly (string Pattern, WsRoomOptions Options)[] _rules;
    private readonly Shard[] _shards;
    private readonly TimeProvider _time;

    internal RoomRegistry(WsRoomOptions defaults, IEnumerable<(string Pattern, Action<WsRoomOptions> Configure)> rules, Shard[] shards, TimeProvider time)
    {
        _defaults = defaults;
        _shards = shards;
        _time = time;
        _rules = [.. rules.Select(rule => (rule.Pattern, Configured(defaults, rule.Pattern, rule.Configure)))];
    }

    internal int Count => _rooms.Count;

    internal IEnumerable<Room> Rooms => _rooms.Select(static pair => pair.Value);

    /// <summary>The options that rooms may get, and for which names.</summary>
    internal IEnumerable<(string Pattern, WsRoomOptions Options)> AllOptions => _rules.Prepend(("*", _defaults));

    internal static bool IsValidName(string name) =>
        name.Length is > 0 and <= MaxNameBytes && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes;

    internal Room? Find(string name) => _rooms.TryGetValue(name, out Room? room) && !room.IsRemoved ? room : null;

    internal Room GetOrCreate(string name)
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

            room = new Room(name, OptionsFor(name), _shards, _time);
            if (_rooms.TryAdd(name, room))
            {
                return room;
            }
        }
    }

    /// <summary>The options of a name: those of the exact pattern, else of the longest prefix that ends in <c>*</c>, else the defaults.</summary>
    internal WsRoomOptions OptionsFor(string name)
    {
        WsRoomOptions best = _defaults;
        int length = -1;
        foreach ((string pattern, WsRoomOptions options) in _rules)
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

    private static WsRoomOptions Configured(WsRoomOptions defaults, string pattern, Action<WsRoomOptions> configure)
    {
        WsRoomOptions options = defaults.Copy();
        configure(options);
        string[] failures = [.. options.FindProblems().Select(problem => $"PipeWs rooms '{pattern}': {problem.Option} is '{problem.Value}'; it must be {problem.Allowed}.")];
        return failures.Length == 0 ? options : throw new OptionsValidationException(pattern, typeof(WsRoomOptions), failures);
    }

    private void Forget(Room room) => _rooms.TryRemove(new KeyValuePair<string, Room>(room.Name, room));
}
