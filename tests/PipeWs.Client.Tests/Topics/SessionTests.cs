using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>Welcome, log-in, errors, tokens, and what the server asks for.</summary>
public sealed class SessionTests
{
    [Fact]
    public async Task A_server_that_says_no_welcome_in_time_has_failed()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.PingInterval = Timeout.InfiniteTimeSpan;
            o.Connection.ReadyTimeout = TimeSpan.FromHours(1);
            o.Connection.DialTimeout = TimeSpan.FromHours(1);
        });
        Task start = client.StartAsync();
        await Conditions.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(500));
                return start.IsCompleted;
            },
            "the start has failed");

        WsDialException error = await Assert.ThrowsAnyAsync<WsDialException>(() => start);
        Assert.Contains("welcome", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_refuses_instead_of_welcoming_is_quoted()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync("""{"type":"error","code":401,"data":"token is invalid"}""");
            await peer.ServeAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient();

        WsDialException error = await Assert.ThrowsAnyAsync<WsDialException>(() => client.StartAsync().Soon());

        Assert.Contains("token is invalid", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_welcome_is_not_waited_for_where_none_is_required()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeTopicsAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.RequireWelcome = false);
        await client.StartAsync().Soon();

        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        Assert.Null(client.ConnectionId);
    }

    [Fact]
    public async Task A_log_in_comes_after_the_welcome_and_before_any_topic_on_each_connection()
    {
        var seen = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                seen.Enqueue($"{peer.Number} {message.Type()}");
                return Task.FromResult(false);
            });
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.LogIn = async (connection, ct) => (await connection.WriteAsync(new WsTopicRequest("login"), ct)).Dispose());
        await client.StartAsync().Soon();
        await using WsTopicSubscription subscription = await client.SubscribeAsync("/t").Soon();
        client.Reconnect();
        await Conditions.UntilAsync(() => seen.Count == 4, "the topic was joined again");

        Assert.Equal(["1 login", "1 subscribe", "2 login", "2 subscribe"], seen);
    }

    [Fact]
    public async Task Malformed_JSON_and_errors_without_an_id_are_events_and_harm_nothing()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.SendTextAsync("""{"type":"message","topic":""");
            await peer.SendTextAsync("""{"type":"error","code":500,"data":"oh"}""");
            await peer.SendTextAsync("""{"e":"trade","s":"BTCUSDT"}""");
            await peer.ServeTopicsAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient();
        var errors = new ConcurrentQueue<string>();
        client.OnEvent(WsClientEventKinds.ErrorReceived, e => errors.Enqueue(((WsErrorReceivedEvent)e).Message));
        await client.StartAsync().Soon();
        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        await foreach (WsTopicMessage other in client.ReadAllAsync())
        {
            using (other)
            {
                Assert.Equal("", other.Type);
                Assert.Equal("""{"e":"trade","s":"BTCUSDT"}""", System.Text.Encoding.UTF8.GetString(other.RawJson.Span));
            }

            break;
        }

        await Conditions.UntilAsync(() => errors.Count == 2, "both errors were told");
        Assert.Contains(errors, error => error == "oh");
        Assert.Equal(1, server.Accepted);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_reconnect_gets_one_after_its_time()
    {
        var clock = new ManualTimeProvider();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            if (peer.Number == 1)
            {
                await peer.SendTextAsync("""{"type":"reconnect","after":3000}""");
            }

            await peer.ServeTopicsAsync();
        });
        await using WsTopicClient client = server.CreateTopicClient(o => o.Connection.TimeProvider = clock);
        await client.StartAsync().Soon();
        using WsTopicMessage ack = await client.WriteAsync(new WsTopicRequest("tell")).Soon();

        clock.Advance(TimeSpan.FromSeconds(2.5));
        using WsTopicMessage still = await client.WriteAsync(new WsTopicRequest("tell")).Soon();
        Assert.Equal(1, server.Accepted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await Conditions.UntilAsync(() => server.Accepted == 2, "it came back");
    }

    [Fact]
    public async Task Only_a_token_for_where_the_connection_leads_replaces_its_token()
    {
        var clock = new ManualTimeProvider();
        var auths = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(message =>
            {
                if (message.Type() == "auth")
                {
                    auths.Enqueue((string)message["data"]!["token"]!);
                }

                return Task.FromResult(false);
            });
        });
        int asked = 0;
        await using WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.TokenProvider = new Several(() =>
            {
                DateTimeOffset end = clock.GetUtcNow() + TimeSpan.FromSeconds(120);
                WsToken here = new($"here {++asked}", new Uri(server.Uri, $"?connectId={asked}")) { ExpiresAt = end };
                WsToken there = new($"there {asked}", new Uri("ws://192.0.2.1/")) { ExpiresAt = end };
                WsToken secret = here with { Encrypt = true };
                return asked switch { 1 => [here], 2 => [secret, there, here], 3 => [there, secret], _ => [here] };
            });
            o.Connection.PingInterval = Timeout.InfiniteTimeSpan;
            o.SendPings = false;
            o.RefreshTokenInPlace = true;
        });
        var errors = new ConcurrentQueue<WsClientEvent>();
        client.OnEvent(WsClientEventKinds.ErrorReceived, errors.Enqueue);
        await client.StartAsync().Soon();
        clock.Advance(TimeSpan.FromSeconds(100));
        await Conditions.UntilAsync(() => auths.Count == 1 && client.PendingRequests == 0 && client.Connection!.RefreshAt < long.MaxValue, "the first token was replaced");
        Assert.Equal(1, server.Accepted);

        clock.Advance(TimeSpan.FromSeconds(100));
        await Conditions.UntilAsync(() => server.Accepted == 2, "none for this endpoint means a new connection");

        Assert.Equal(["here 2"], auths);
        Assert.Contains("None of the 2 tokens is for", Assert.IsType<WsErrorReceivedEvent>(errors.First()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_replaced_on_the_open_connection_where_that_is_chosen()
    {
        var clock = new ManualTimeProvider();
        var tokens = new Tokens(clock);
        var auths = new ConcurrentQueue<string>();
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync(async message =>
            {
                if (message.Type() != "auth")
                {
                    return false;
                }

                string token = (string)message["data"]!["token"]!;
                auths.Enqueue(token);
                await (token == "token 3" ? peer.ErrorAsync(message.Id()!, 401, "no") : peer.AckAsync(message.Id()!));
                return true;
            });
        });
        await using (WsTopicClient client = server.CreateTopicClient(o =>
        {
            o.Connection.TimeProvider = clock;
            o.Connection.TokenProvider = tokens;
            o.Connection.PingInterval = Timeout.InfiniteTimeSpan;
            o.SendPings = false;
            o.RefreshTokenInPlace = true;
        }))
        {
            await client.StartAsync().Soon();
            clock.Advance(TimeSpan.FromSeconds(100));
            await Conditions.UntilAsync(() => auths.Count == 1 && client.PendingRequests == 0, "the first token was replaced");
            await Conditions.UntilAsync(() => client.Connection!.RefreshAt < long.MaxValue, "the next time is set");
            Assert.Equal(1, server.Accepted);

            clock.Advance(TimeSpan.FromSeconds(100));
            await Conditions.UntilAsync(() => server.Accepted == 2, "a token that is refused means a new connection");
            Assert.Equal(["token 2", "token 3"], auths);
        }

        Assert.True(tokens.IsDisposed);
    }

    [Fact]
    public void Options_that_are_wrong_are_all_named()
    {
        var options = new WsTopicClientOptions
        {
            AckTimeout = TimeSpan.Zero,
            WelcomeTimeout = TimeSpan.FromDays(100),
            MaxPendingRequests = 0,
            RejoinParallelism = 0,
            MaxTopicsPerRequest = -1,
            ReadMessageBuffer = 0,
            ReadBufferBytes = 0,
            RejoinPolicy = null!,
            IdPrefix = "a b",
        };

        OptionsValidationException error = Assert.Throws<OptionsValidationException>(() => new WsTopicClient(options));

        Assert.All(
            ["AckTimeout", "WelcomeTimeout", "MaxPendingRequests", "RejoinParallelism", "MaxTopicsPerRequest", "ReadMessageBuffer", "ReadBufferBytes", "RejoinPolicy", "IdPrefix", "Endpoints"],
            (string option) => Assert.Contains(error.Failures, failure => failure.Contains(option, StringComparison.Ordinal)));
    }

    private sealed class Several(Func<WsToken[]> give) : IAsyncTokenProvider
    {
        public ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<WsToken>>(give());

        public ValueTask DisposeAsync() => default;
    }

    private sealed class Tokens(TimeProvider clock) : IAsyncTokenProvider
    {
        private int _given;

        public bool IsDisposed { get; private set; }

        public ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<WsToken>>([new WsToken($"token {Interlocked.Increment(ref _given)}") { ExpiresAt = clock.GetUtcNow() + TimeSpan.FromSeconds(120) }]);

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return default;
        }
    }
}
