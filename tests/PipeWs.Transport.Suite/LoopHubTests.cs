using System.Collections.Concurrent;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server;
using PipeWs.Server.Tests.Support;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Transport.Suite;

/// <summary>What is different for a hub on event loops: where its code runs.</summary>
public sealed class LoopHubTests
{
    private const string LoopName = "PipeWs loop";

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_handler_runs_on_its_connections_loop_until_it_waits_and_the_next_message_does_again(Door door, bool isSecure)
    {
        var before = new ConcurrentQueue<bool>();
        var after = new ConcurrentQueue<bool>();
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,

            // On a busy machine a thread may come too late for its loop.
            services: static services => services.Configure<PipeWsTransportOptions>(static options => options.StallTimeout = Timeout.InfiniteTimeSpan),
            build: hub => hub.MapAction("wait", async context =>
            {
                before.Enqueue(IsOnLoop);
                await Task.Delay(1);
                after.Enqueue(IsOnLoop);
                await context.ReplyAsync("done", default);
            }));
        for (int i = 0; i < 5; i++)
        {
            await server.Bystander!.SendTextAsync("""{"id":"1","action":"wait"}""");
            Assert.Contains("done", await server.Bystander!.ReadTextAsync(), StringComparison.Ordinal);
        }

        // Over TLS, what was decrypted already is handled where its reader is.
        Assert.Equal(Enumerable.Repeat(true, isSecure ? 1 : 5), before.Take(isSecure ? 1 : 5));
        Assert.Equal(Enumerable.Repeat(false, 5), after);
    }

    [Fact]
    public async Task A_handler_that_blocks_keeps_nobody_else_waiting_for_long()
    {
        using var release = new ManualResetEventSlim();
        await using HubServer server = await HubServer.JsonAsync(
            Door.Fast,
            services: static services => services.Configure<PipeWsTransportOptions>(static options =>
            {
                options.LoopCount = 1;
                options.StallTimeout = TimeSpan.FromMilliseconds(20);
            }),
            build: hub => hub.MapAction("block", context =>
            {
                release.Wait();
                return context.ReplyAsync("late", default);
            }));
        (RawPeer peer, _) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            await peer.SendTextAsync("""{"id":"1","action":"block"}""");
            try
            {
                for (int i = 0; i < 3; i++)
                {
                    await server.Bystander!.SendTextAsync($$"""{"id":"{{i}}","action":"echo","data":"here"}""");
                    Assert.Contains("here", await server.Bystander!.ReadTextAsync(), StringComparison.Ordinal);
                }

                // A room of both: the one that blocks gets its messages when it comes back, and every other now.
                await server.Hub.All.SendTextAsync("to all");
                Assert.Equal("to all", await server.Bystander!.ReadTextAsync());
            }
            finally
            {
                release.Set();
            }

            string[] came = [await peer.ReadTextAsync(), await peer.ReadTextAsync()];
            Assert.Contains("to all", came);
            Assert.Contains(came, static text => text.Contains("late", StringComparison.Ordinal));
        }
    }

    private static bool IsOnLoop => Thread.CurrentThread.Name?.StartsWith(LoopName, StringComparison.Ordinal) == true;
}
