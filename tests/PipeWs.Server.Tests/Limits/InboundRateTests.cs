using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Limits;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Limits;

/// <summary>What comes faster than it may. Buckets go by the real time: what must not be refilled during a test has a rate of next to nothing.</summary>
public sealed class InboundRateTests
{
    private const double NextToNothing = 0.001;

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_message_too_many_is_answered_with_429_and_its_id_and_the_connection_lives(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, options => Limit(options, WsRateLimitPolicy.ReplyError, burst: 3), hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"1","action":"echo","data":1}""", """{"id":"1","type":"echo","data":1}""");
        await peer.AskAsync("nonsense", """{"type":"error","code":400,"data":"the message is not valid JSON"}""".Replace("the message is not valid JSON", await ReasonAsync(), StringComparison.Ordinal));
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

        await peer.AskAsync(
            """{"id":"4","action":"echo","data":1}""", """{"id":"4","type":"error","code":429,"data":"too many messages: 0.001 a second are accepted (InboundMessagesPerSecond)"}""");
        await peer.AskAsync("nonsense", """{"type":"error","code":429,"data":"too many messages: 0.001 a second are accepted (InboundMessagesPerSecond)"}""");
        Assert.Equal(2, server.Hub.Counters.Refusals.GetValueOrDefault("InboundMessagesPerSecond"));
        Assert.Empty(server.Server.Log.All);
        await peer.CloseAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Where_the_policy_is_to_close_a_message_too_many_gets_1008(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure, options => Limit(options, WsRateLimitPolicy.Close, burst: 1), hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        await peer.SendTextAsync("""{"type":"ping"}""");
        RawFrame close = await peer.ReadCloseAsync(1008);
        Assert.Contains("InboundMessagesPerSecond", close.Text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Pings_are_messages_too(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => Limit(options, WsRateLimitPolicy.Close, burst: 3));
        await using RawPeer peer = await server.OpenAsync();
        for (int i = 0; i < 4; i++)
        {
            await peer.SendFrameAsync(Opcode.Ping, [(byte)i]);
        }

        // "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received a Close frame" (RFC 6455, 5.5.2).
        for (int i = 0; i < 4; i++)
        {
            RawFrame pong = await peer.ReadFrameAsync();
            Assert.Equal((Opcode.Pong, i), (pong.Opcode, pong.Payload[0]));
        }

        await peer.ReadCloseAsync(1008);
    }

    [Fact]
    public async Task Bytes_are_limited_too()
    {
        await using HubServer server = await HubServer.JsonAsync(
            configure: options =>
            {
                options.MaxMessageBytes = 1000;
                options.InboundBytesPerSecond = NextToNothing;
            },
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync();
        string message = $$"""{"id":"1","action":"echo","data":"{{new string('x', 600)}}"}""";
        await peer.SendTextAsync(message);
        Assert.Contains("\"type\":\"echo\"", await peer.ReadTextAsync(), StringComparison.Ordinal);
        await peer.AskAsync(message, """{"id":"1","type":"error","code":429,"data":"too many bytes: 0.001 a second are accepted (InboundBytesPerSecond)"}""");

        // What fits is still taken.
        await peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        Assert.Equal(1, server.Hub.Counters.Refusals.GetValueOrDefault("InboundBytesPerSecond"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Compressed_bytes_count_where_they_are_more_than_they_say(bool inParts)
    {
        const int Blocks = 8_000;
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            isSecure: false,
            options =>
            {
                options.Compression = new WsCompressionOptions();
                options.MaxMessageBytes = 100_000;
                options.InboundBytesPerSecond = NextToNothing;
                options.InboundRatePolicy = WsRateLimitPolicy.Close;
            },
            builder =>
            {
                if (inParts)
                {
                    builder.OnBinaryParts(static context => context.IsLastPart ? context.Connection.SendTextAsync("whole") : default);
                }
                else
                {
                    builder.OnBinary(static context => context.Connection.SendTextAsync("whole"));
                }
            },
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: "Sec-WebSocket-Extensions: permessage-deflate"));
        byte[] saysNothing = [.. Enumerable.Repeat<byte[]>([0, 0, 0, 0xFF, 0xFF], Blocks).SelectMany(static block => block), 0];
        for (int i = 0; i < 2; i++)
        {
            await peer.SendFrameAsync(Opcode.Binary, saysNothing, rsv: 0x40);
            Assert.Equal("whole", await peer.ReadTextAsync());
        }

        await peer.SendFrameAsync(Opcode.Binary, saysNothing, rsv: 0x40);
        RawFrame close = await peer.ReadCloseAsync(1008);
        Assert.Contains("InboundBytesPerSecond", close.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WsRateLimitPolicy.Wait)]
    [InlineData(WsRateLimitPolicy.ReplyError)]
    public async Task What_waits_is_handled_late_in_order_and_whole(WsRateLimitPolicy policy)
    {
        const int Messages = 12;
        await using HubServer server = await HubServer.EchoAsync(
            Door.Fast,
            configure: options =>
            {
                options.InboundRatePolicy = policy;
                options.InboundMessagesPerSecond = 50;
                options.InboundMessageBurst = 2;
            });
        await using RawPeer peer = await server.OpenAsync();
        for (int i = 0; i < Messages; i++)
        {
            // A ping that waits within a message must not cost the message what came before.
            await peer.SendFrameAsync(Opcode.Text, Encoding.ASCII.GetBytes($"{i} be"), fin: false);
            await peer.SendFrameAsync(Opcode.Ping, [(byte)i]);
            await peer.SendFrameAsync(Opcode.Continuation, "fore"u8);
        }

        for (int i = 0; i < Messages; i++)
        {
            RawFrame pong = await peer.ReadFrameAsync();
            Assert.Equal((Opcode.Pong, i), (pong.Opcode, pong.Payload[0]));
            Assert.Equal($"{i} before", await peer.ReadTextAsync());
        }

        Assert.InRange(server.Hub.Counters.Refusals.GetValueOrDefault("InboundMessagesPerSecond"), 1, Messages * 2);
        await peer.CloseAsync();
    }

    [Fact]
    public async Task Parts_wait_too()
    {
        const int Bytes = 200_000;
        int received = 0;
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            isSecure: false,
            options =>
            {
                options.MaxMessageBytes = 1000;
                options.InboundBytesPerSecond = 400_000;
                options.InboundByteBurst = 50_000;
            },
            builder => builder.OnBinaryParts(context =>
            {
                received += (int)context.Payload.Length;
                return context.IsLastPart ? context.Connection.SendTextAsync("whole") : default;
            }),
            speaksJson: true);
        await using RawPeer peer = await server.OpenAsync();
        await peer.SendFrameAsync(Opcode.Binary, new byte[Bytes]);
        Assert.Equal("whole", await peer.ReadTextAsync());
        Assert.Equal(Bytes, received);
    }

    [Fact]
    public async Task Who_waits_can_still_be_closed()
    {
        await using HubServer server = await HubServer.EchoAsync(Door.Fast, configure: options => Limit(options, WsRateLimitPolicy.Wait, burst: 1));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("one", "one");
        await peer.SendTextAsync("two");
        await Shared.Conditions.UntilAsync(() => server.Hub.Counters.Refusals.GetValueOrDefault("InboundMessagesPerSecond") == 1, "the second waits");
        foreach (IWsConnection connection in server.Hub.Connections)
        {
            connection.BeginClose(1001, "");
        }

        await peer.ReadCloseAsync(1001);
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE9]);
        await peer.AssertClosedAsync();
    }

    private static void Limit(PipeWsOptions options, WsRateLimitPolicy policy, int burst)
    {
        options.InboundRatePolicy = policy;
        options.InboundMessagesPerSecond = NextToNothing;
        options.InboundMessageBurst = burst;
    }

    /// <summary>What a hub without limits says to nonsense.</summary>
    private static async Task<string> ReasonAsync()
    {
        using var test = new TestHub();
        await using var peer = new HubPeer(test.Hub);
        await peer.SendAsync("nonsense");
        await peer.UntilAsync(texts => texts.Count == 2, "the answer");
        using var json = System.Text.Json.JsonDocument.Parse(peer.Texts[1]);
        return json.RootElement.GetProperty("data").GetString()!;
    }
}
