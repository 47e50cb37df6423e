using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Frames;

/// <summary>Shared frames: encoded once, held by many, given back once.</summary>
[Collection(AloneCollection.Name)]
public sealed class WsFrameTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    public void A_frame_is_the_bytes_that_a_server_sends(int length)
    {
        foreach (WsMessageType type in Enum.GetValues<WsMessageType>())
        {
            byte[] payload = new byte[length];
            new Random(length).NextBytes(payload);

            WsFrame frame = WsFrame.Create(type, payload);

            Assert.Equal(RawFrame.Encode(type == WsMessageType.Text ? RawFrame.Text : RawFrame.Binary, payload), frame.Bytes.ToArray());
            Assert.Equal(payload, frame.Payload.ToArray());
            Assert.Equal((type, length, frame.Bytes.Length), (frame.Type, frame.PayloadLength, frame.Length));
            frame.Release();
        }
    }

    [Fact]
    public void A_frame_may_be_shorter_than_the_room_it_was_given()
    {
        WsFrame frame = WsFrame.Rent(1_000);
        "short"u8.CopyTo(frame.GetPayloadSpan(5));
        frame.Seal(WsMessageType.Text, 5);

        Assert.Equal(RawFrame.Encode(RawFrame.Text, "short"u8), frame.Bytes.ToArray());
        frame.Release();
    }

    [Fact]
    public void A_frame_that_comes_back_remembers_nothing()
    {
        for (int i = 0; i < 100; i++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, new byte[i * 100]);
            Assert.Null(frame.Key);
            Assert.Null(frame.Except);
            Assert.Equal(0, frame.SequenceNumber);
            Assert.Equal(0, frame.Timestamp);
            frame.Key = "key";
            frame.Except = ["id"];
            frame.SequenceNumber = 5;
            frame.Timestamp = 6;
            frame.Release();
        }
    }

    [Fact]
    public void Only_the_last_release_gives_it_back_and_one_more_is_a_bug_that_is_said()
    {
        long before = WsFramePool.Outstanding;
        WsFrame frame = WsFrame.Create(WsMessageType.Text, "x"u8);
        frame.Retain();
        Assert.True(frame.TryRetain());
        Assert.Equal(before + 1, WsFramePool.Outstanding);

        frame.Release();
        frame.Release();
        Assert.Equal(before + 1, WsFramePool.Outstanding);
        frame.Release();

        Assert.Equal(before, WsFramePool.Outstanding);
        Assert.False(frame.TryRetain());
        Assert.Throws<InvalidOperationException>(frame.Release);
    }

    [Fact]
    public void Holders_on_many_threads_give_each_frame_back_once()
    {
        long before = WsFramePool.Outstanding;
        for (int round = 0; round < 500; round++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Binary, BitConverter.GetBytes(round));
            int mistakes = 0;
            Parallel.For(0, 8, _ =>
            {
                if (frame.TryRetain())
                {
                    mistakes += BitConverter.ToInt32(frame.Payload) == round ? 0 : 1;
                    frame.Release();
                }
            });
            frame.Release();
            Assert.Equal(0, mistakes);
        }

        Assert.Equal(before, WsFramePool.Outstanding);
    }
}
