using System.Text;
using System.Text.Json;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Hardening;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>A member of a room that stops reading, beside one that does not: each policy, over sockets with small buffers.</summary>
public sealed class SlowConsumerTests
{
    private const int Messages = 100;
    private const int Keys = 5;

    /// <summary>More than the small buffers on the way hold, so that a peer that reads nothing is stuck in its first message, however late its kernel takes a little more.</summary>
    private static readonly string s_data = $"\"{new string('x', 40_000)}\"";

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Disconnect_closes_with_3008_what_reads_again_too_late(Door door, bool isSecure)
    {
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Disconnect, door, isSecure);
        RawFrame frame;
        long next = 1;
        while ((frame = await stalled.Peer.ReadFrameAsync()).Opcode != Opcode.Close)
        {
            Assert.Equal(next++, NumberOf(frame.Text));
        }

        Assert.Equal(CloseCode.TooSlow, frame.CloseCode);
        Assert.InRange(next, 2, Messages);
        await stalled.Peer.DisposeAsync();
        Assert.Equal(CloseCode.TooSlow, (await stalled.Connection.Closed.Soon()).Code);
        await Conditions.UntilAsync(() => stalled.Room.MemberCount == 1, "the slow one is no member");
        await stalled.AssertOthersUndisturbedAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Disconnect_closes_what_never_reads_again(Door door, bool isSecure)
    {
        // HARDENING row 41: a zero window must not put the policy off for ever.
        var clock = new ManualTimeProvider();
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Disconnect, door, isSecure, clock);
        await HardeningRows.WhileTimePassesAsync(clock, stalled.Connection.Closed);
        WsCloseInfo info = await stalled.Connection.Closed;
        Assert.Equal((CloseCode.TooSlow, WsCloseInitiator.Local, false), (info.Code, info.Initiator, info.WasClean));
        await Conditions.UntilAsync(() => stalled.Room.MemberCount == 1, "the slow one is no member");
        await stalled.AssertOthersUndisturbedAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Skip_goes_to_the_head_with_a_gap_message(Door door, bool isSecure)
    {
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Skip, door, isSecure);
        long last = 0;
        int gaps = 0;
        while (last < Messages)
        {
            JsonElement message = await stalled.Peer.ReadJsonAsync();
            if (message.GetProperty("type").ValueEquals("gap"))
            {
                // The system may take a little for the peer meanwhile: then the head was lower, and there may be another gap.
                long to = message.GetProperty("to").GetInt64();
                Assert.Equal($$"""{"type":"gap","topic":"feed","from":{{last + 1}},"to":{{to}},"reason":"slow"}""", message.GetRawText());
                Assert.InRange(to, last + 1, Messages);
                last = to;
                gaps++;
            }
            else
            {
                Assert.Equal(++last, message.GetProperty("sn").GetInt64());
            }
        }

        Assert.InRange(gaps, 1, Messages / 16);
        await stalled.AssertOthersUndisturbedAsync();
        Assert.Equal(Messages + 1, (await stalled.Peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        Assert.True(stalled.Connection.IsSubscribed("feed"));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Conflate_sends_the_latest_of_each_key_after_a_gap_message(Door door, bool isSecure)
    {
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Conflate, door, isSecure);
        List<long> numbers = [];
        long last = 0;
        long gapTo = 0;
        while (last < Messages)
        {
            JsonElement message = await stalled.Peer.ReadJsonAsync();
            if (message.GetProperty("type").ValueEquals("gap"))
            {
                // The system may take a little for the peer meanwhile: then the head was lower, and there may be another gap.
                long to = message.GetProperty("to").GetInt64();
                Assert.Equal($$"""{"type":"gap","topic":"feed","from":{{Math.Max(last, gapTo) + 1}},"to":{{to}},"reason":"conflated"}""", message.GetRawText());
                Assert.InRange(to, Math.Max(last, gapTo) + 1, Messages);
                gapTo = to;
                continue;
            }

            long number = message.GetProperty("sn").GetInt64();
            Assert.InRange(number, Math.Max(last, gapTo - Keys) + 1, Math.Max(last + 1, gapTo));
            numbers.Add(last = number);
        }

        Assert.NotEqual(0, gapTo);
        Assert.Equal(Enumerable.Range(Messages - Keys + 1, Keys).Select(i => (long)i), numbers.TakeLast(Keys));
        await stalled.AssertOthersUndisturbedAsync();
        Assert.Equal(Messages + 1, (await stalled.Peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Unsubscribe_ends_the_membership_with_an_error_and_leaves_the_connection(Door door, bool isSecure)
    {
        // The system may take a little for the peer at any time, and the policy act while messages are still being published.
        var left = new TaskCompletionSource<WsRoomEvent>();
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Unsubscribe, door, isSecure, onLeft: left.SetResult);
        (List<long> before, JsonElement error) = await stalled.Peer.ReadNumbersAsync();
        Assert.Equal(Enumerable.Range(1, before.Count).Select(i => (long)i), before);
        Assert.StartsWith("""{"type":"error","code":429,"topic":"feed",""", error.GetRawText(), StringComparison.Ordinal);
        WsRoomEvent leave = await left.Task.Soon();
        Assert.Equal(("feed", 1), (leave.Room, leave.Members));
        Assert.Same(stalled.Connection, leave.Connection);
        Assert.Empty(stalled.Connection.Rooms);
        await stalled.AssertOthersUndisturbedAsync();
        await stalled.Peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

        // And it may come again.
        await stalled.Peer.SubscribeAsync("feed");
        await stalled.AssertOthersUndisturbedAsync();
        Assert.Equal(Messages + 2, (await stalled.Peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
    }

    [Fact]
    public async Task A_member_that_is_only_late_gets_everything()
    {
        await using Stalled stalled = await Stalled.StartAsync(WsSlowConsumerPolicy.Disconnect, Door.Fast, false, maxLag: Messages + 1);
        for (int i = 1; i <= Messages; i++)
        {
            Assert.Equal(i, (await stalled.Peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }

        await stalled.Peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_member_whose_own_handler_publishes_more_than_it_may_lag_is_not_slow(Door door, bool isSecure)
    {
        // One write's worth more than it may lag: what has not left before the handler's end would be too much.
        const int Burst = 5000;
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, build: builder => builder.MapAction("burst", static async context =>
        {
            // The answer takes the connection's turn to write, and what is published waits for it.
            await context.ReplyAsync("here it comes");
            for (int i = 0; i < Burst; i++)
            {
                context.Hub.Room("feed").Publish("1"u8.ToArray());
            }
        }));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("feed");
        await peer.AskAsync("""{"id":"1","action":"burst"}""", """{"id":"1","type":"here it comes"}""");
        for (int i = 1; i <= Burst; i++)
        {
            Assert.Equal(i, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }

        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    private static long NumberOf(string message)
    {
        using JsonDocument document = JsonDocument.Parse(message);
        return document.RootElement.GetProperty("sn").GetInt64();
    }

    /// <summary>A room with a member that reads and one that does not, after more was published than the one that does not may lag.</summary>
    private sealed class Stalled : IAsyncDisposable
    {
        private readonly RawPeer _healthy;
        private long _published;

        private Stalled(HubServer server, RawPeer healthy, RawPeer peer, HubConnection connection)
        {
            Server = server;
            _healthy = healthy;
            Peer = peer;
            Connection = connection;
        }

        internal HubServer Server { get; }

        internal RawPeer Peer { get; }

        internal HubConnection Connection { get; }

        internal IWsRoom Room => Server.Hub.Room("feed");

        public async ValueTask DisposeAsync()
        {
            await Peer.DisposeAsync();
            await _healthy.DisposeAsync();
            await Server.DisposeAsync();
        }

        internal static async Task<Stalled> StartAsync(WsSlowConsumerPolicy policy, Door door, bool isSecure, TimeProvider? clock = null, int maxLag = 16, Action<WsRoomEvent>? onLeft = null)
        {
            HubServer server = await HubServer.JsonAsync(
                door,
                isSecure,
                options => options.PingInterval = Timeout.InfiniteTimeSpan,
                builder => builder.ConfigureRooms("feed", options =>
                {
                    options.SlowConsumerPolicy = policy;
                    options.MaxLagMessages = maxLag;
                }),
                clock,
                sendBufferBytes: 8192);
            RawPeer healthy = await server.OpenAsync();
            await healthy.SubscribeAsync("feed");
            (RawPeer peer, HubConnection connection) = await server.OpenWithConnectionAsync(receiveBufferBytes: 4096);
            await peer.SubscribeAsync("feed");
            server.Hub.Left += onLeft;
            var stalled = new Stalled(server, healthy, peer, connection);
            for (int i = 0; i < Messages; i++)
            {
                await stalled.PublishAsync();
            }

            return stalled;
        }

        /// <summary>One more message reaches the member that reads, and the connection that is no member.</summary>
        internal async Task AssertOthersUndisturbedAsync()
        {
            await PublishAsync();
            await Server.Bystander!.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        }

        private async Task PublishAsync()
        {
            Room.Publish(Encoding.ASCII.GetBytes(s_data), new WsPublishOptions(Key: $"key {_published % Keys}"));
            Assert.Equal(++_published, (await _healthy.ReadJsonAsync()).GetProperty("sn").GetInt64());
        }
    }
}
