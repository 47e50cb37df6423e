using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class JitterTests
{
    [Fact]
    public async Task A_thousand_clients_of_a_restarted_server_come_back_spread_over_the_window()
    {
        const int Clients = 1000;
        const int Seconds = 8;
        var clock = new ManualTimeProvider();
        var peers = new ConcurrentBag<ServerPeer>();
        var delays = new ConcurrentQueue<TimeSpan>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            peers.Add(peer);
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync();
        });
        var random = new Random(7);
        WsTopicClient[] clients = [.. Enumerable.Range(0, Clients).Select(_ => server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.StableAfter = TimeSpan.Zero;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromSeconds(Seconds), TimeSpan.FromSeconds(30), random: random);
        }))];
        foreach (WsTopicClient client in clients)
        {
            client.OnEvent(WsClientEventKinds.TryReconnect, e => delays.Enqueue(((WsTryReconnectEvent)e).Delay));
        }

        await Task.WhenAll(clients.Select(client => client.StartAsync())).Soon();
        foreach (ServerPeer peer in peers)
        {
            peer.Drop();
        }

        await Conditions.UntilAsync(() => delays.Count == Clients && clients.All(client => client.State == WsClientState.Waiting), "all have noticed");
        Assert.Equal(Clients, server.Accepted);

        // In the first half of the window about half of them come, and none that chose the second.
        clock.Advance(TimeSpan.FromSeconds(Seconds / 2));
        int early = delays.Count(delay => delay <= TimeSpan.FromSeconds(Seconds / 2));
        Assert.InRange(server.Accepted - Clients, 0, early);
        await Conditions.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(100));
                return clients.All(client => client.IsConnected);
            },
            "all are back");

        Assert.Equal(2 * Clients, server.Accepted);
        int[] seconds = new int[Seconds];
        foreach (TimeSpan delay in delays)
        {
            seconds[(int)delay.TotalSeconds]++;
        }

        Assert.All(seconds, count => Assert.InRange(count, Clients / Seconds / 2, Clients / Seconds * 2));
        await Task.WhenAll(clients.Select(client => client.StopAsync())).Soon();
    }
}
