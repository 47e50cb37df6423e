using System.Diagnostics.Metrics;
using PipeWs.Server.Hubs;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Diagnostics;

// What is read when somebody collects.
internal sealed partial class HubMetrics
{
    private void Observe(Meter meter)
    {
        meter.CreateObservableUpDownCounter("pipews.server.connections", () => Each(static hub => hub.Counters.OpenCount), "{connection}", "Open connections.");
        meter.CreateObservableCounter("pipews.server.connection.opened", () => Each(static hub => hub.Counters.OpenedCount), "{connection}", "Connections that were opened.");
        meter.CreateObservableCounter("pipews.server.connection.closed", () => Named(CloseCodeTag, static hub => hub.Counters.Closes), "{connection}", "Connections that have ended, by close code.");
        meter.CreateObservableCounter("pipews.server.refusals", () => Named(LimitTag, static hub => hub.Counters.Refusals), "{refusal}", "What was refused because of a limit, by the limit.");
        meter.CreateObservableCounter(
            "pipews.server.messages",
            () => BothWays(TrafficOf, static traffic => traffic.MessagesReceived, static traffic => traffic.MessagesSent),
            "{message}",
            "Messages received and sent.");
        meter.CreateObservableCounter(
            "pipews.server.io",
            () => BothWays(TrafficOf, static traffic => traffic.BytesReceived, static traffic => traffic.BytesSent),
            "By",
            "Bytes of frames received and sent, headers included.");
        meter.CreateObservableCounter("pipews.server.pings", () => Each(static hub => hub.Counters.Traffic().Pings), "{ping}", "Pings sent.");
        meter.CreateObservableUpDownCounter("pipews.server.rooms", () => Each(static hub => hub.RoomRegistry.Count), "{room}", "Rooms that exist.");
        meter.CreateObservableUpDownCounter("pipews.server.room.members", () => Each(CountMembers), "{member}", "Memberships of all rooms together.");
        meter.CreateObservableUpDownCounter("pipews.server.room.log.size", () => Each(CountLogBytes), "By", "Bytes that the logs of all rooms hold.");
        meter.CreateObservableCounter("pipews.server.slow_consumers", SlowConsumers, "{member}", "Members that were too slow for their room, by what its policy did.");
        meter.CreateObservableCounter("pipews.server.gaps", () => Each(static hub => hub.Counters.Gaps), "{gap}", "How often a member was told that messages were left out.");
        meter.CreateObservableCounter("pipews.server.gap.messages", () => Each(static hub => hub.Counters.SkippedMessages), "{message}", "Messages that gaps left out.");
        meter.CreateObservableCounter("pipews.server.rate_limited", () => Each(static hub => hub.Counters.RateLimitedCount), "{message}", "Messages that were over a rate limit.");
        meter.CreateObservableCounter(
            "pipews.server.authentication.refusals",
            () => Each(static hub => hub.AuthenticationRefusals),
            "{refusal}",
            "Handshakes and auth messages that were refused for what they say of who somebody is, or do not say.");
        meter.CreateObservableCounter("pipews.server.handler.errors", () => Each(static hub => hub.Counters.HandlerFailures), "{error}", "Exceptions of message handlers.");
        meter.CreateObservableCounter("pipews.server.hook.errors", () => Each(static hub => hub.Counters.HookFailures), "{error}", "Exceptions of hooks and of handlers of the hub's events.");
        ObserveCompression(meter);
    }

    private static HubTraffic TrafficOf(Hub hub) => hub.Counters.Traffic();

    private static long CountMembers(Hub hub)
    {
        long members = 0;
        foreach (Room room in hub.RoomRegistry.Rooms)
        {
            members += room.MemberCount;
        }

        return members;
    }

    private static long CountLogBytes(Hub hub)
    {
        long bytes = 0;
        foreach (Room room in hub.RoomRegistry.Rooms)
        {
            bytes += room.Log.Bytes;
        }

        return bytes;
    }

    private IEnumerable<Measurement<long>> Each(Func<Hub, long> read)
    {
        foreach (Hub hub in _hubs)
        {
            yield return new Measurement<long>(read(hub), Tag(HubTag, hub.Name));
        }
    }

    private IEnumerable<Measurement<long>> Named(string tag, Func<Hub, IReadOnlyDictionary<string, long>> read)
    {
        foreach (Hub hub in _hubs)
        {
            foreach ((string name, long count) in read(hub))
            {
                yield return new Measurement<long>(count, Tag(HubTag, hub.Name), Tag(tag, name));
            }
        }
    }

    private IEnumerable<Measurement<long>> BothWays<T>(Func<Hub, T> read, Func<T, long> received, Func<T, long> sent)
    {
        foreach (Hub hub in _hubs)
        {
            T traffic = read(hub);
            yield return new Measurement<long>(received(traffic), Tag(HubTag, hub.Name), Tag(DirectionTag, "receive"));
            yield return new Measurement<long>(sent(traffic), Tag(HubTag, hub.Name), Tag(DirectionTag, "transmit"));
        }
    }

    private IEnumerable<Measurement<long>> SlowConsumers()
    {
        foreach (Hub hub in _hubs)
        {
            for (int i = 0; i < s_policies.Length; i++)
            {
                yield return new Measurement<long>(hub.Counters.SlowConsumers((WsSlowConsumerPolicy)i), Tag(HubTag, hub.Name), Tag(PolicyTag, s_policies[i]));
            }
        }
    }
}
