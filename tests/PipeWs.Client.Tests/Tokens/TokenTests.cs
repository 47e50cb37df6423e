using System.Collections.Concurrent;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Tokens;

public sealed class TokenTests
{
    [Theory]
    [InlineData(WsTokenPlacement.AuthorizationHeader, "/ws", "Bearer token-")]
    [InlineData(WsTokenPlacement.Query, "/ws?token=token-", null)]
    public async Task A_token_is_asked_for_at_every_dial_and_sent_where_the_options_say(WsTokenPlacement placement, string target, string? header)
    {
        var seen = new List<(string Target, string? Header)>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.ReadRequestAsync();
            lock (seen)
            {
                seen.Add((peer.Target, peer.Header("Authorization")));
            }

            await peer.WriteAsync(peer.Answer());
            await (peer.Number < 3 ? peer.CloseAsync(1001) : peer.ServeAsync());
        });
        var tokens = new CountingTokens();
        await using (WsClient client = server.CreateClient(o =>
        {
            o.TokenProvider = tokens;
            o.TokenPlacement = placement;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
        }))
        {
            await client.StartAsync().Soon();
            await Conditions.UntilAsync(() => client.Connection is { Number: 3 }, "it connected again");
        }

        bool inQuery = header is null;
        Assert.Equal(
            Enumerable.Range(1, 3).Select(i => (inQuery ? target + i : target, inQuery ? null : header + i)),
            seen);
        Assert.Equal(1, tokens.Disposed);
        Assert.Null(tokens.Contexts.ElementAt(0).LastDisconnect);
        Assert.Equal(1001, tokens.Contexts.ElementAt(1).LastDisconnect!.Code);
    }

    [Fact]
    public async Task The_tokens_endpoints_are_tried_in_turn_with_their_intervals()
    {
        await using ScriptedServer refuses = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        });
        await using ScriptedServer serves = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        var provider = new ListTokens(
            new WsToken("a", refuses.Uri),
            new WsToken("b", serves.Uri) { Protocol = "graphql" },
            new WsToken("c", serves.Uri) { Encrypt = true },
            new WsToken("d", serves.Uri) { PingInterval = TimeSpan.FromSeconds(7), PingTimeout = TimeSpan.FromSeconds(3) });
        await using var client = new WsClient(new WsClientOptions { TokenProvider = provider });
        IAsyncEnumerator<WsClientEvent> errors = client.ReadEventsAsync(WsClientEventKinds.ErrorReceived).GetAsyncEnumerator();
        await client.StartAsync().Soon();

        Assert.Equal("d", client.Connection!.Token!.Token);
        foreach (string message in (string[])["503", "the protocol 'graphql'", "must be sent over TLS"])
        {
            Assert.True(await errors.MoveNextAsync().Soon());
            Assert.Contains(message, ((WsErrorReceivedEvent)errors.Current).Message, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("d", client.Connection.Token.ToString().Split(' '));
    }

    [Fact]
    public async Task A_token_is_replaced_before_it_expires_without_an_attempt_being_counted()
    {
        var clock = new ManualTimeProvider();
        var closes = new ConcurrentQueue<RawFrame?>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            closes.Enqueue(await peer.ServeAsync());
        });
        var tokens = new CountingTokens(i => new WsToken($"token-{i}") { ExpiresAt = clock.GetUtcNow() + TimeSpan.FromMinutes(5) });
        await using WsClient client = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.TokenProvider = tokens;
            o.PingInterval = Timeout.InfiniteTimeSpan;
            o.ReconnectPolicy = WsReconnectPolicy.Never;
        });
        await client.StartAsync().Soon();
        await AdvanceAsync(clock, TimeSpan.FromMinutes(4.4));
        Assert.Equal(1, tokens.Asked);
        await AdvanceAsync(clock, TimeSpan.FromMinutes(0.2));

        await Conditions.UntilAsync(() => client.Connection is { Number: 2 } && closes.Count == 1, "it connected again");
        Assert.Equal(1000, closes.First()!.CloseCode);
        Assert.Equal("token-2", client.Connection!.Token!.Token);
        Assert.True(tokens.Contexts.ElementAt(1).IsRefresh);
    }

    [Fact]
    public async Task After_3005_a_fresh_token_is_asked_for()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await (peer.Number == 1 ? peer.CloseAsync(3005) : peer.ServeAsync());
        });
        var tokens = new CountingTokens();
        await using WsClient client = server.CreateClient(o =>
        {
            o.TokenProvider = tokens;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
        });
        await client.StartAsync().Soon();
        await Conditions.UntilAsync(() => client.Connection is { Number: 2 }, "it connected again");

        Assert.Equal([false, true], tokens.Contexts.Select(context => context.IsRefresh));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task After_3005_before_the_connection_is_ready_a_fresh_token_is_asked_for(int endpoints)
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await (peer.Number <= endpoints ? peer.CloseAsync(3005) : peer.SendTextAsync("welcome"));
            await peer.ServeAsync();
        });
        var tokens = new CountingTokens();
        await using WsClient client = server.CreateClient(o =>
        {
            for (int i = 1; i < endpoints; i++)
            {
                o.Endpoints.Add(server.Uri);
            }

            o.RetryFirstDial = true;
            o.TokenProvider = tokens;
            o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.Zero);
            o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) => (await connection.ReceiveAsync(cancellationToken)).Dispose()));
        });
        await client.StartAsync().Soon();

        Assert.Equal("token-2", client.Connection!.Token!.Token);
        Assert.Equal([false, true], tokens.Contexts.Select(context => context.IsRefresh));
    }

    [Fact]
    public async Task A_start_after_one_that_failed_with_3005_asks_for_a_fresh_token()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await (peer.Number == 1 ? peer.CloseAsync(3005) : peer.SendTextAsync("welcome"));
            await peer.ServeAsync();
        });
        var tokens = new CountingTokens();
        await using WsClient client = server.CreateClient(o =>
        {
            o.TokenProvider = tokens;
            o.ReadyHandlers.Add(new Ready(async (connection, cancellationToken) => (await connection.ReceiveAsync(cancellationToken)).Dispose()));
        });
        await Assert.ThrowsAnyAsync<WsDialException>(() => client.StartAsync().Soon());
        await client.StartAsync().Soon();

        Assert.Equal([false, true], tokens.Contexts.Select(context => context.IsRefresh));
    }

    [Fact]
    public async Task A_provider_that_fails_or_does_not_answer_is_a_failed_attempt()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer => await peer.AcceptAsync());
        var never = new TaskCompletionSource<IReadOnlyList<WsToken>>();
        await using WsClient silent = server.CreateClient(o =>
        {
            o.TimeProvider = clock;
            o.TokenProvider = new FunctionTokens(_ => new ValueTask<IReadOnlyList<WsToken>>(never.Task));
        });
        Task starting = silent.StartAsync();
        await Conditions.UntilAsync(() => clock.WaitingTimers >= 2, "it is asked");
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Contains("no token within 10 s", (await Assert.ThrowsAsync<WsDialException>(() => starting.Soon())).Message, StringComparison.Ordinal);

        await using WsClient failing = server.CreateClient(o => o.TokenProvider = new FunctionTokens(static _ => throw new InvalidOperationException("the login server is away")));
        Assert.Contains("the login server is away", (await Assert.ThrowsAsync<WsDialException>(() => failing.StartAsync().Soon())).Message, StringComparison.Ordinal);

        await using var empty = new WsClient(new WsClientOptions { TokenProvider = new ListTokens() });
        Assert.Contains("gave no token", (await Assert.ThrowsAsync<WsDialException>(() => empty.StartAsync().Soon())).Message, StringComparison.Ordinal);
        Assert.Equal(0, server.Accepted);
    }

    [Fact]
    public async Task A_provider_that_fails_just_as_the_start_is_given_up_leaves_a_client_that_can_be_started()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        using var asked = new ManualResetEventSlim();
        int times = 0;
        await using WsClient client = server.CreateClient(o =>
        {
            o.RetryFirstDial = true;
            o.TokenProvider = new FunctionTokens(cancellationToken =>
            {
                if (Interlocked.Increment(ref times) > 1)
                {
                    return ValueTask.FromResult<IReadOnlyList<WsToken>>([new WsToken("token")]);
                }

                asked.Set();
                cancellationToken.WaitHandle.WaitOne();
                throw new InvalidOperationException("the login server went away at that moment");
            });
        });
        using var patience = new CancellationTokenSource();
        Task starting = client.StartAsync(patience.Token);
        asked.Wait(TimeSpan.FromSeconds(30));
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting.Soon());
        Assert.Equal(WsClientState.Created, client.State);
        await client.StartAsync().Soon();
        Assert.Equal(WsClientState.Connected, client.State);
    }

    private static async Task AdvanceAsync(ManualTimeProvider clock, TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += WsHeartbeat.Interval)
        {
            clock.Advance(WsHeartbeat.Interval);
            await Task.Yield();
        }
    }

    private sealed class ListTokens(params WsToken[] tokens) : IAsyncTokenProvider
    {
        public ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<WsToken>>(tokens);

        public ValueTask DisposeAsync() => default;
    }

    private sealed class FunctionTokens(Func<CancellationToken, ValueTask<IReadOnlyList<WsToken>>> get) : IAsyncTokenProvider
    {
        public ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken) => get(cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
