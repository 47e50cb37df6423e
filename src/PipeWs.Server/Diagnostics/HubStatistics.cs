using System.Collections.Frozen;
using PipeWs.Server.Hubs;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Diagnostics;

/// <summary>Reads what a hub is doing.</summary>
internal static class HubStatistics
{
    /// <param name="hub">The hub.</param>
    /// <param name="maxRooms">How many rooms are listed.</param>
    /// <param name="name">The only room that is listed; null for those with the most members.</param>
    internal static WsHubStatistics Take(Hub hub, int maxRooms, string? name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxRooms);
        HubCounters counters = hub.Counters;

        // In this order: a rate is then never measured over less time than its traffic took.
        HubTraffic traffic = counters.Traffic();
        long now = hub.Heartbeat.Now;
        (int count, long members, List<Room> largest) = Survey(hub, name is null ? maxRooms : 0);
        if (name is not null && hub.RoomRegistry.Find(name) is { } named)
        {
            largest.Add(named);
        }

        return new WsHubStatistics
        {
            Hub = hub.Name,
            TakenAt = hub.Time.GetUtcNow(),
            Uptime = hub.Uptime,
            Connections = new WsConnectionStatistics
            {
                Open = hub.ConnectionCount,
                Max = hub.Options.MaxConnections,
                Opened = counters.OpenedCount,
                Closed = counters.Closes.ToFrozenDictionary(StringComparer.Ordinal),
                Refused = counters.Refusals.ToFrozenDictionary(StringComparer.Ordinal),
            },
            Traffic = TrafficOf(traffic),
            Rates = hub.Rates.Read(now, traffic),
            Delivery = new WsDeliveryStatistics
            {
                SlowConsumers = Enum.GetValues<WsSlowConsumerPolicy>().ToDictionary(static policy => policy, counters.SlowConsumers),
                Gaps = counters.Gaps,
                SkippedMessages = counters.SkippedMessages,
                RateLimited = counters.RateLimitedCount,
            },
            Compression = CompressionOf(counters.Compression(), hub.CompressionCounters),
            AuthenticationRefusals = hub.AuthenticationRefusals,
            HandlerErrors = counters.HandlerFailures,
            HookErrors = counters.HookFailures,
            RoomCount = count,
            MemberCount = members,
            Rooms = [.. largest.Select(RoomOf)],
            Shards = [.. hub.Shards.Select((shard, index) => ShardOf(shard, counters.Traffic(index)))],
        };
    }

    /// <summary>Counts the rooms and their members, and finds those with the most.</summary>
    private static (int Count, long Members, List<Room> Largest) Survey(Hub hub, int maxRooms)
    {
        int count = 0;
        long members = 0;

        // The smallest of those found so far comes out first; of equals the one whose name is the later.
        var found = new PriorityQueue<Room, (int Members, string Name)>(Comparer<(int Members, string Name)>.Create(
            static (a, b) => a.Members != b.Members ? a.Members.CompareTo(b.Members) : string.CompareOrdinal(b.Name, a.Name)));
        foreach (Room room in hub.RoomRegistry.Rooms)
        {
            int size = room.MemberCount;
            count++;
            members += size;
            if (found.Count < maxRooms)
            {
                found.Enqueue(room, (size, room.Name));
            }
            else if (maxRooms > 0)
            {
                found.EnqueueDequeue(room, (size, room.Name));
            }
        }

        var largest = new List<Room>(found.Count);
        while (found.TryDequeue(out Room? room, out _))
        {
            largest.Add(room);
        }

        largest.Reverse();
        return (count, members, largest);
    }

    private static WsRoomStatistics RoomOf(Room room)
    {
        // The head last: a cursor is then never ahead of it.
        long lowest = room.LowestCursor();
        long tail = room.Log.Tail;
        long head = room.Log.Head;
        return new WsRoomStatistics
        {
            Name = room.Name,
            Members = room.MemberCount,
            Epoch = room.Epoch,
            Head = head,
            LogMessages = Math.Max(0, head - tail + 1),
            LogBytes = room.Log.Bytes,
            MaxLag = Math.Max(0, head + 1 - Math.Min(lowest, head + 1)),
            SlowConsumers = room.SlowCount,
        };
    }

    private static WsShardStatistics ShardOf(Shard shard, in HubTraffic traffic) => new()
    {
        Connections = traffic.Connections,
        Traffic = TrafficOf(traffic),
        Walks = shard.Walks,
        ServedMembers = shard.ServedMembers,
        HandOvers = shard.HandOvers,
        IsQueued = shard.IsQueued,
    };

    private static WsTrafficStatistics TrafficOf(in HubTraffic traffic) =>
        new(traffic.MessagesReceived, traffic.MessagesSent, traffic.BytesReceived, traffic.BytesSent, traffic.Pings);

    private static WsCompressionStatistics CompressionOf(in HubCompression sum, CompressionCounters shared) => new()
    {
        Open = sum.Open,
        Opened = sum.Opened,
        MessagesReceived = sum.Traffic.MessagesInflated,
        MessagesSent = sum.Traffic.MessagesDeflated,
        CompressedBytesReceived = sum.Traffic.InflatedFrom,
        PlainBytesReceived = sum.Traffic.InflatedTo,
        CompressedBytesSent = sum.Traffic.DeflatedTo,
        PlainBytesSent = sum.Traffic.DeflatedFrom,
        MessagesNotShorter = sum.Traffic.MessagesNotShorter,
        SharedDeflates = shared.SharedDeflates,
    };
}
