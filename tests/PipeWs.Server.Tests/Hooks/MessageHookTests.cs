using System.Collections.Concurrent;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hooks;

public sealed class MessageHookTests
{
    private readonly ConcurrentQueue<string> _calls = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_refused_request_is_answered_with_403_and_its_id_before_any_filter(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder
            .UseFilter((context, next) =>
            {
                if (context.Action != "echo")
                {
                    _calls.Enqueue($"filter {context.Action}");
                }

                return next(context);
            })
            .MapAction("act", static _ => default)
            .OnMessage(context => Say($"{context.Action} {context.RequestId}", context.Action is "act" or "subscribe" ? WsDecision.Refuse("not today") : WsDecision.Allow))
            .OnMessage(context => Say("second", context.RequestId == "3" ? WsDecision.Refuse("too much", 413) : WsDecision.Allow)));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":403,"data":"not today"}""");
        await peer.AskAsync("""{"id":"2","type":"subscribe","topic":"a"}""", """{"id":"2","type":"error","code":403,"data":"not today"}""");
        Assert.Equal(["act 1", "subscribe 2"], _calls);
        _calls.Clear();
        await peer.AskAsync("""{"id":"3","type":"ping"}""", """{"id":"3","type":"error","code":413,"data":"too much"}""");
        Assert.Equal(["ping 3", "second"], _calls);
        _calls.Clear();
        await peer.AskAsync("""{"id":"4","type":"ping"}""", """{"id":"4","type":"pong"}""");
        Assert.Equal(["ping 4", "second", "filter ping"], _calls);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Theory]
    [InlineData("throw")]
    [InlineData("throw later")]
    [InlineData("a code that is no error")]
    public async Task A_hook_that_fails_refuses_with_500_and_the_handler_is_not_called(string how)
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .MapAction("act", context =>
            {
                _calls.Enqueue("handled");
                return default;
            })
            .OnMessage(async context =>
            {
                if (how == "throw later")
                {
                    await Task.Yield();
                }

                return context.Action == "ping" ? WsDecision.Allow
                    : how.StartsWith("throw", StringComparison.Ordinal) ? throw new InvalidOperationException()
                    : WsDecision.Refuse("no", 1008);
            })
            .OnError(error =>
            {
                _calls.Enqueue($"{error.Source} {error.Action}");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
        Assert.Equal(["MessageHook act"], _calls);
    }

    [Fact]
    public async Task In_a_raw_hub_a_refused_message_is_dropped_and_the_connection_lives()
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            false,
            null,
            builder => builder
                .OnText(static context => context.Connection.SendAsync(context.Payload, context.Type))
                .OnMessage(static async context =>
                {
                    await Task.Yield();
                    return context.Payload.FirstSpan[0] == (byte)'x' ? WsDecision.Refuse("no x") : WsDecision.Allow;
                }),
            speaksJson: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("xyz");
        await peer.AskAsync("abc", "abc");
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 0);
    }

    [Fact]
    public async Task The_hook_is_asked_once_about_a_message_in_parts()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnBinaryParts(context =>
            {
                _calls.Enqueue("part");
                return context.IsLastPart ? context.Connection.SendTextAsync("stored") : default;
            })
            .OnMessage(context => Say("asked", context.Payload.FirstSpan[0] == 0 ? WsDecision.Refuse("no") : WsDecision.Allow)));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendFrameAsync(Opcode.Binary, [0], fin: false);
        Assert.Equal("""{"type":"error","code":403,"data":"no"}""", await peer.ReadTextAsync());
        await peer.SendFrameAsync(Opcode.Continuation, [1]);
        await peer.SendFrameAsync(Opcode.Binary, [1], fin: false);
        await peer.SendFrameAsync(Opcode.Continuation, [1]);
        Assert.Equal("stored", await peer.ReadTextAsync());
        Assert.Equal(2, _calls.Count(call => call == "asked"));
        Assert.InRange(_calls.Count(call => call == "part"), 1, 2);
    }

    private ValueTask<WsDecision> Say(string what, WsDecision decision)
    {
        if (!what.StartsWith("echo", StringComparison.Ordinal))
        {
            _calls.Enqueue(what);
        }

        return decision;
    }
}
