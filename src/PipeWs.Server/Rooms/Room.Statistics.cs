namespace PipeWs.Server.Rooms;

internal sealed partial class Room
{
    /// <summary>The next number of the member that is furthest behind; <see cref="long.MaxValue"/> where there is no member.</summary>
    internal long LowestCursor()
    {
        long lowest = long.MaxValue;
        foreach (RoomShard shard in _shards)
        {
            if (shard.Count > 0)
            {
                lowest = shard.LowestCursor(lowest);
            }
        }

        return lowest;
    }
}
