using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING row 40: connections that come and go in crowds, whenever they like.</summary>
public sealed class ConnectionRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_40_resets_at_any_moment_leave_nothing_behind(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        byte[] subscribe = RawPeer.Frame(Opcode.Text, """{"id":"1","type":"subscribe","topics":["a","b"]}"""u8);
        byte[] echo = RawPeer.Frame(Opcode.Text, """{"id":"2","action":"echo","data":1}"""u8);
        using var stop = new CancellationTokenSource();
        Task publishing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                server.Hub.Room("a").Publish("1"u8.ToArray());
                await server.Hub.All.SendTextAsync("to all");
                await Task.Yield();
                await server.Bystander!.ReadTextAsync();
            }
        });

        for (int round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => VisitAsync(i)));
        }

        await stop.CancelAsync();
        await publishing;
        await server.AssertUndisturbedAsync(0);
        Assert.Empty(server.Hub.Rooms);

        async Task VisitAsync(int kind)
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            if (kind % 5 > 0)
            {
                await peer.SendAsync(RawPeer.Handshake());
            }

            if (kind % 5 > 1)
            {
                await peer.SendAsync([.. subscribe, .. echo, .. subscribe, .. echo]);
            }

            if (kind % 5 > 2)
            {
                await peer.ReadAnswerAsync();
            }

            if (kind % 5 > 3)
            {
                await peer.ReadTextAsync();
                await peer.SendAsync(Hex("81 85 37 FA"));
            }

            if (kind < 10)
            {
                peer.Reset();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_40_a_crowd_over_the_limit_is_refused_and_the_accepted_are_undisturbed(Door door, bool isSecure)
    {
        const int Limit = 20;
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.MaxConnections = Limit);
        var accepted = new List<RawPeer>();
        int refused = 0;
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(RawPeer.Handshake());
            HttpAnswer answer = await peer.ReadAnswerAsync();
            lock (accepted)
            {
                if (answer.StatusCode == 101)
                {
                    accepted.Add(peer);
                    return;
                }

                Assert.Equal(503, answer.StatusCode);
                refused++;
            }

            await peer.AssertClosedAsync();
            await peer.DisposeAsync();
        }));
        Assert.Equal((Limit - 1, 101 - Limit), (accepted.Count, refused));
        foreach (RawPeer peer in accepted)
        {
            await peer.AskAsync("still here", "still here");
            await peer.DisposeAsync();
        }

        await server.AssertUndisturbedAsync(refused);
    }
}
