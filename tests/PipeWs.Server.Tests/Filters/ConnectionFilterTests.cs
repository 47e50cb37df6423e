using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Filters;

public sealed class ConnectionFilterTests
{
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Filters_wrap_the_whole_life_of_a_connection_in_order(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false, build: builder => builder
            .UseConnectionFilter(Note("a"))
            .UseConnectionFilter(new NotingFilter(Note("b")))
            .OnConnect(_ => Say("connect"))
            .OnLeaveRoom(left =>
            {
                _calls.Enqueue($"left {left.Room}");
                return default;
            })
            .OnDisconnect((_, info) =>
            {
                _calls.Enqueue($"disconnect {info.Code}");
                return default;
            }));
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SubscribeAsync("lobby");
            Assert.Equal(["a+", "b+", "connect"], _calls);
            await peer.CloseAsync();
        }

        await server.AssertConnectionsAsync(0);
        Assert.Equal(["a+", "b+", "connect", "left lobby", "disconnect 1000", "b-", "a-"], _calls);
    }

    [Theory]
    [InlineData(0, 1008)]
    [InlineData(3001, 3001)]
    public async Task A_filter_that_does_not_call_next_refuses_the_connection_after_its_welcome(ushort closesWith, int code)
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .UseConnectionFilter((connection, _) =>
            {
                if (closesWith != 0)
                {
                    connection.BeginClose(closesWith, "who are you?");
                }

                return Task.CompletedTask;
            })
            .OnConnect(_ => Say("connect"))
            .OnDisconnect((_, _) =>
            {
                _calls.Enqueue("disconnect");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.ReadCloseAsync(code);
        await server.AssertConnectionsAsync(0);
        Assert.Empty(_calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_filter_that_fails_before_it_calls_next_closes_with_1011_and_is_told_of(bool isAsync)
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .UseConnectionFilter(async (_, _) =>
            {
                if (isAsync)
                {
                    await Task.Yield();
                }

                throw new InvalidOperationException("no");
            })
            .OnError(error =>
            {
                _calls.Enqueue($"{error.Source} {error.Exception.Message}");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.ReadCloseAsync(1011);
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["ConnectionFilter no"], _calls);
        Assert.Contains(server.Server.Log.PipeWs, line => line.Id.Id == 2103);
    }

    [Fact]
    public async Task A_filter_that_returns_early_leaves_the_connection_served_and_one_that_calls_next_twice_is_stopped()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .UseConnectionFilter((connection, next) =>
            {
                _ = next(connection);
                if (connection.Query == "?twice")
                {
                    _ = Assert.ThrowsAny<InvalidOperationException>(() => { _ = next(connection); });
                    _calls.Enqueue("stopped");
                }

                return Task.CompletedTask;
            }));
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake("GET /ws?twice HTTP/1.1"));
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
        await Conditions.UntilAsync(() => _calls.Contains("stopped"), "the second call was refused");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
    }

    [Fact]
    public async Task A_connection_filter_from_the_services_may_ask_for_the_hub()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, services: services => services.AddSingleton(_calls), build: static builder => builder.UseConnectionFilter<HubFilter>());
        await using RawPeer peer = await server.OpenAsync();
        await Conditions.UntilAsync(() => !_calls.IsEmpty, "the filter was called");
        Assert.Equal(["1 connections"], _calls);
    }

    private Func<IWsConnection, WsConnectionDelegate, Task> Note(string name) => async (connection, next) =>
    {
        _calls.Enqueue(name + "+");
        await next(connection);
        _calls.Enqueue(name + "-");
    };

    private ValueTask<WsDecision> Say(string what)
    {
        _calls.Enqueue(what);
        return WsDecision.Allow;
    }

    private sealed class NotingFilter(Func<IWsConnection, WsConnectionDelegate, Task> note) : IWsConnectionFilter
    {
        public Task InvokeAsync(IWsConnection connection, WsConnectionDelegate next) => note(connection, next);
    }

    public sealed class HubFilter(IWsHub hub, ConcurrentQueue<string> calls) : IWsConnectionFilter
    {
        public Task InvokeAsync(IWsConnection connection, WsConnectionDelegate next)
        {
            calls.Enqueue($"{hub.ConnectionCount} connections");
            return next(connection);
        }
    }
}
