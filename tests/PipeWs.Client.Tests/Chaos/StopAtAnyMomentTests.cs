using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Chaos;

/// <summary>Whatever a client is doing, a stop ends it: quickly, and all of it.</summary>
[Collection(AloneCollection.Name)]
public sealed class StopAtAnyMomentTests
{
    private const int Rounds = 10_000;
    private const int AtOnce = 8;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_stop_at_any_of_ten_thousand_moments_returns_within_a_second_and_leaves_no_task()
    {
        int seed = int.Parse(Environment.GetEnvironmentVariable("PIPEWS_SEED") ?? "20260", CultureInfo.InvariantCulture);
        var durations = new ConcurrentBag<TimeSpan>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Rounds), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (round, _) =>
        {
            try
            {
                durations.Add(await StopOnceAsync(new Random((seed * 31) + round)));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}, round {round}.", e);
            }
        });

        Assert.Equal(Rounds, durations.Count);
        Assert.InRange(durations.Max(), TimeSpan.Zero, s_limit);
    }

    private static async Task<TimeSpan> StopOnceAsync(Random random)
    {
        int behaviour = random.Next(6);
        int seed = random.Next();
        await using ScriptedServer server = ScriptedServer.InMemory(peer => ServeAsync(peer, behaviour, seed));
        var tokens = new CountingTokens();
        int handled = 0;
        bool asksTokens = random.Next(3) == 0;
        int handlerKind = random.Next(3);
        WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = random.Next(2) == 0;
            o.ReconnectPolicy = WsReconnectPolicy.ExponentialBackoff(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(20), random: new Random(seed));
            o.CloseTimeout = TimeSpan.FromMilliseconds(50);
            o.ReadMessageBuffer = 4;
            o.OfflineQueueCount = random.Next(2) * 8;
            o.TokenProvider = asksTokens ? tokens : null;
            if (handlerKind == 1)
            {
                o.MessageHandler = new Handler(async (_, _, cancellationToken) =>
                {
                    Interlocked.Increment(ref handled);
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                });
            }

            if (random.Next(3) == 0)
            {
                o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) =>
                {
                    using WsClientMessage first = await connection.ReceiveAsync(cancellationToken);
                    await connection.SendAsync(first.Payload, first.Type, cancellationToken);
                }));
            }
        });
        if (handlerKind == 2)
        {
            client.OnEvent(WsClientEventKinds.All, e =>
            {
                if (e is WsDisconnectedEvent)
                {
                    throw new InvalidOperationException("A callback that fails.");
                }
            });
        }

        Task started = StartAsync(client, random.Next(8) == 0);
        using var writing = new CancellationTokenSource();
        Task[] writers = random.Next(2) == 0 ? [] : [WriteAsync(client, writing.Token), WriteAsync(client, writing.Token)];
        await LetItRunAsync(random.Next(40));

        long start = Stopwatch.GetTimestamp();
        Task[] stops = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => client.StopAsync())];
        await Task.WhenAll(stops).Soon();
        TimeSpan took = Stopwatch.GetElapsedTime(start);

        Assert.Equal(WsClientState.Stopped, client.State);
        Assert.Equal("", client.Unfinished);
        Assert.Equal(0, client.WriteBufferCount);
        Assert.Equal(asksTokens ? 1 : 0, tokens.Disposed);
        await started.Soon();
        await writing.CancelAsync();
        await Task.WhenAll(writers).Soon();
        while (client.TryRead(out WsClientMessage message))
        {
            message.Dispose();
        }

        Assert.False(await client.WaitToReadAsync().Soon());
        return took;
    }

    private static async Task StartAsync(WsClient client, bool gaveUp)
    {
        using var cancellation = new CancellationTokenSource();
        try
        {
            Task started = client.StartAsync(cancellation.Token);
            if (gaveUp)
            {
                await cancellation.CancelAsync();
            }

            await started;
        }
        catch (Exception e) when (e is WsDialException or ObjectDisposedException or OperationCanceledException or WsClientFailedException)
        {
            // The start was overtaken by the stop, given up, or the server refused.
        }
    }

    private static async Task WriteAsync(WsClient client, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await client.SendTextAsync("from the writer", cancellationToken);
                await Task.Yield();
            }
            catch (WsSendException e) when (e.Failure is WsSendFailure.Stopped)
            {
                return;
            }
            catch (Exception e) when (e is WsSendException or OperationCanceledException)
            {
                await Task.Yield();
            }
        }
    }

    /// <summary>Lets the other threads run for some turns, which is as random as the scheduler.</summary>
    private static async Task LetItRunAsync(int turns)
    {
        for (int i = 0; i < turns; i++)
        {
            await Task.Yield();
        }
    }

    private static async Task ServeAsync(ServerPeer peer, int behaviour, int seed)
    {
        var random = new Random((seed * 31) + peer.Number);
        switch (behaviour)
        {
            case 0:
                // Never answers the handshake.
                await peer.ReadRequestAsync();
                await peer.ServeAsync();
                return;
            case 1:
                await peer.ReadRequestAsync();
                await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
                return;
            case 2:
                await peer.AcceptAsync();
                await peer.SendTextAsync("hello");
                peer.Drop();
                return;
            case 3:
                // Never answers a close frame.
                await peer.AcceptAsync();
                for (int i = random.Next(12); i >= 0; i--)
                {
                    await peer.SendTextAsync("hello");
                }

                while (await peer.Frames.TryReadFrameAsync() is not null)
                {
                }

                return;
            case 4:
                await peer.AcceptAsync();
                await peer.SendTextAsync("hello");
                await peer.CloseAsync(1012);
                return;
            default:
                await peer.AcceptAsync();
                for (int i = random.Next(12); i >= 0; i--)
                {
                    await peer.SendTextAsync("hello");
                }

                await peer.ServeAsync();
                return;
        }
    }
}
