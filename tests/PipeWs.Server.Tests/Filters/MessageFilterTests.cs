using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Filters;
using PipeWs.Server.Hooks;
using PipeWs.Server.Routing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Filters;

public sealed class MessageFilterTests
{
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Filters_wrap_a_handler_in_the_order_they_were_added_the_hubs_before_the_routes(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, hasBystander: false, build: builder => builder
            .UseFilter(Note("a"))
            .UseFilter(new NotingFilter("b", _calls))
            .MapAction("act", Handler, route => route.UseFilter(Note("c")).UseFilter(new NotingFilter("d", _calls)))
            .MapAction("other", Handler)
            .UseFilter(Note("e")));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"ack"}""");
        Assert.Equal(["a+", "b+", "e+", "c+", "d+", "act", "d-", "c-", "e-", "b-", "a-"], Take());

        await peer.AskAsync("""{"id":"1","action":"other"}""", """{"id":"1","type":"ack"}""");
        Assert.Equal(["a+", "b+", "e+", "other", "e-", "b-", "a-"], Take());
    }

    [Fact]
    public async Task Built_in_and_unknown_actions_pass_the_hubs_filters()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder.UseFilter((context, next) =>
        {
            _calls.Enqueue($"{context.Action} {context.RequestId}");
            return next(context);
        }));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        await peer.SubscribeAsync("lobby");
        await peer.AskAsync("""{"id":"2","action":"nothing"}""", """{"id":"2","type":"error","code":404,"data":"unknown action \"nothing\""}""");
        await peer.SendTextAsync("""{"id":"3"}""");
        Assert.StartsWith("""{"id":"3","type":"error","code":400""", await peer.ReadTextAsync(), StringComparison.Ordinal);
        Assert.Equal(["ping 1", "subscribe s", " 2"], Take());
    }

    [Fact]
    public async Task A_filter_refuses_with_the_requests_id_and_the_handler_is_not_called()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder
            .MapAction("act", Handler, route => route.UseFilter(static (context, _) => context.RefuseAsync(418, "no")))
            .MapAction("silent", Handler, route => route.UseFilter(static (_, _) => default))
            .MapAction("late", Handler, route => route.UseFilter(static async (context, next) =>
            {
                await Task.Yield();
                await next(context);
                await context.RefuseAsync(418, "too late");
            })));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":418,"data":"no"}""");
        await peer.AskAsync("""{"id":"2","action":"silent"}""", """{"id":"2","type":"ack"}""");
        Assert.Empty(Take());
        await peer.AskAsync("""{"id":"3","action":"late"}""", """{"id":"3","type":"error","code":418,"data":"too late"}""");
        Assert.Equal(["late"], Take());
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Fact]
    public async Task A_refusal_after_the_handlers_answer_sends_no_second_one()
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder.UseFilter(static async (context, next) =>
        {
            await next(context);
            Assert.True(context.HasReplied);
            await context.RefuseAsync(418, "too late");
        }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"echo","data":1}""", """{"id":"1","type":"echo","data":1}""");
        await peer.AskAsync("""{"id":"2","action":"echo","data":2}""", """{"id":"2","type":"echo","data":2}""");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_exception_of_a_filter_is_answered_like_a_handlers(bool isAsync)
    {
        await using HubServer server = await HubServer.JsonAsync(build: builder => builder.MapAction("act", Handler, route => route.UseFilter(async (_, _) =>
        {
            if (isAsync)
            {
                await Task.Yield();
            }

            throw new InvalidOperationException("the filter failed");
        })));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        Assert.Empty(Take());
        Assert.Equal("the filter failed", Assert.Single(server.Server.Log.All).Exception!.Message);
    }

    [Fact]
    public async Task Raw_messages_pass_filters_and_a_refused_one_is_dropped_without_an_answer()
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            false,
            null,
            builder => builder
                .OnText(static context => context.Connection.SendAsync(context.Payload, context.Type))
                .OnBinary(static context => context.Connection.SendAsync(context.Payload, context.Type))
                .UseFilter((context, next) => context.Payload.FirstSpan[0] == (byte)'x' ? context.RefuseAsync(403, "no x") : next(context)),
            speaksJson: false);
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendTextAsync("xyz");
        await peer.SendFrameAsync(Opcode.Binary, "xyz"u8);
        await peer.AskAsync("abc", "abc");
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Fact]
    public async Task What_follows_a_refused_part_is_dropped_with_it()
    {
        int parts = 0;
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnBinaryParts(context =>
            {
                parts++;
                return context.IsLastPart ? context.Connection.SendTextAsync("stored") : default;
            })
            .UseFilter((context, next) =>
            {
                _calls.Enqueue($"{context.Type} {context.IsFirstPart} {context.IsLastPart}");
                return context.IsFirstPart && context.Type == WsMessageType.Binary && context.Payload.FirstSpan is [0, ..] ? context.RefuseAsync(413, "not this one") : next(context);
            }));
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendFrameAsync(Opcode.Binary, [0, 1], fin: false);
        Assert.Equal("""{"type":"error","code":413,"data":"not this one"}""", await peer.ReadTextAsync());
        await peer.SendFrameAsync(Opcode.Continuation, [2], fin: false);
        await peer.SendFrameAsync(Opcode.Continuation, [3]);
        await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        Assert.Equal(0, parts);
        Assert.Equal(["Binary True False", "Text True True"], Take());

        await peer.SendFrameAsync(Opcode.Binary, [1, 1], fin: false);
        await peer.SendFrameAsync(Opcode.Continuation, [3]);
        Assert.Equal("stored", await peer.ReadTextAsync());
    }

    [Fact]
    public async Task A_filter_from_the_services_is_made_once_and_may_ask_for_the_hub()
    {
        var made = new MadeFilters();
        await using HubServer server = await HubServer.JsonAsync(
            services: services => services.AddSingleton(made).AddSingleton<RegisteredFilter>(),
            build: static builder => builder
                .UseFilter<HubFilter>()
                .UseFilter<RegisteredFilter>()
                .MapAction("act", static _ => default, static route => route.UseFilter<HubFilter>()),
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"ack"}""");

        Assert.Equal(2, made.Hubs.Count);
        Assert.All(made.Hubs, hub => Assert.Same(server.Hub, hub));
        Assert.Same(server.Hub, server.Server.App.Services.GetRequiredService<IWsHub>());
        Assert.Equal(3, made.Calls);
    }

    [Fact]
    public void A_filter_that_cannot_be_made_is_found_when_the_hub_starts()
    {
        var services = new ServiceCollection();
        services.AddPipeWs().UseFilter<RegisteredFilter>();
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.ThrowsAny<InvalidOperationException>(() => provider.GetRequiredService<IWsHub>());
        Assert.ThrowsAny<InvalidOperationException>(() => provider.GetRequiredService<IWsHub>());
    }

    [Fact]
    public void Routes_and_handlers_without_filters_are_the_ones_that_were_registered()
    {
        var registration = new HubRegistration();
        var plain = new RawRoute("plain", static _ => default);
        Func<WsMessageContext, ValueTask> onBinary = static _ => default;
        registration.Actions.Add(plain);
        Assert.Null(MessagePipeline.Create(Scope(registration)));

        var filtered = new RawRoute("filtered", static _ => default) { Filters = [_ => new NotingFilter("a", _calls)] };
        registration.Actions.Add(filtered);
        MessagePipeline pipeline = MessagePipeline.Create(Scope(registration))!;
        Assert.Same(plain, pipeline.Wrap(plain));
        Assert.Same(onBinary, pipeline.Wrap(onBinary));
        Assert.NotSame(filtered, pipeline.Wrap(filtered));
        Assert.False(pipeline.HasFilters);
    }

    private static FilterScope Scope(HubRegistration registration) =>
        new("", registration, new ServiceCollection().BuildServiceProvider(), new HubHooks(registration, new HubCounters(1), NullLogger.Instance), NullLoggerFactory.Instance, TimeProvider.System);

    private static Func<WsMessageContext, WsMessageDelegate, ValueTask> Noting(string name, ConcurrentQueue<string> calls) => async (context, next) =>
    {
        calls.Enqueue(name + "+");
        await next(context);
        calls.Enqueue(name + "-");
    };

    private Func<WsMessageContext, WsMessageDelegate, ValueTask> Note(string name) => Noting(name, _calls);

    private ValueTask Handler(WsMessageContext context)
    {
        _calls.Enqueue(context.Action);
        return default;
    }

    private string[] Take()
    {
        string[] taken = [.. _calls];
        _calls.Clear();
        return taken;
    }

    private sealed class NotingFilter(string name, ConcurrentQueue<string> calls) : IWsMessageFilter
    {
        private readonly Func<WsMessageContext, WsMessageDelegate, ValueTask> _note = Noting(name, calls);

        public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next) => _note(context, next);
    }

    public sealed class MadeFilters
    {
        public List<IWsHub> Hubs { get; } = [];

        public int Calls { get; set; }
    }

    public sealed class HubFilter : IWsMessageFilter
    {
        private readonly MadeFilters _made;

        public HubFilter(IWsHub hub, MadeFilters made)
        {
            made.Hubs.Add(hub);
            _made = made;
        }

        public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
        {
            _made.Calls++;
            return next(context);
        }
    }

    public sealed class RegisteredFilter(MadeFilters made) : IWsMessageFilter
    {
        public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
        {
            made.Calls++;
            return next(context);
        }
    }
}
