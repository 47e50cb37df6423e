using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using static PipeWs.Server.Tests.Support.RawPeerMessages;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Identity;

/// <summary>The application's authorization policies, for hubs and for rooms, by every door alike.</summary>
public sealed class PolicyTests
{
    private readonly ManualTimeProvider _clock = new(Tokens.Start);

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_hub_lets_in_only_who_meets_its_policies(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(door, isSecure, build: static builder => builder.RequireAuthorization("traders").RequireAuthorization());

        Assert.Equal((401, "Bearer"), await RefusedAsync(server, RawPeer.Handshake()));
        Assert.Equal((403, "Bearer error=\"insufficient_scope\""), await RefusedAsync(server, Tokens.Handshake(Tokens.User("ann"))));
        await using RawPeer trader = await server.OpenAsync(Tokens.Handshake(Trader("ann")));
        await server.AssertConnectionsAsync(1);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task An_optional_identity_does_not_open_a_hub_with_a_policy(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(
            door, isSecure, static options => options.Authentication.Mode = WsAuthenticationMode.Optional, static builder => builder.RequireAuthorization("traders"));

        Assert.Equal((401, "Bearer"), await RefusedAsync(server, RawPeer.Handshake()));
        Assert.Equal(403, (await RefusedAsync(server, Tokens.Handshake(Tokens.User("ann")))).StatusCode);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_policy_is_asked_when_the_token_comes_in_a_message(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(
            door, isSecure, static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage, static builder => builder.RequireAuthorization("traders"));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"error","code":403,"data":"This user may not open this WebSocket."}""");
        await peer.SendTextAsync("""{"id":"2","action":"echo","data":1}""");
        Assert.Contains("\"code\":401", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync(Tokens.Auth(Trader("ann")), """{"id":"1","type":"ack"}""");

        // A refreshed token that says less is not taken: the connection keeps what it was until that expires.
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann", 600)), """{"id":"1","type":"error","code":403,"data":"This user may not open this WebSocket."}""");
        await peer.AskAsync("""{"id":"2","action":"echo","data":1}""", """{"id":"2","type":"echo","data":1}""");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_room_lets_in_only_who_meets_its_policy(Door door, bool isSecure)
    {
        await using HubServer server = await StartAsync(
            door,
            isSecure,
            static options => options.Authentication.Mode = WsAuthenticationMode.Optional,
            static builder => builder
                .ConfigureRooms("desk:*", static room =>
                {
                    room.AuthorizationPolicy = "traders";
                    room.HistoryMessages = 10;
                })
                .ConfigureRooms("inbox:*", static room => room.RequireAuthorization("owner"))
                .ConfigureRooms("members", static room => room.RequireAuthorization()));
        server.Hub.Room("desk:1").Publish("1"u8.ToArray());
        string epoch = server.Hub.Room("desk:1").Epoch;
        await using RawPeer anonymous = await server.OpenAsync();
        await using RawPeer ann = await server.OpenAsync(Tokens.Handshake(Tokens.User("ann")));
        await using RawPeer trader = await server.OpenAsync(Tokens.Handshake(Trader("tom")));
        string[] subscribes =
        [
            """{"id":"1","type":"subscribe","topic":"desk:1"}""",
            """{"id":"1","type":"subscribe","topic":"desk:1","since":"last"}""",
            $$$"""{"id":"1","type":"subscribe","topic":"desk:1","since":{"epoch":"{{{epoch}}}","sn":0}}""",
            """{"id":"1","action":"subscribe","data":{"room_id":"desk:1"}}""",
        ];
        foreach (string subscribe in subscribes)
        {
            foreach (RawPeer peer in new[] { anonymous, ann })
            {
                await peer.AskAsync(subscribe, """{"id":"1","type":"error","code":403,"topic":"desk:1","data":"this user may not join the room"}""");
            }
        }

        await trader.SubscribeAsync("desk:1");
        await ann.SubscribeAsync("inbox:ann");
        await ann.AskAsync("""{"id":"1","type":"subscribe","topic":"inbox:tom"}""", """{"id":"1","type":"error","code":403,"topic":"inbox:tom","data":"this user may not join the room"}""");
        await ann.SubscribeAsync("members");
        await anonymous.AskAsync("""{"id":"1","type":"subscribe","topic":"members"}""", """{"id":"1","type":"error","code":403,"topic":"members","data":"this user may not join the room"}""");

        // One that is forbidden does not stand in the way of the others, nor of the connection.
        await anonymous.SendTextAsync("""{"id":"2","type":"subscribe","topics":["members","open"]}""");
        Assert.Contains("\"code\":403", await anonymous.ReadTextAsync(), StringComparison.Ordinal);
        Assert.Contains("\"topic\":\"open\"", await anonymous.ReadTextAsync(), StringComparison.Ordinal);
        Assert.Equal(1, server.Hub.Room("desk:1").MemberCount);

        // What the application joins is the application's own decision.
        IWsConnection member = server.Hub.Connections.Single(static connection => connection.UserId == "ann");
        Assert.True((await member.JoinAsync("desk:1")).IsMember);
    }

    [Fact]
    public async Task A_connection_that_says_who_it_is_may_then_join()
    {
        await using HubServer server = await StartAsync(
            Door.Fast, false, static options => options.Authentication.Mode = WsAuthenticationMode.Optional, static builder => builder.ConfigureRooms("*", static room => room.AuthorizationPolicy = "traders"));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","type":"subscribe","topic":"x"}""");
        Assert.Contains("\"code\":403", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync(Tokens.Auth(Trader("tom")), """{"id":"1","type":"ack"}""");
        await peer.SubscribeAsync("x");
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Mapped)]
    public async Task A_policy_needs_nothing_of_the_application_beside_it(Door door)
    {
        // Not even its AddAuthorization: a web application that has half of it does not start.
        AuthorizationPolicy traders = new AuthorizationPolicyBuilder().RequireRole("trader").Build();
        await using HubServer server = await HubServer.JsonAsync(
            door, build: builder => builder.UseJwtBearer(Tokens.Configure).RequireAuthorization(traders), clock: _clock, hasBystander: false);

        Assert.Equal(403, (await RefusedAsync(server, Tokens.Handshake(Tokens.User("ann")))).StatusCode);
        await using RawPeer trader = await server.OpenAsync(Tokens.Handshake(Trader("ann")));

        // A room's options are made too late to add it: that is said at start, and not to the first who subscribes.
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => HubServer.JsonAsync(
            door, build: builder => builder.ConfigureRooms("x", room => room.RequireAuthorization(traders))));
        Assert.Contains("PipeWs rooms 'x' asks for an authorization policy, and there is no authorization", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task A_policy_that_there_is_not_is_found_when_the_application_starts(Door door)
    {
        InvalidOperationException hub = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(door, build: static builder => builder.RequireAuthorization("nobody")));
        InvalidOperationException room = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(
            door, build: static builder => builder.ConfigureRooms("x*", static room => room.AuthorizationPolicy = "nobody")));
        InvalidOperationException rooms = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(door, configure: static options => options.Rooms.AuthorizationPolicy = "nobody"));

        Assert.Contains("'nobody'", hub.Message, StringComparison.Ordinal);
        Assert.Contains("rooms 'x*': the authorization policy is 'nobody'", room.Message, StringComparison.Ordinal);
        Assert.Contains("rooms '*': the authorization policy is 'nobody'", rooms.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_policy_that_fails_or_hangs_refuses_with_an_answer_by_every_door_and_keeps_no_place(Door door, bool isSecure)
    {
        var hangs = new TaskCompletionSource<bool>();
        var asked = new SemaphoreSlim(0);
        await using HubServer server = await StartAsync(
            door, isSecure, static options => options.MaxConnectionsPerUser = 1, builder => builder.RequireAuthorization(new AuthorizationPolicyBuilder().RequireAssertion(async context =>
            {
                asked.Release();
                return context.User.HasClaim("role", "trader") ? await hangs.Task : throw new InvalidOperationException($"the token was {((WsAuthenticationRequest)context.Resource!).Token}");
            }).Build()));

        string token = Tokens.User("ann");
        Assert.Equal((500, null), await RefusedAsync(server, Tokens.Handshake(token)));
        await asked.WaitAsync(TestContext.Current.CancellationToken);
        Task<(int StatusCode, string? Challenge)> late = RefusedAsync(server, Tokens.Handshake(Trader("ann")));
        await asked.WaitAsync(TestContext.Current.CancellationToken);
        await _clock.WhenTimerIsSetAsync(TimeSpan.FromSeconds(15));
        _clock.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal((503, null), await late);

        await server.AssertConnectionsAsync(0);
        Assert.Equal((0, 2), (server.Hub.PerUser.Keys, server.Hub.AuthenticationRefusals));
        Assert.Equal([2206, 100, 2207, 100], server.Server.Log.PipeWs.Select(static line => line.Id.Id));
        Assert.All(server.Server.Log.PipeWs, line => Assert.DoesNotContain(token, $"{line.Text} {line.Exception}", StringComparison.Ordinal));
        hangs.SetResult(true);
    }

    [Fact]
    public async Task Whoever_is_refused_for_who_he_is_is_counted_at_the_handshake_and_in_a_message()
    {
        await using HubServer server = await StartAsync(
            Door.Fast, false, static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage, static builder => builder.RequireAuthorization("traders"));
        using var meter = new MeterRecorder(server.Server.App.Services);
        Assert.Equal(401, (await RefusedAsync(server, Tokens.Handshake("nonsense"))).StatusCode);
        Assert.Equal(403, (await RefusedAsync(server, Tokens.Handshake(Tokens.User("ann")))).StatusCode);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync(Tokens.Auth("x"), """{"id":"1","type":"error","code":401,"data":"The token is not a JSON Web Token."}""");
        await peer.AskAsync(Tokens.Auth(Tokens.User("ann")), """{"id":"1","type":"error","code":403,"data":"This user may not open this WebSocket."}""");
        await peer.AskAsync(Tokens.Auth(Trader("ann")), """{"id":"1","type":"ack"}""");

        Assert.Equal(4, meter.Read("pipews.server.authentication.refusals"));
        Assert.Equal(4, server.Hub.GetStatistics().AuthenticationRefusals);
    }

    private static string Trader(string user) => Tokens.Hs256(Tokens.Claims(user, 600, ""","role":["trader"]"""));

    private static async Task<(int StatusCode, string? Challenge)> RefusedAsync(HubServer server, string handshake)
    {
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(handshake);
        HttpAnswer answer = await peer.ReadAnswerAsync();
        return (answer.StatusCode, answer["WWW-Authenticate"]);
    }

    private Task<HubServer> StartAsync(Door door, bool isSecure = false, Action<PipeWsOptions>? configure = null, Action<IPipeWsBuilder>? build = null) => HubServer.JsonAsync(
        door,
        isSecure,
        configure,
        builder =>
        {
            builder.UseJwtBearer(Tokens.Configure);
            build?.Invoke(builder);
        },
        _clock,
        services: static services =>
        {
            services.AddAuthorizationBuilder()
                .AddPolicy("traders", static policy => policy.RequireRole("trader"))
                .AddPolicy("owner", static policy => policy.RequireAssertion(static context =>
                    context.Resource is WsRoomAccess access && access.Room == $"inbox:{access.Connection.UserId}"));
        },
        hasBystander: false);
}
