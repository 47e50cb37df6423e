using System.Collections.Concurrent;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hooks;

public sealed class ErrorHookTests
{
    [Fact]
    public async Task A_hook_of_errors_that_fails_is_logged_only_and_the_next_one_is_told()
    {
        var told = new ConcurrentQueue<string>();
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .MapAction("act", static _ => throw new InvalidOperationException("of the handler"))
            .OnError(static _ => throw new InvalidOperationException("of the hook"))
            .OnError(async error =>
            {
                await Task.Yield();
                told.Enqueue($"{error.Action} {error.Exception.Message} {error.Connection.Path}");
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");

        Assert.Equal(["act of the handler /ws"], told);
        Assert.Equal([301, 2101], server.Server.Log.PipeWs.Select(line => line.Id.Id));
        Assert.Equal(1, server.Hub.Counters.HookFailures);
    }

    [Fact]
    public async Task A_decision_converts_to_a_completed_task()
    {
        ValueTask<WsDecision> allowing = WsDecision.Allow;
        ValueTask<WsDecision> refusing = WsDecision.Refuse("no", 404);
        Assert.True(allowing.IsCompletedSuccessfully && refusing.IsCompletedSuccessfully);

        WsDecision refused = await refusing;
        Assert.Equal(default, await allowing);
        Assert.False(WsDecision.Allow.IsRefused);
        Assert.Equal((true, "no", 404), (refused.IsRefused, refused.Reason, refused.Code));
        Assert.Equal(refused, await refused.ToValueTask());
        Assert.Throws<ArgumentNullException>(() => WsDecision.Refuse(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => WsDecision.Refuse("", -1));
    }
}
