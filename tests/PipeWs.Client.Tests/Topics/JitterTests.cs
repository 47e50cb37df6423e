using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class JitterTests
{
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(8);

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
            o.Connection.PingInterval = Timeout.InfiniteTimeSpan;
            o.Connection.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(s_window, TimeSpan.FromSeconds(30), random: random);
        }))];
        var delays = new System.Collections.Concurrent.ConcurrentQueue<TimeSpan>();
        foreach (WsTopicClient client in clients)
        {
            client.OnEvent(WsClientEventKinds.TryReconnect, e => delays.Enqueue(((WsTryReconnectEvent)e).Delay));
        }

        await Task.WhenAll(clients.Select(client => client.StartAsync())).Soon();
        Volatile.Write(ref drops, true);
        foreach (ServerPeer peer in peers)
        {
            peer.Drop();
        }

        // Each has the timer of its heartbeat and that of its wait.
        await Conditions.UntilAsync(() => delays.Count == Clients && clock.WaitingTimers == 2 * Clients, "all wait");
        TimeSpan start = clock.Elapsed;
        while (clock.Elapsed - start < s_window)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Conditions.UntilAsync(() => arrivals.Count >= delays.Count(delay => delay <= clock.Elapsed - start), "those that are due have come");
        }

        await Conditions.UntilAsync(() => clients.All(client => client.IsConnected), "all are back");
        int[] seconds = new int[8];
        foreach (TimeSpan arrival in arrivals)
        {
            seconds[Math.Clamp((int)Math.Ceiling((arrival - start).TotalSeconds) - 1, 0, 7)]++;
        }

        Assert.Equal(Clients, seconds.Sum());
        Assert.All(seconds, count => Assert.InRange(count, Clients / 8 / 2, Clients / 8 * 2));
        await Task.WhenAll(clients.Select(client => client.StopAsync())).Soon();
    }
}
