using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>What a connection counts of what goes through it.</summary>
public sealed class TrafficTests
{
    [Theory]
    [InlineData(Delivery.Whole)]
    [InlineData(Delivery.ByteByByte)]
    [InlineData(Delivery.TinyPipe)]
    public async Task Messages_and_the_bytes_of_their_frames_are_counted_however_they_come(Delivery delivery)
    {
        await using var harness = new ConnectionHarness(delivery: delivery);
        byte[] whole = harness.Peer.Encode(RawFrame.Text, "whole"u8);
        byte[] first = harness.Peer.Encode(RawFrame.Text, "in "u8, fin: false);
        byte[] last = harness.Peer.Encode(RawFrame.Continuation, "two"u8);
        byte[] ping = harness.Peer.Encode(RawFrame.Ping, "?"u8);
        await harness.SendAsync([.. whole, .. first, .. ping, .. last]);
        Assert.Equal(RawFrame.Pong, (await harness.Peer.ReadFrameAsync()).Opcode);
        await Conditions.UntilAsync(() => harness.Connection.MessagesReceived == 2, "both messages came");
        await harness.UntilIdleAsync();

        WsConnection connection = harness.Connection;
        Assert.Equal(whole.Length + first.Length + ping.Length + last.Length, connection.BytesReceived);

        // A pong is no message, and its bytes are sent all the same.
        Assert.Equal((0, 3), (connection.MessagesSent, connection.BytesSent));
    }

    [Fact]
    public async Task A_message_that_is_received_in_parts_counts_with_its_last()
    {
        await using var harness = new ConnectionHarness();
        harness.Receiver.InParts = static _ => true;
        await harness.SendAsync(harness.Peer.Encode(RawFrame.Text, "a"u8, fin: false));
        await harness.UntilIdleAsync();
        Assert.Equal(0, harness.Connection.MessagesReceived);
        await harness.SendAsync(harness.Peer.Encode(RawFrame.Continuation, "b"u8));
        await harness.UntilIdleAsync();
        Assert.Equal(1, harness.Connection.MessagesReceived);
    }

    [Fact]
    public async Task Every_way_to_send_counts_a_message_once()
    {
        await using var harness = new ConnectionHarness();
        WsConnection connection = harness.Connection;
        byte[] large = new byte[100_000];
        using var frame = new FrameHold(WsFrame.Create(WsMessageType.Text, "frame"u8));
        await connection.SendAsync(WsMessageType.Text, "small"u8.ToArray());
        await ReadAsync(5);
        Assert.True(connection.TrySend(frame.Frame));
        await ReadAsync(5);
        ValueTask lent = connection.SendAsync(WsMessageType.Binary, large);
        await ReadAsync(large.Length);
        await lent;
        Assert.Equal(3, connection.MessagesSent);
        Assert.Equal((2 + 5) + (2 + 5) + (10 + large.Length), connection.BytesSent);

        WsMessageWriter parts = connection.BeginMessage(WsMessageType.Text);
        await parts.WriteAsync("in "u8.ToArray());
        Assert.Equal("in ", (await harness.Peer.ReadFrameAsync()).PayloadText);
        Assert.Equal(3, connection.MessagesSent);
        await parts.CompleteAsync();
        await harness.Peer.ReadFrameAsync();
        Assert.Equal(4, connection.MessagesSent);

        async Task ReadAsync(int length) => Assert.Equal(length, (await harness.Peer.ReadFrameAsync()).Payload.Length);
    }

    [Fact]
    public async Task Pings_are_counted_and_the_receiver_is_told_of_their_round_trip()
    {
        await using var harness = new ConnectionHarness();
        Task<TimeSpan> ping = harness.Connection.PingAsync().AsTask();
        RawFrame frame = await harness.Peer.ReadFrameAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(30));
        await harness.Peer.SendFrameAsync(RawFrame.Pong, frame.Payload);

        Assert.Equal(TimeSpan.FromMilliseconds(30), await ping.Soon());
        await Conditions.UntilAsync(() => harness.Receiver.RoundTrips.Count == 1, "the receiver was told");
        Assert.Equal([TimeSpan.FromMilliseconds(30)], harness.Receiver.RoundTrips);
        Assert.Equal(1, harness.Connection.PingsSent);
    }

    private sealed class FrameHold(WsFrame frame) : IDisposable
    {
        public WsFrame Frame => frame;

        public void Dispose() => frame.Release();
    }
}
