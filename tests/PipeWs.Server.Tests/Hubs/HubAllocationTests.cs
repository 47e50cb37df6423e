using System.Diagnostics;
using System.IO.Pipelines;
using System.Security.Claims;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>
/// What a message costs in steady state, from the transport's bytes through the router to the reply, and from a publish to every member's transport: 0 bytes,
/// counted for the whole process. Everything runs on this thread, over pipes that schedule inline.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class HubAllocationTests
{
    private const int Messages = 20_000;

    /// <summary>The runtime's own threads allocate a little now and then; one object a message would be 24 bytes times the count.</summary>
    private const long Tolerance = Messages;

    [Theory]
    [InlineData("""{"id":"7","action":"quote","data":{"symbol":"BTC-USDT"}}""")]
    [InlineData("""{"id":"7","type":"nothing","payload":[1,2,3]}""")]
    [InlineData("""{"id":"7","type":"ping"}""")]
    public async Task Receive_route_and_reply_allocate_nothing(string request)
    {
        byte[] answer = """{"last":1}"""u8.ToArray();
        using var hub = new TestHub(register: registration =>
        {
            registration.Actions.Add(new RawRoute("quote", context => context.ReplyAsync("quote", answer)));
            registration.Actions.Add(new RawRoute("nothing", static _ => default));
        });
        var end = new End(hub.Hub);
        byte[] frame = RawPeer.Frame(Opcode.Text, Encoding.UTF8.GetBytes(request));

        AssertAllocatesNothing(() =>
        {
            end.Send(frame);
            Assert.True(end.Take() > 0);
        });
        await end.FinishAsync();
    }

    [Fact]
    public async Task Receive_route_and_reply_allocate_nothing_while_all_is_measured_and_the_connection_is_traced()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == WsDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData,
        };
        ActivitySource.AddActivityListener(listener);
        byte[] answer = """{"last":1}"""u8.ToArray();
        using var hub = new TestHub(
            register: registration => registration.Actions.Add(new RawRoute("quote", context => context.ReplyAsync("quote", answer))),
            services: static services => services.AddMetrics().AddSingleton<HubMetrics>());
        using var meter = new MeterRecorder(hub.Services);
        var end = new End(hub.Hub);
        byte[] frame = RawPeer.Frame(Opcode.Text, """{"id":"7","action":"quote","data":{"symbol":"BTC-USDT"}}"""u8);

        AssertAllocatesNothing(() =>
        {
            end.Send(frame);
            Assert.True(end.Take() > 0);
        });
        Assert.True(meter.Read("pipews.server.messages", ("network.io.direction", "receive")) >= Messages);
        await end.FinishAsync();
    }

    [Fact]
    public async Task A_raw_echo_allocates_nothing()
    {
        using var hub = new TestHub(register: registration => registration.OnText = static context => context.Connection.SendAsync(context.Payload, context.Type));
        var end = new End(hub.Hub);
        byte[] frame = RawPeer.Frame(Opcode.Text, new byte[100]);

        AssertAllocatesNothing(() =>
        {
            end.Send(frame);
            Assert.True(end.Take() == 102);
        });
        await end.FinishAsync();
    }

    [Theory]
    [InlineData(WsSlowConsumerPolicy.Disconnect, 0)]
    [InlineData(WsSlowConsumerPolicy.Conflate, 0)]
    [InlineData(WsSlowConsumerPolicy.Disconnect, 1000)]
    public async Task Publish_to_delivery_allocates_nothing(WsSlowConsumerPolicy policy, int history)
    {
        const int Members = 20;
        using var hub = new TestHub(options =>
        {
            options.Rooms.SlowConsumerPolicy = policy;
            options.Rooms.HistoryMessages = history;
        });
        End[] ends = [.. Enumerable.Range(0, Members).Select(_ => new End(hub.Hub))];
        foreach (End end in ends)
        {
            end.Send(RawPeer.Frame(Opcode.Text, """{"type":"subscribe","topic":"feed"}"""u8));
        }

        IWsRoom room = hub.Hub.Room("feed");
        Assert.Equal(Members, room.MemberCount);
        foreach (End end in ends)
        {
            end.Take();
        }

        byte[] data = """{"price":"67000.10","size":"0.001"}"""u8.ToArray();
        AssertAllocatesNothing(() =>
        {
            room.Publish(data, new WsPublishOptions(Subject: "ticker", Key: "BTC-USDT"));
            foreach (End end in ends)
            {
                // A walk of many members may go on in the pool.
                while (end.Take() == 0)
                {
                    Thread.Yield();
                }
            }
        });
        foreach (End end in ends)
        {
            await end.FinishAsync();
        }
    }

    [Fact]
    public async Task A_prepared_message_to_a_user_and_to_all_allocates_nothing()
    {
        using var hub = new TestHub();
        var end = new End(hub.Hub, "ann");
        end.Take();
        var message = WsPreparedMessage.Text("""{"type":"notice"}""");
        IWsSender user = hub.Hub.User("ann");

        AssertAllocatesNothing(() =>
        {
            Assert.True(user.SendAsync(message).IsCompletedSuccessfully);
            Assert.True(end.Take() > 0);
            Assert.True(hub.Hub.All.SendAsync(message).IsCompletedSuccessfully);
            while (end.Take() == 0)
            {
                Thread.Yield();
            }
        });
        await end.FinishAsync();
    }

    private static void AssertAllocatesNothing(Action round)
    {
        // Past the tiers of the compiler and once around every ring.
        Run(round, Messages);
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 5 && allocated > Tolerance; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Run(round, Messages);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Assert.InRange(allocated, 0, Tolerance);
    }

    private static void Run(Action round, int times)
    {
        for (int i = 0; i < times; i++)
        {
            round();
        }
    }

    /// <summary>The far end of a connection of the hub's.</summary>
    private sealed class End
    {
        private static readonly PipeOptions s_inline = new(null, PipeScheduler.Inline, PipeScheduler.Inline, 0, 0, 4096, useSynchronizationContext: false);

        private readonly Pipe _toServer = new(s_inline);
        private readonly Pipe _toClient = new(s_inline);
        private readonly Task _served;

        internal End(Hub hub, string? userId = null) => _served = hub.RunAsync(new AcceptedConnection(_ => _toServer.Writer.Complete())
        {
            Transport = new Duplex(_toServer.Reader, _toClient.Writer),
            Path = "/ws",
            User = userId is null ? null : new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.NameIdentifier, userId)])),
            TransportClosed = CancellationToken.None,
            CloseRequested = CancellationToken.None,
        });

        internal void Send(ReadOnlySpan<byte> frame)
        {
            frame.CopyTo(_toServer.Writer.GetSpan(frame.Length));
            _toServer.Writer.Advance(frame.Length);
            ValueTask<FlushResult> flush = _toServer.Writer.FlushAsync();
            Assert.True(flush.IsCompletedSuccessfully);
            _ = flush.Result;
        }

        /// <summary>Takes what has come, and says how many bytes it was.</summary>
        internal int Take()
        {
            if (!_toClient.Reader.TryRead(out ReadResult result))
            {
                return 0;
            }

            int length = (int)result.Buffer.Length;
            _toClient.Reader.AdvanceTo(result.Buffer.End);
            return length;
        }

        internal async Task FinishAsync()
        {
            await _toServer.Writer.CompleteAsync();
            await _served.WaitAsync(RawPeer.Patience);
        }

        private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
        {
            public PipeReader Input => input;

            public PipeWriter Output => output;
        }
    }
}
