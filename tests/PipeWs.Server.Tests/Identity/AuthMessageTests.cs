using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Identity;

/// <summary>The auth message: who a connection is, said by its first message, and said anew before a token expires.</summary>
public sealed class AuthMessageTests
{
    private const string SayWhoYouAre = "\"code\":401,\"data\":\"say who you are first";

    private readonly ManualTimeProvider _clock = new(Tokens.Start);

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Before_its_first_message_a_connection_can_do_nothing_and_hears_nothing(Door door, bool isSecure)
    {
        int handled = 0;
        await using HubServer server = await FirstMessageAsync(door, isSecure, builder => builder.MapAction("count", _ =>
        {
            handled++;
            return default;
        }));
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            foreach (string message in new[]
            {
                """{"id":"1","action":"count"}""", """{"id":"1","action":"no such"}""", """{"id":"1","type":"subscribe","topic":"x"}""", """{"id":"1","type":"unsubscribe","topic":"x"}""",
                """{"id":"1","type":"ack","topic":"x","sn":1}""", """{"id":"1","\u0061ction":"c\u006funt"}""",
            })
            {
                await peer.SendTextAsync(message);
                string answer = await peer.ReadTextAsync();
                Assert.StartsWith("""{"id":"1","type":"error",""", answer, StringComparison.Ordinal);
                Assert.Contains(SayWhoYouAre, answer, StringComparison.Ordinal);
            }

            await peer.SendFrameAsync(Opcode.Binary, [1, 2, 3]);
            Assert.Contains(SayWhoYouAre, await peer.ReadTextAsync(), StringComparison.Ordinal);
            await peer.SendTextAsync("nonsense");
            Assert.Contains("\"code\":400", await peer.ReadTextAsync(), StringComparison.Ordinal);
            WsJoinResult join = await connection.JoinAsync("x");
            Assert.Equal((WsJoinStatus.Forbidden, 0), (join.Status, connection.Rooms.Count));
            await server.Hub.All.SendTextAsync("to all, too early");
            await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");

            await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"ack"}""");
            await server.Hub.All.SendTextAsync("to all");
            Assert.Equal("to all", await peer.ReadTextAsync());
            Assert.Same(connection, Assert.Single(server.Hub.UserConnections("ann")));
            await peer.AskAsync("""{"id":"3","action":"count"}""", """{"id":"3","type":"ack"}""");
            await peer.SubscribeAsync("x");
            Assert.Equal(1, handled);
        }

        await server.AssertConnectionsAsync(0);
        Assert.Empty(server.Hub.UserConnections("ann"));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_token_at_the_handshake_is_as_good_as_one_in_the_first_message(Door door, bool isSecure)
    {
        await using HubServer server = await FirstMessageAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync(Tokens.Handshake(Tokens.User("ann")));
        await peer.AskAsync("""{"id":"1","action":"echo","data":1}""", """{"id":"1","type":"echo","data":1}""");
        Assert.Single(server.Hub.UserConnections("ann"));

        await using RawPeer bad = await server.Server.ConnectAsync();
        await bad.SendAsync(Tokens.Handshake("bad"));
        Assert.Equal(401, (await bad.ReadAnswerAsync()).StatusCode);
    }

    [Theory]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"TOKEN"}}""")]
    [InlineData("""{"id":"1","type":"auth","payload":{"x":[{"token":1}],"token":"TOKEN"}}""")]
    [InlineData("""{"id":"1","action":"auth","token":"TOKEN"}""")]
    [InlineData("""{"id":"1","type":"auth","data":{"\u0074oken":"TOKEN"}}""")]
    public async Task A_token_is_taken_in_each_dialect(string message)
    {
        await using HubServer server = await FirstMessageAsync(Door.Fast);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync(message.Replace("TOKEN", Tokens.User("ann"), StringComparison.Ordinal), """{"id":"1","type":"ack"}""");
    }

    [Fact]
    public async Task An_auth_message_is_answered_whether_or_not_it_has_an_id()
    {
        await using HubServer server = await FirstMessageAsync(Door.Fast);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"type":"auth","token":"bad"}""", """{"type":"error","code":401,"data":"The token is not a JSON Web Token."}""");
        await peer.AskAsync($$"""{"type":"auth","token":"{{Tokens.User("ann")}}"}""", """{"type":"ack"}""");
    }

    [Theory]
    [InlineData("""{"id":"1","type":"auth"}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":""}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":7}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":null}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":["token"]}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":"token"}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"a","token":"b"}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","token":"a","data":{"token":"b"}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"\ud800"}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"x",}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"x" "y":1}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":tru}}""", 400)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"x"}}""", 401)]
    [InlineData("""{"id":"1","type":"auth","data":{"token":"LONG"}}""", 401)]
    public async Task A_bad_auth_message_is_answered_and_the_connection_goes_on_waiting(string message, int code)
    {
        await using HubServer server = await FirstMessageAsync(Door.Fast);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            await peer.SendTextAsync(message.Replace("LONG", new string('x', 9000), StringComparison.Ordinal));
            Assert.StartsWith($$"""{"id":"1","type":"error","code":{{code}},""", await peer.ReadTextAsync(), StringComparison.Ordinal);
            Assert.True(connection.Identity!.IsPending);
            await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"ack"}""");
            Assert.False(connection.Identity!.IsPending);
        }
    }

    [Fact]
    public async Task A_hub_of_raw_messages_asks_for_its_first_one_too()
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast, false, static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
            static builder => builder.UseJwtBearer(Tokens.Configure)
                .OnTextParts(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Text))
                .OnBinary(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Binary)),
            _clock, speaksJson: false, hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendTextAsync("hello");
        Assert.Contains("\"code\":400", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.SendFrameAsync(Opcode.Binary, [1]);
        Assert.Contains(SayWhoYouAre, await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"ack"}""");
        await peer.AskAsync("hello", "hello");
    }

    [Fact]
    public async Task No_filter_and_no_hook_sees_a_message_before_the_user_nor_the_one_that_has_the_token()
    {
        var seen = new List<string>();
        await using HubServer server = await FirstMessageAsync(Door.Fast, build: builder => builder
            .UseFilter((context, next) =>
            {
                seen.Add($"filter {context.Action} of {context.Connection.UserId}");
                return next(context);
            })
            .OnMessage(context =>
            {
                seen.Add($"hook {context.Action} of {context.Connection.UserId}");
                return default;
            })
            .UseAuthorization());
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendTextAsync("""{"id":"1","action":"echo","data":1}""");
        Assert.Contains(SayWhoYouAre, await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"ack"}""");
        await peer.AskAsync("""{"id":"2","action":"echo","data":1}""", """{"id":"2","type":"echo","data":1}""");
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann", 90)), """{"id":"1","type":"ack"}""");
        await peer.AskAsync("""{"id":"3","action":"echo","data":1}""", """{"id":"3","type":"echo","data":1}""");

        Assert.Equal(["filter echo of ann", "filter echo of ann"], seen.Where(static line => line.StartsWith('f')));
        Assert.Equal(["hook echo of ann", "hook echo of ann"], seen.Where(static line => line.StartsWith('h')));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_refreshed_token_replaces_the_user_and_keeps_the_rooms(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, static options => options.PingInterval = Timeout.InfiniteTimeSpan, static builder => builder.UseJwtBearer(Tokens.Configure), _clock, hasBystander: false);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(Tokens.Handshake(Tokens.User("ann", 60)));
        await using (peer)
        {
            await peer.SubscribeAsync("x");
            string renewed = Tokens.Hs256(Tokens.Claims("ann", 600, ""","role":"chief" """));
            Assert.False(connection.User.IsInRole("chief"));
            await peer.AskAsync(Tokens.Auth(renewed), """{"id":"1","type":"ack"}""");
            Assert.True(connection.User.IsInRole("chief"));
            Assert.Same(connection, Assert.Single(server.Hub.UserConnections("ann")));

            _clock.Advance(TimeSpan.FromSeconds(120));
            server.Hub.Room("x").Publish("1"u8.ToArray());
            Assert.Contains("\"topic\":\"x\"", await peer.ReadTextAsync(), StringComparison.Ordinal);
            await server.Hub.All.SendTextAsync("once");
            Assert.Equal("once", await peer.ReadTextAsync());
            await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        }

        await server.AssertConnectionsAsync(0);
        Assert.Empty(server.Hub.UserConnections("ann"));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_refresh_that_is_refused_leaves_the_connection_as_it_was_until_its_own_token_expires(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, static options => options.PingInterval = Timeout.InfiniteTimeSpan, static builder => builder.UseJwtBearer(Tokens.Configure), _clock, hasBystander: false);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(Tokens.Handshake(Tokens.User("ann", 60)));
        await using (peer)
        {
            await peer.AskAsync(Tokens.Auth(Tokens.User("bob", 600)), """{"id":"1","type":"error","code":403,"data":"the token is another user's: open another connection for it"}""");
            await peer.AskAsync(
                Tokens.Auth(Tokens.Hs256($$"""{"iss":"{{Tokens.Issuer}}","aud":"{{Tokens.Audience}}","exp":9999999999}""")),
                """{"id":"1","type":"error","code":403,"data":"the token is another user's: open another connection for it"}""");
            await peer.AskAsync(Tokens.Auth(Tokens.User("ann", -31)), """{"id":"1","type":"error","code":401,"data":"The token has expired."}""");
            Assert.Equal("ann", connection.UserId);
            Assert.Empty(server.Hub.UserConnections("bob"));
            await peer.AskAsync("""{"id":"2","action":"echo","data":1}""", """{"id":"2","type":"echo","data":1}""");

            // Not so long that the closing handshake would be given up too.
            _clock.Advance(TimeSpan.FromSeconds(61));
            Assert.Equal("the token has expired", System.Text.Encoding.UTF8.GetString((await peer.ReadCloseAsync(3005)).Payload.AsSpan(2)));
        }
    }

    [Fact]
    public async Task A_token_that_ends_sooner_ends_the_connection_sooner()
    {
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.PingInterval = Timeout.InfiniteTimeSpan, build: static builder => builder.UseJwtBearer(Tokens.Configure), clock: _clock, hasBystander: false);
        await using RawPeer peer = await server.OpenAsync(Tokens.Handshake(Tokens.User("ann", 3600)));
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann", 5)), """{"id":"1","type":"ack"}""");
        _clock.Advance(TimeSpan.FromSeconds(5));
        await peer.ReadCloseAsync(3005);
    }

    [Fact]
    public async Task A_token_taken_within_the_skew_after_its_expiry_lasts_until_the_skews_end()
    {
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.PingInterval = Timeout.InfiniteTimeSpan, build: static builder => builder.UseJwtBearer(Tokens.Configure), clock: _clock, hasBystander: false);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(Tokens.Handshake(Tokens.User("ann", -10)));
        await using (peer)
        {
            _clock.Advance(TimeSpan.FromSeconds(19));
            Assert.False(connection.ConnectionClosed.IsCancellationRequested);
            _clock.Advance(TimeSpan.FromSeconds(1));
            await peer.ReadCloseAsync(3005);
        }
    }

    [Fact]
    public async Task A_clock_that_is_set_forward_ends_what_has_expired()
    {
        // The heartbeat itself goes on by what has passed; only the calendar jumped.
        var clock = new JumpingClock();
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder.UseJwtBearer(Tokens.Configure), clock: clock, hasBystander: false);
        await using RawPeer peer = await server.OpenAsync(Tokens.Handshake(Tokens.User("ann", 3600)));
        clock.Jump = TimeSpan.FromHours(1);
        await peer.ReadCloseAsync(3005);
    }

    [Fact]
    public async Task A_token_that_is_taken_in_the_moment_of_the_expiry_keeps_the_connection()
    {
        var clock = new HookedClock(_clock);
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false, clock: clock, configure: static options => options.PingInterval = Timeout.InfiniteTimeSpan, build: static builder => builder.UseJwtBearer(Tokens.Configure));
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(Tokens.Handshake(Tokens.User("ann", 60)));
        await using (peer)
        {
            _clock.Advance(TimeSpan.FromSeconds(59.6));
            bool wasTaken = false;
            clock.OnLook = () =>
            {
                // The heartbeat has read the old expiry, and is about to read the time.
                peer.AskAsync(Tokens.Auth(Tokens.User("ann", 600)), """{"id":"1","type":"ack"}""").GetAwaiter().GetResult();
                wasTaken = true;
            };
            _clock.Advance(TimeSpan.FromSeconds(0.5));

            Assert.True(wasTaken);
            await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
            Assert.False(connection.ConnectionClosed.IsCancellationRequested);
        }
    }

    [Fact]
    public async Task The_deadline_ends_a_connection_whose_token_is_still_being_judged()
    {
        var judging = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options =>
            {
                options.Authentication.Mode = WsAuthenticationMode.FirstMessage;
                options.Authentication.Timeout = TimeSpan.FromSeconds(5);
            },
            build: builder => builder.UseAuthenticator(async (request, cancellationToken) =>
            {
                if (request.Token is not null)
                {
                    judging.SetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                }

                return WsAuthenticationResult.NoCredentials;
            }),
            clock: _clock,
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync(Tokens.Auth("x"));
        await judging.Task.Soon();
        await WhileTimePassesAsync(_clock, server.AssertConnectionsAsync(0));
    }

    [Fact]
    public async Task A_peer_that_leaves_while_it_authenticates_leaves_nothing_behind()
    {
        var judged = new TaskCompletionSource<WsAuthenticationResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var judging = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
            build: builder => builder.UseAuthenticator(async (request, _) =>
            {
                if (request.Token is null)
                {
                    return WsAuthenticationResult.NoCredentials;
                }

                judging.SetResult();
                return await judged.Task;
            }),
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync(Tokens.Auth("x"));
        await judging.Task.Soon();
        peer.Reset();
        judged.SetResult(WsAuthenticationResult.Success(new(new System.Security.Claims.ClaimsIdentity([new("sub", "ann")], "test"))));
        await server.AssertConnectionsAsync(0);
        await Conditions.UntilAsync(() => server.Hub.UserConnections("ann").Count == 0, "no connection is listed under the user");
    }

    private Task<HubServer> FirstMessageAsync(Door door, bool isSecure = false, Action<IPipeWsBuilder>? build = null) => HubServer.JsonAsync(
        door,
        isSecure,
        static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
        builder =>
        {
            builder.UseJwtBearer(Tokens.Configure);
            build?.Invoke(builder);
        },
        _clock,
        hasBystander: false);

    private sealed class JumpingClock : TimeProvider
    {
        private long _jump;

        public TimeSpan Jump
        {
            set => Volatile.Write(ref _jump, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => Tokens.Start.AddTicks(Volatile.Read(ref _jump));
    }

    /// <summary>A clock that calls back, once, when somebody on the thread that sets the hook looks at the time of day.</summary>
    private sealed class HookedClock(TimeProvider inner) : TimeProvider
    {
        private Action? _onLook;
        private int _thread;

        public Action OnLook
        {
            set
            {
                _thread = Environment.CurrentManagedThreadId;
                _onLook = value;
            }
        }

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow()
        {
            if (Environment.CurrentManagedThreadId == _thread)
            {
                Interlocked.Exchange(ref _onLook, null)?.Invoke();
            }

            return inner.GetUtcNow();
        }

        public override long GetTimestamp() => inner.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => inner.CreateTimer(callback, state, dueTime, period);
    }
}
