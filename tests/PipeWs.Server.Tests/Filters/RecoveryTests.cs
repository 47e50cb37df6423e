using System.Collections.Concurrent;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Filters;

public sealed class RecoveryTests
{
    private readonly ConcurrentQueue<WsErrorContext> _errors = new();

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task With_recovery_a_raw_handler_that_throws_costs_its_message_alone(Door door, bool isSecure)
    {
        await using HubServer server = await StartRawAsync(door, isSecure, static builder => builder.UseRecovery());
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendTextAsync("throw");
        await peer.SendTextAsync("throw later");
        await peer.AskAsync("hello", "hello");

        Assert.Equal(["at once", "later"], _errors.Select(error => error.Exception.Message));
        Assert.All(_errors, error => Assert.Equal(WsErrorSource.Message, error.Source));
        Assert.Equal([2110, 2110], server.Server.Log.PipeWs.Select(line => line.Id.Id));
        Assert.Equal(2, server.Hub.Counters.HandlerFailures);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(maxLines: 2);
    }

    [Theory]
    [InlineData("throw", "at once")]
    [InlineData("throw later", "later")]
    public async Task Without_recovery_it_ends_the_connection_with_1011_and_whoever_asked_is_told(string text, string message)
    {
        await using HubServer server = await StartRawAsync(Door.Fast, false, static _ => { });
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendTextAsync(text);
        await peer.ReadCloseAsync(1011);

        Assert.Equal(message, Assert.Single(_errors).Exception.Message);
    }

    [Fact]
    public async Task A_request_whose_handler_throws_is_answered_with_500_and_told_of_with_and_without_recovery()
    {
        foreach (bool recovers in (bool[])[false, true])
        {
            _errors.Clear();
            await using HubServer server = await HubServer.JsonAsync(build: builder =>
            {
                builder.MapAction("act", static _ => throw new InvalidOperationException("secret")).OnError(Note);
                if (recovers)
                {
                    builder.UseRecovery();
                }
            });
            await using RawPeer peer = await server.OpenAsync();
            await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
            await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");

            WsErrorContext error = Assert.Single(_errors);
            Assert.Equal(("act", "secret", WsErrorSource.Message), (error.Action, error.Exception.Message, error.Source));
            Assert.Equal(recovers ? 2110 : 301, Assert.Single(server.Server.Log.PipeWs).Id.Id);
        }
    }

    [Fact]
    public async Task Exceptions_may_have_answers_of_their_own_or_be_left_alone()
    {
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder
            .UseRecovery(static options =>
            {
                options.Handles = static exception => exception is not InvalidOperationException;
                options.Answer<KeyNotFoundException>(404, "there is no such thing").Answer<ArgumentException>(422, "that makes no sense");
            })
            .MapAction("find", static _ => throw new KeyNotFoundException())
            .MapAction("null", static _ => throw new ArgumentNullException())
            .MapAction("other", static _ => throw new FormatException())
            .MapAction("left", static _ => throw new InvalidOperationException()));
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","action":"find"}""", """{"id":"1","type":"error","code":404,"data":"there is no such thing"}""");
        await peer.AskAsync("""{"id":"1","action":"null"}""", """{"id":"1","type":"error","code":422,"data":"that makes no sense"}""");
        await peer.AskAsync("""{"id":"1","action":"other"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        await peer.AskAsync("""{"id":"1","action":"left"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        Assert.Equal([2110, 2110, 2110, 301], server.Server.Log.PipeWs.Select(line => line.Id.Id));
    }

    [Fact]
    public async Task A_handler_that_answered_before_it_threw_has_no_second_answer()
    {
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder
            .UseRecovery()
            .MapAction("act", static async context =>
            {
                await context.ReplyAsync("done");
                throw new InvalidOperationException();
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"act"}""", """{"id":"1","type":"done"}""");
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
    }

    [Fact]
    public async Task After_a_part_that_failed_the_rest_of_its_message_is_dropped()
    {
        List<int> parts = [];
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .UseRecovery()
            .OnBinaryParts(context =>
            {
                int first = context.Payload.FirstSpan[0];
                parts.Add(first);
                return first == 2 ? throw new InvalidOperationException() : default;
            }));
        await using RawPeer peer = await server.OpenAsync();

        await peer.SendFrameAsync(Opcode.Binary, [1], fin: false);
        await peer.SendFrameAsync(Opcode.Continuation, [2], fin: false);
        Assert.Equal("""{"type":"error","code":500,"data":"internal error"}""", await peer.ReadTextAsync());
        await peer.SendFrameAsync(Opcode.Continuation, [3]);
        await peer.SendFrameAsync(Opcode.Binary, [4]);
        await peer.AskAsync("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""");
        Assert.Equal([1, 2, 4], parts);
    }

    [Fact]
    public async Task How_a_handler_gives_up_when_its_connection_ends_is_no_failure()
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder => builder
            .UseRecovery()
            .OnError(Note)
            .MapAction("wait", async context =>
            {
                began.SetResult();
                await Task.Delay(Timeout.Infinite, context.ConnectionClosed);
            }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendTextAsync("""{"id":"1","action":"wait"}""");
        await began.Task.WaitAsync(RawPeer.Patience);
        peer.Reset();
        await server.AssertConnectionsAsync(0);
        Assert.Empty(_errors);
        Assert.Empty(server.Server.Log.All);
    }

    private Task<HubServer> StartRawAsync(Door door, bool isSecure, Action<IPipeWsBuilder> build) => HubServer.StartAsync(
        door,
        isSecure,
        null,
        builder =>
        {
            builder.OnError(Note).OnText(static context =>
            {
                string text = System.Text.Encoding.UTF8.GetString(context.Payload.FirstSpan);
                return text switch
                {
                    "throw" => throw new InvalidOperationException("at once"),
                    "throw later" => ThrowLaterAsync(),
                    _ => context.Connection.SendTextAsync(text),
                };
            });
            build(builder);
        },
        speaksJson: false);

    private static async ValueTask ThrowLaterAsync()
    {
        await Task.Yield();
        throw new InvalidOperationException("later");
    }

    private ValueTask Note(WsErrorContext error)
    {
        _errors.Enqueue(error);
        return default;
    }
}
