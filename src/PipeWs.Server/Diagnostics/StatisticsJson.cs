using System.Text.Json;

namespace PipeWs.Server.Diagnostics;

/// <summary>Writes <see cref="WsHubStatistics"/> as the JSON of <c>MapPipeWsStats</c>. Its names carry their units.</summary>
internal static class StatisticsJson
{
    internal static void Write(Utf8JsonWriter json, WsHubStatistics statistics)
    {
        json.WriteStartObject();
        json.WriteString("hub", statistics.Hub);
        json.WriteString("takenAt", statistics.TakenAt);
        json.WriteNumber("uptimeSeconds", Rounded(statistics.Uptime.TotalSeconds));
        WriteConnections(json, statistics.Connections);
        WriteRates(json, statistics.Rates);
        json.WriteStartObject("totals");
        WriteTraffic(json, statistics.Traffic);
        json.WriteNumber("pingsSent", statistics.Traffic.PingsSent);
        json.WriteEndObject();
        WriteCompression(json, statistics.Compression);
        WriteDelivery(json, statistics.Delivery);
        json.WriteStartObject("authentication");
        json.WriteNumber("refused", statistics.AuthenticationRefusals);
        json.WriteEndObject();
        json.WriteStartObject("errors");
        json.WriteNumber("handlers", statistics.HandlerErrors);
        json.WriteNumber("hooks", statistics.HookErrors);
        json.WriteEndObject();
        json.WriteStartObject("rooms");
        json.WriteNumber("count", statistics.RoomCount);
        json.WriteNumber("members", statistics.MemberCount);
        json.WriteStartArray("list");
        foreach (WsRoomStatistics room in statistics.Rooms)
        {
            WriteRoom(json, room);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("shards");
        foreach (WsShardStatistics shard in statistics.Shards)
        {
            WriteShard(json, shard);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteConnections(Utf8JsonWriter json, WsConnectionStatistics connections)
    {
        json.WriteStartObject("connections");
        json.WriteNumber("open", connections.Open);
        json.WriteNumber("max", connections.Max);
        json.WriteNumber("opened", connections.Opened);
        WriteCounts(json, "closed", connections.Closed);
        WriteCounts(json, "refused", connections.Refused);
        json.WriteEndObject();
    }

    private static void WriteRates(Utf8JsonWriter json, in WsRates rates)
    {
        json.WriteStartObject("rates");
        json.WriteNumber("windowSeconds", Rounded(rates.Window.TotalSeconds));
        json.WriteNumber("messagesReceivedPerSecond", Rounded(rates.MessagesReceived));
        json.WriteNumber("messagesSentPerSecond", Rounded(rates.MessagesSent));
        json.WriteNumber("bytesReceivedPerSecond", Rounded(rates.BytesReceived));
        json.WriteNumber("bytesSentPerSecond", Rounded(rates.BytesSent));
        json.WriteEndObject();
    }

    private static void WriteTraffic(Utf8JsonWriter json, in WsTrafficStatistics traffic)
    {
        json.WriteNumber("messagesReceived", traffic.MessagesReceived);
        json.WriteNumber("messagesSent", traffic.MessagesSent);
        json.WriteNumber("bytesReceived", traffic.BytesReceived);
        json.WriteNumber("bytesSent", traffic.BytesSent);
    }

    private static void WriteCompression(Utf8JsonWriter json, WsCompressionStatistics compression)
    {
        json.WriteStartObject("compression");
        json.WriteNumber("open", compression.Open);
        json.WriteNumber("opened", compression.Opened);
        json.WriteNumber("messagesReceived", compression.MessagesReceived);
        json.WriteNumber("messagesSent", compression.MessagesSent);
        json.WriteNumber("compressedBytesReceived", compression.CompressedBytesReceived);
        json.WriteNumber("plainBytesReceived", compression.PlainBytesReceived);
        json.WriteNumber("compressedBytesSent", compression.CompressedBytesSent);
        json.WriteNumber("plainBytesSent", compression.PlainBytesSent);
        json.WriteNumber("messagesNotShorter", compression.MessagesNotShorter);
        json.WriteNumber("sharedDeflates", compression.SharedDeflates);
        json.WriteEndObject();
    }

    private static void WriteDelivery(Utf8JsonWriter json, WsDeliveryStatistics delivery)
    {
        json.WriteStartObject("drops");
        json.WriteStartObject("slowConsumers");
        foreach ((WsSlowConsumerPolicy policy, long count) in delivery.SlowConsumers)
        {
            json.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(policy.ToString()), count);
        }

        json.WriteEndObject();
        json.WriteNumber("gaps", delivery.Gaps);
        json.WriteNumber("skippedMessages", delivery.SkippedMessages);
        json.WriteNumber("rateLimited", delivery.RateLimited);
        json.WriteEndObject();
    }

    private static void WriteRoom(Utf8JsonWriter json, WsRoomStatistics room)
    {
        json.WriteStartObject();
        json.WriteString("name", room.Name);
        json.WriteNumber("members", room.Members);
        json.WriteString("epoch", room.Epoch);
        json.WriteNumber("head", room.Head);
        json.WriteNumber("logMessages", room.LogMessages);
        json.WriteNumber("logBytes", room.LogBytes);
        json.WriteNumber("maxLagMessages", room.MaxLag);
        json.WriteNumber("slowConsumers", room.SlowConsumers);
        json.WriteEndObject();
    }

    private static void WriteShard(Utf8JsonWriter json, WsShardStatistics shard)
    {
        json.WriteStartObject();
        json.WriteNumber("connections", shard.Connections);
        WriteTraffic(json, shard.Traffic);
        json.WriteNumber("walks", shard.Walks);
        json.WriteNumber("servedMembers", shard.ServedMembers);
        json.WriteNumber("handOvers", shard.HandOvers);
        json.WriteBoolean("queued", shard.IsQueued);
        json.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, long> counts)
    {
        json.WriteStartObject(name);
        foreach ((string key, long count) in counts.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteNumber(key, count);
        }

        json.WriteEndObject();
    }

    private static double Rounded(double value) => Math.Round(value, 3);
}
