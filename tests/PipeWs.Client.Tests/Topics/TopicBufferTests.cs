using System.Text;
using PipeWs.Client.Topics;
using PipeWs.Messages;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

/// <summary>What a buffer says of what it had no room for, by itself.</summary>
public sealed class TopicBufferTests
{
    private static readonly EnvelopeNames s_names = new(["type"], ["data"]);

    private readonly TopicMember _member = new(null!, new TopicState("/t", privateChannel: false), WsTopicSince.After("x", 0));

    [Fact]
    public async Task A_reader_that_waits_is_woken_by_a_gap_for_what_was_not_added()
    {
        var buffer = new TopicBuffer(1, 1000);
        ValueTask<bool> wait = buffer.WaitToReadAsync(CancellationToken.None);

        buffer.CountNotAdded(_member, null, 5);

        Assert.True(await wait.Soon());
        Assert.Equal("x 5-5 overflow 1", Take(buffer));
    }

    [Fact]
    public async Task A_reader_sees_the_end_behind_a_gap_for_what_was_not_added()
    {
        var buffer = new TopicBuffer(1, 1000);
        ValueTask<bool> wait = buffer.WaitToReadAsync(CancellationToken.None);
        buffer.CountNotAdded(_member, null, 5);
        buffer.Complete(null);
        buffer.CountNotAdded(_member, null, 6);

        Assert.True(await wait.Soon());
        Assert.Equal("x 5-5 overflow 1", Take(buffer));
        Assert.False(await buffer.WaitToReadAsync(CancellationToken.None).Soon());
        Assert.Equal(2, buffer.Dropped);
    }

    [Fact]
    public void What_is_dropped_is_missing_in_its_own_epoch()
    {
        var buffer = new TopicBuffer(2, 1000);
        Add(buffer, 5);
        Add(buffer, 6);
        _member.Begin("y", 0);

        Add(buffer, 1);
        Assert.Equal(["x 5-5 overflow 1", "6", "1"], TakeAll(buffer));

        _member.Begin("x", 0);
        Add(buffer, 7);
        Add(buffer, 8);
        _member.Begin("y", 0);
        Add(buffer, 2);
        Add(buffer, 3);
        Add(buffer, 4);

        // Of the epoch that is over it is said that it is; the numbers are those of the one that is read.
        Assert.Equal(["x>y 2-2 overflow 3", "3", "4"], TakeAll(buffer));
    }

    [Fact]
    public void A_servers_gap_is_counted_and_gives_way_whatever_its_reason()
    {
        var buffer = new TopicBuffer(2, 1000);
        for (int number = 1; number <= 9; number += 2)
        {
            buffer.DropOldest(0);
            buffer.Add(TopicFrame.ForGap(new WsTopicGap("/t", number, number, "overflow") { Epoch = "x" }, _member));
            Assert.InRange(buffer.Count, 1, 2);
        }

        Assert.Equal(["x 1-5 overflow 3", "x 7-7 overflow 1", "x 9-9 overflow 1"], TakeAll(buffer));
        Assert.Equal((0, 0L), (buffer.Count, buffer.Bytes));
    }

    [Fact]
    public void A_gap_that_grows_stays_counted_whatever_its_reason()
    {
        var buffer = new TopicBuffer(2, 1000);
        buffer.AddGap(new WsTopicGap("/t", 1, 2, "expired") { Epoch = "x" }, _member);
        Assert.Equal((1, 2L * "expiredx".Length), (buffer.Count, buffer.Bytes));

        buffer.AddGap(new WsTopicGap("/t", 3, 4, "overflow") { Epoch = "x" }, _member);

        Assert.Equal((1, 2L * "overflowx".Length), (buffer.Count, buffer.Bytes));
        Assert.Equal(["x 1-4 overflow 4"], TakeAll(buffer));
        Assert.Equal((0, 0L), (buffer.Count, buffer.Bytes));
    }

    [Fact]
    public void The_words_of_gaps_take_of_the_buffers_bytes()
    {
        var buffer = new TopicBuffer(1000, 1000);
        for (int number = 1; number <= 100; number++)
        {
            var gap = new WsTopicGap("/t", number, number, new string('w', 123)) { Epoch = "x" };
            if (!buffer.HasRoom(TopicFrame.LengthOf(gap)))
            {
                buffer.DropOldest(TopicFrame.LengthOf(gap));
            }

            buffer.Add(TopicFrame.ForGap(gap, _member));
            Assert.InRange(buffer.Bytes, 1, 1000);
        }

        Assert.Equal(4, buffer.Count);
        Assert.Equal("x 1-96 overflow 96", Take(buffer));
    }

    private void Add(TopicBuffer buffer, long number)
    {
        byte[] message = Encoding.UTF8.GetBytes($$"""{"type":"message","topic":"/t","sn":{{number}} }""");
        Assert.False(EnvelopeReader.Read(message, s_names, out Envelope envelope).IsError);
        buffer.DropOldest(message.Length);
        buffer.Add(TopicFrame.Rent(message, envelope, "/t", _member));
    }

    private static string[] TakeAll(TopicBuffer buffer)
    {
        var taken = new List<string>();
        while (buffer.Count > 0)
        {
            taken.Add(Take(buffer));
        }

        return [.. taken];
    }

    private static string Take(TopicBuffer buffer)
    {
        Assert.True(buffer.TryTake(out TopicFrame? frame));
        string taken = frame.Gap is not { } gap ? $"{frame.Envelope.SequenceNumber}"
            : $"{(gap.PreviousEpoch is null ? "" : gap.PreviousEpoch + ">")}{gap.Epoch} {gap.From}-{gap.To} {gap.Reason} {gap.Count}";
        frame.Release(frame.Version);
        return taken;
    }
}
