using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Sending;

/// <summary>A message waits for a connection as long as it may and no longer, whether there is an attempt to get one or not.</summary>
public sealed class DeadlineTests
{
    private static readonly TimeSpan s_age = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_write_before_the_start_times_out()
    {
        var clock = new ManualTimeProvider();
        await using var client = new WsClient(Options(clock, new Uri("ws://memory.test")));
        Task write = client.SendTextAsync("too early").AsTask();
        Advance(clock, TimeSpan.FromSeconds(9.5));
        Assert.False(write.IsCompleted);
        Advance(clock, TimeSpan.FromSeconds(1));

        await AssertTimedOutAsync(write);
        Assert.Equal(0, client.WriteBufferCount);
    }

    [Fact]
    public async Task A_write_after_a_start_that_failed_times_out()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(_ => Task.CompletedTask);
        await using WsClient client = new(Options(clock, server.Uri, server.Transports));
        Task before = client.SendTextAsync("before").AsTask();
        await Assert.ThrowsAnyAsync<WsDialException>(() => client.StartAsync().Soon());
        Task after = client.SendTextAsync("after").AsTask();
        Advance(clock, TimeSpan.FromSeconds(10.5));

        await AssertTimedOutAsync(before);
        await AssertTimedOutAsync(after);
    }

    [Fact]
    public async Task What_has_waited_too_long_is_not_sent_on_a_connection_that_comes_before_the_heartbeat()
    {
        var clock = new ManualTimeProvider();
        var received = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(text =>
            {
                received.Enqueue(text);
                return Task.CompletedTask;
            });
        });
        await using WsClient client = new(Options(clock, server.Uri, server.Transports));
        clock.Advance(TimeSpan.FromMilliseconds(100));
        Task old = client.SendTextAsync("old").AsTask();
        clock.Advance(TimeSpan.FromMilliseconds(200));
        Task young = client.SendTextAsync("young").AsTask();
        Advance(clock, TimeSpan.FromSeconds(9.5));

        // The heartbeat looked when 10.0 s were over and will again at 10.5 s; the first is due at 10.1 s, the second at 10.3 s.
        clock.Advance(TimeSpan.FromMilliseconds(400));
        Assert.False(old.IsCompleted);
        await client.StartAsync().Soon();

        await AssertTimedOutAsync(old);
        await young.Soon();
        await Conditions.UntilAsync(() => !received.IsEmpty, "it arrived");
        Assert.Equal(["young"], received);
    }

    [Fact]
    public async Task A_request_that_is_sent_again_waits_for_the_start_no_longer_than_it_may()
    {
        var clock = new ManualTimeProvider();
        await using var client = new WsTopicClient(new WsTopicClientOptions
        {
            Connection = { Endpoints = { new Uri("ws://memory.test") }, TimeProvider = clock, OfflineQueueAge = s_age },
        });
        Task<WsTopicMessage> write = client.WriteAsync(new WsTopicRequest("tell") { SendAgain = true });
        Advance(clock, TimeSpan.FromSeconds(9.5));
        Assert.False(write.IsCompleted);
        Advance(clock, TimeSpan.FromSeconds(1));

        Assert.Equal(WsTopicFailure.TimedOut, (await Assert.ThrowsAsync<WsTopicException>(() => write.Soon())).Failure);
    }

    private static WsClientOptions Options(ManualTimeProvider clock, Uri endpoint, IWsTransportFactory? transports = null) => new()
    {
        Endpoints = { endpoint },
        TransportFactory = transports,
        TimeProvider = clock,
        OfflineQueueCount = 4,
        OfflineQueueAge = s_age,
    };

    private static void Advance(ManualTimeProvider clock, TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += WsHeartbeat.Interval)
        {
            clock.Advance(WsHeartbeat.Interval);
        }
    }

    private static async Task AssertTimedOutAsync(Task write) =>
        Assert.Equal(WsSendFailure.TimedOut, (await Assert.ThrowsAsync<WsSendException>(() => write.Soon())).Failure);
}
