using System.Collections.Concurrent;
using System.Diagnostics;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Diagnostics;

/// <summary>The activities of connections and messages. Each test samples its own trace alone, whatever runs beside it.</summary>
public sealed class HubActivityTests
{
    private const string ParentSpan = "b7ad6b7169203331";

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_connection_continues_the_trace_of_its_handshake(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        using var trace = new Trace();
        RawPeer peer = await server.OpenAsync(RawPeer.Handshake(line: "GET /ws?token=secret HTTP/1.1", more: trace.Header + "\r\ntracestate: a=1\r\ntracestate: b=2"));
        await peer.CloseAsync();
        Activity connection = await trace.EndedAsync("PipeWs.Server.Connection");

        Assert.Equal(trace.Id, connection.TraceId);
        Assert.Equal(ActivityKind.Server, connection.Kind);
        Assert.Equal("WebSocket", connection.DisplayName);
        Assert.Equal("a=1, b=2", connection.TraceStateString?.Replace(",b", ", b", StringComparison.Ordinal));
        if (door != Door.Mapped)
        {
            // There HTTP's own activity is between.
            Assert.Equal(ParentSpan, connection.ParentSpanId.ToHexString());
            Assert.True(connection.HasRemoteParent);
        }

        Assert.Equal("/ws", connection.GetTagItem("url.path"));
        Assert.Equal(isSecure ? "wss" : "ws", connection.GetTagItem("url.scheme"));
        Assert.Equal("127.0.0.1", connection.GetTagItem("network.peer.address"));
        Assert.Equal("websocket", connection.GetTagItem("network.protocol.name"));
        Assert.Equal((ushort)1000, connection.GetTagItem("pipews.close.code"));
        Assert.Equal("remote", connection.GetTagItem("pipews.close.initiator"));
        Assert.Equal(true, connection.GetTagItem("pipews.close.clean"));
        Assert.Equal(ActivityStatusCode.Unset, connection.Status);
        Assert.DoesNotContain(connection.TagObjects, static tag => tag.Value?.ToString()?.Contains("secret", StringComparison.Ordinal) == true);
        await peer.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Who_finds_a_connection_before_it_has_said_who_it_is_cannot_have_it_join(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door,
            isSecure,
            static options => options.Authentication.Mode = WsAuthenticationMode.FirstMessage,
            static builder => builder.UseStaticTokens(new Dictionary<string, string> { ["good"] = "ann" }),
            hasBystander: false);
        var joins = new ConcurrentQueue<WsJoinStatus>();
        using var trace = new Trace(onStarted: () =>
        {
            foreach (IWsConnection connection in server.Hub.Connections)
            {
                joins.Enqueue(connection.JoinAsync("lobby").AsTask().GetAwaiter().GetResult().Status);
            }
        });
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        Assert.Equal([WsJoinStatus.Forbidden], joins);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Each_message_of_a_sampled_connection_has_an_activity_named_by_its_action(Door door, bool isSecure)
    {
        Activity? inHandler = null;
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder.MapAction("look", async context =>
        {
            await Task.Yield();
            inHandler = Activity.Current;
        }));
        using var trace = new Trace();
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.AskAsync("""{"id":"1","action":"look"}""", """{"id":"1","type":"ack"}""");
        Activity message = await trace.EndedAsync("PipeWs.Server.Message");

        Assert.Equal("look", message.DisplayName);
        Assert.Equal("look", message.GetTagItem("pipews.action"));
        Assert.Equal("text", message.GetTagItem("pipews.message.type"));
        Assert.Equal(26L, message.GetTagItem("pipews.message.size"));
        Assert.Equal(trace.Id, message.TraceId);
        Assert.Same(message, inHandler);
        Assert.Equal("PipeWs.Server.Connection", trace.Started.Single(activity => activity.SpanId == message.ParentSpanId).OperationName);
        Assert.Equal(ActivityStatusCode.Unset, message.Status);
    }

    [Fact]
    public async Task An_action_that_nobody_mapped_names_no_activity()
    {
        await using HubServer server = await HubServer.JsonAsync();
        using var trace = new Trace();
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.SendTextAsync("""{"id":"1","action":"made up"}""");
        await peer.ReadTextAsync();

        Activity message = await trace.EndedAsync("PipeWs.Server.Message");
        Assert.Equal("PipeWs.Server.Message", message.DisplayName);
        Assert.Null(message.GetTagItem("pipews.action"));
    }

    [Fact]
    public async Task An_exception_marks_the_message_as_failed_and_stays_out_of_its_tags()
    {
        await using HubServer server = await HubServer.JsonAsync(build: static builder => builder.MapAction("fail", static _ => throw new InvalidTimeZoneException("private")));
        using var trace = new Trace();
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.AskAsync("""{"id":"1","action":"fail"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        Activity message = await trace.EndedAsync("PipeWs.Server.Message");

        Assert.Equal("fail", message.DisplayName);
        Assert.Equal(ActivityStatusCode.Error, message.Status);
        Assert.Equal("System.InvalidTimeZoneException", message.GetTagItem("error.type"));
        Assert.DoesNotContain(message.TagObjects, static tag => tag.Value?.ToString()?.Contains("private", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task An_exception_of_a_raw_handler_marks_the_message_and_the_connection()
    {
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            isSecure: false,
            configure: null,
            static builder => builder.OnText(static _ => throw new InvalidTimeZoneException("no")),
            speaksJson: false,
            hasBystander: false);
        using var trace = new Trace();
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.SendTextAsync("x");
        await peer.ReadCloseAsync(1011);
        await peer.DisposeAsync();

        Activity connection = await trace.EndedAsync("PipeWs.Server.Connection");
        Assert.All([connection, await trace.EndedAsync("PipeWs.Server.Message")], static activity =>
        {
            Assert.Equal(ActivityStatusCode.Error, activity.Status);
            Assert.Equal("System.InvalidTimeZoneException", activity.GetTagItem("error.type"));
        });
        Assert.Equal((ushort)1011, connection.GetTagItem("pipews.close.code"));
        Assert.Equal("local", connection.GetTagItem("pipews.close.initiator"));
    }

    [Fact]
    public async Task A_message_in_parts_has_one_activity_from_its_first_part_to_its_last()
    {
        var seen = new ConcurrentQueue<Activity?>();
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            isSecure: false,
            configure: null,
            builder => builder.OnTextParts(context =>
            {
                seen.Enqueue(Activity.Current);
                return context.Connection.SendAsync("part"u8.ToArray(), WsMessageType.Text);
            }),
            speaksJson: false,
            hasBystander: false);
        using var trace = new Trace();
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.SendFrameAsync(Opcode.Text, "a"u8, fin: false);
        Assert.Equal("part", await peer.ReadTextAsync());
        Assert.Empty(trace.Ended("PipeWs.Server.Message"));
        await peer.SendFrameAsync(Opcode.Continuation, "b"u8);
        Assert.Equal("part", await peer.ReadTextAsync());
        Activity message = await trace.EndedAsync("PipeWs.Server.Message");
        Assert.Equal([message, message], seen);

        // One that is never whole ends with its connection.
        await peer.SendFrameAsync(Opcode.Text, "a"u8, fin: false);
        Assert.Equal("part", await peer.ReadTextAsync());
        await peer.CloseAsync();
        await trace.EndedAsync("PipeWs.Server.Connection");
        Assert.Equal(2, trace.Ended("PipeWs.Server.Message").Count);
    }

    [Theory]
    [InlineData(true, ActivitySamplingResult.PropagationData)]
    [InlineData(true, ActivitySamplingResult.AllData)]
    [InlineData(false, ActivitySamplingResult.AllDataAndRecorded)]
    public async Task Messages_have_none_where_the_connection_is_not_recorded_or_the_option_is_off(bool traceMessages, ActivitySamplingResult sampling)
    {
        await using HubServer server = await HubServer.JsonAsync(configure: options => options.TraceMessages = traceMessages);
        using var trace = new Trace(sampling);
        RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: trace.Header));
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        await peer.CloseAsync();
        await trace.EndedAsync("PipeWs.Server.Connection");
        Assert.Single(trace.Started);
        await peer.DisposeAsync();
    }

    [Fact]
    public async Task A_tracestate_that_is_too_long_to_pass_on_is_dropped()
    {
        await using HubServer server = await HubServer.JsonAsync();
        using var trace = new Trace();
        RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: $"{trace.Header}\r\ntracestate: a={new string('x', 511)}"));
        await peer.CloseAsync();
        Assert.Null((await trace.EndedAsync("PipeWs.Server.Connection")).TraceStateString);
        await peer.DisposeAsync();
    }

    [Theory]
    [InlineData("traceparent: nonsense")]
    [InlineData("traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    public async Task A_traceparent_that_says_nothing_begins_a_new_trace(string header)
    {
        await using HubServer server = await HubServer.JsonAsync();
        string path = "/ws";
        var ended = new TaskCompletionSource<Activity>(TaskCreationOptions.RunContinuationsAsynchronously);
        string? id = null;
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == WsDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("pipews.connection.id") is string stopped && stopped == id)
                {
                    ended.TrySetResult(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(RawPeer.Handshake(line: $"GET {path} HTTP/1.1", more: header));
        id = connection.Id;
        await peer.CloseAsync();
        Activity activity = await ended.Task.Soon();
        Assert.Equal(default, activity.ParentSpanId);
        Assert.NotEqual("0af7651916cd43dd8448eb211c80319c", activity.TraceId.ToHexString());
        await peer.DisposeAsync();
    }

    /// <summary>A trace that began at a peer, and what belongs to it here.</summary>
    private sealed class Trace : IDisposable
    {
        private readonly ActivityListener _listener;
        private readonly ConcurrentQueue<Activity> _started = new();
        private readonly ConcurrentQueue<Activity> _ended = new();
        private readonly Action? _onStarted;

        public Trace(ActivitySamplingResult sampling = ActivitySamplingResult.AllDataAndRecorded, Action? onStarted = null)
        {
            _onStarted = onStarted;
            _listener = new ActivityListener
            {
                ShouldListenTo = static source => source.Name == WsDiagnostics.ActivitySourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.TraceId == Id ? sampling : ActivitySamplingResult.None,
                ActivityStarted = activity =>
                {
                    if (AddIfMine(_started, activity))
                    {
                        _onStarted?.Invoke();
                    }
                },
                ActivityStopped = activity => AddIfMine(_ended, activity),
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public ActivityTraceId Id { get; } = ActivityTraceId.CreateRandom();

        public string Header => $"traceparent: 00-{Id.ToHexString()}-{ParentSpan}-01";

        public IReadOnlyList<Activity> Started => [.. _started];

        public IReadOnlyList<Activity> Ended(string operation) => [.. _ended.Where(activity => activity.OperationName == operation)];

        public async Task<Activity> EndedAsync(string operation)
        {
            await Conditions.UntilAsync(() => Ended(operation).Count > 0, $"{operation} has ended");
            return Ended(operation)[0];
        }

        public void Dispose() => _listener.Dispose();

        private bool AddIfMine(ConcurrentQueue<Activity> queue, Activity activity)
        {
            if (activity.TraceId != Id)
            {
                return false;
            }

            queue.Enqueue(activity);
            return true;
        }
    }
}
