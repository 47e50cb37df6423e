using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class JitterTests
{
    [Fact]
    public async Task A_thousand_clients_of_a_restarted_server_come_back_spread_over_the_window()
    {
        const int Clients = 1000;
        var clock = new ManualTimeProvider();
        bool drops = false;
        var arrivals = new System.Collections.Concurrent.ConcurrentQueue<TimeSpan>();
        var peers = new System.Collections.Concurrent.ConcurrentBag<ServerPeer>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            if (Volatile.Read(ref drops))
            {
                arrivals.Enqueue(clock.Elapsed);
            }

            peers.Add(peer);
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync();
        });
        var random = new Random(7);
        WsTopicClient[] clients = [.. Enumerable.Range(0, Clients).Select(_ => server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(30), random: random);
        }))];
        await Task.WhenAll(clients.Select(client => client.StartAsync())).Soon();
        Volatile.Write(ref drops, true);
        foreach (ServerPeer peer in peers)
        {
            peer.Drop();
        }

        await Conditions.UntilAsync(() => clients.All(client => client.State == WsClientState.Waiting), "all have noticed");
        for (int step = 0; step < 80; step++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Conditions.UntilAsync(() => clients.All(client => client.State is WsClientState.Waiting or WsClientState.Connected), "those that are due have come");
        }

        await Conditions.UntilAsync(
            () =>
            {
                // A client may have begun to wait a little after the clock had moved on.
                clock.Advance(TimeSpan.FromMilliseconds(10));
                return clients.All(client => client.IsConnected);
            },
            "all are back");
        int[] seconds = new int[8];
        foreach (TimeSpan arrival in arrivals)
        {
            seconds[Math.Clamp((int)Math.Ceiling(arrival.TotalSeconds) - 1, 0, 7)]++;
        }

        Assert.Equal(Clients, seconds.Sum());
        Assert.All(seconds, count => Assert.InRange(count, Clients / 8 / 2, Clients / 8 * 2));
        await Task.WhenAll(clients.Select(client => client.StopAsync())).Soon();
    }
}
