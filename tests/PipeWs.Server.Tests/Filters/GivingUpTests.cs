using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Filters;

/// <summary>What is how a handler gives up when its own connection ends, and what is a failure all the same.</summary>
public sealed class GivingUpTests
{
    private readonly ConcurrentQueue<WsErrorContext> _errors = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_send_to_another_connection_that_has_ended_is_a_failure_like_any_other(bool isRaw)
    {
        IWsConnection? gone = null;
        Func<WsMessageContext, ValueTask> relay = context => gone!.SendTextAsync("are you there?");
        await using HubServer server = await HubServer.StartAsync(Door.Fast, false, null, hasBystander: false, speaksJson: !isRaw, build: builder =>
        {
            builder.UseRecovery().OnError(Note);
            _ = isRaw ? builder.OnText(context => context.Payload.Length == 5 ? relay(context) : context.Connection.SendAsync(context.Payload, WsMessageType.Text)) : builder.MapAction("relay", relay);
        });
        (RawPeer other, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (other)
        {
            gone = connection;
            await other.CloseAsync();
        }

        await server.AssertConnectionsAsync(0);
        await using RawPeer peer = await server.OpenAsync();
        if (isRaw)
        {
            await peer.SendTextAsync("relay");
            await peer.AskAsync("and I live", "and I live");
        }
        else
        {
            await peer.AskAsync("""{"id":"1","action":"relay"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        }

        Assert.IsType<WsClosedException>(Assert.Single(_errors).Exception);
        Assert.Equal(1, server.Hub.Counters.HandlerFailures);
        Assert.Equal(2110, Assert.Single(server.Server.Log.PipeWs).Id.Id);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_raw_handler_that_is_cancelled_because_its_peer_went_is_no_error(Door door, bool isSecure)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.StartAsync(door, isSecure, null, hasBystander: false, speaksJson: false, build: builder => builder
            .OnError(Note)
            .OnText(async context =>
            {
                entered.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed);
            }));
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync();
        await using (peer)
        {
            await peer.SendTextAsync("wait");
            await entered.Task.Soon();
            peer.Reset();
            WsCloseInfo info = await connection.Closed.Soon();

            Assert.Equal((1006, WsCloseInitiator.Transport), (info.Code, info.Initiator));
            await server.AssertConnectionsAsync(0);
            Assert.DoesNotContain(server.Server.Log.PipeWs, static line => line.Level >= LogLevel.Warning);
            Assert.Equal(0, server.Hub.Counters.HandlerFailures);
            Assert.Empty(_errors);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_is_cancelled_with_its_connection_is_no_error_and_what_else_it_throws_is(bool throwsOther)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .OnError(Note)
            .MapAction("act", async context =>
            {
                entered.SetResult();
                try
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, context.ConnectionClosed);
                }
                catch (OperationCanceledException) when (throwsOther)
                {
                    throw new InvalidOperationException("a mistake on the way out");
                }
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"action":"act"}""");
        await entered.Task.Soon();
        peer.Reset();
        await server.AssertConnectionsAsync(0);

        Assert.Equal(throwsOther ? 1 : 0, _errors.Count);
        Assert.Equal(throwsOther ? 1 : 0, server.Hub.Counters.HandlerFailures);
        Assert.Equal(throwsOther ? [301] : [], server.Server.Log.PipeWs.Where(static line => line.Level >= LogLevel.Warning).Select(static line => line.Id.Id));
    }

    [Fact]
    public async Task A_limit_that_a_handler_runs_into_is_answered_with_429_under_recovery_too()
    {
        await using HubServer server = await HubServer.JsonAsync(
            hasBystander: false,
            configure: static options => options.MaxMetadataPerConnection = 0,
            build: builder => builder.UseRecovery().OnError(Note).MapAction("act", static context =>
            {
                context.Connection.SetMetadata("a", "b");
                return default;
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync(
            """{"id":"1","action":"act"}""",
            """{"id":"1","type":"error","code":429,"data":"a connection has at most 0 pieces of metadata (MaxMetadataPerConnection)"}""");
    }

    private ValueTask Note(WsErrorContext error)
    {
        _errors.Enqueue(error);
        return default;
    }
}
