using PipeWs.Server.Rooms;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Rooms;

public sealed class RoomRunTests
{
    private readonly RoomLog _log = new(1024, 16 * 1024 * 1024);
    private readonly RoomRun _run = new();
    private readonly RecordedPipeWriter _output = new();
    private WsFrame? _uncopied;

    public RoomRunTests() => _run.Begin(_log, members: 2);

    [Fact]
    public void It_writes_what_follows_a_number_in_one_piece()
    {
        for (int number = 5; number < 9; number++)
        {
            _run.Add(_log, number, Frame($"message {number}"));
        }

        WsFrameWriter writer = CreateWriter();
        Assert.Equal(9, _run.Write(_log, 7, ref writer));
        Assert.Equal(9, _run.Write(_log, 5, ref writer));
        Assert.Equal(6, writer.MessagesWritten);
        byte[] expected = [.. Bytes("message 7"), .. Bytes("message 8"), .. Bytes("message 5"), .. Bytes("message 6"), .. Bytes("message 7"), .. Bytes("message 8")];
        Assert.Equal(expected.Length, writer.BytesWritten);
        Assert.Equal(expected, Written());
    }

    [Fact]
    public void It_has_nothing_for_a_number_outside_or_of_another_log()
    {
        WsFrameWriter writer = CreateWriter();
        Assert.Equal(5, _run.Write(_log, 5, ref writer));
        _run.Add(_log, 5, Frame("a"));
        _run.Add(new RoomLog(1, 1), 6, Frame("of another room"));
        Assert.Equal(4, _run.Write(_log, 4, ref writer));
        Assert.Equal(6, _run.Write(_log, 6, ref writer));
        Assert.Equal(5, _run.Write(new RoomLog(1, 1), 5, ref writer));
        _run.End();
        Assert.Equal(5, _run.Write(_log, 5, ref writer));
        _run.Begin(_log, members: 2);
        Assert.Equal(5, _run.Write(_log, 5, ref writer));
        Assert.Empty(Written());
    }

    [Fact]
    public void For_one_member_alone_it_keeps_nothing()
    {
        _run.End();
        _run.Begin(_log, members: 1);
        _run.Add(_log, 5, Frame("five"));
        WsFrameWriter writer = CreateWriter();
        Assert.Equal(5, _run.Write(_log, 5, ref writer));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(3000)]
    public void What_was_lent_stays_as_it_is_while_more_is_added_and_after_the_walk(int payloadBytes)
    {
        _run.Add(_log, 5, Frame(new string('5', payloadBytes)));
        WsFrameWriter writer = CreateWriter();
        writer.LeavesRun = true;
        Assert.Equal(6, _run.Write(_log, 5, ref writer));
        Assert.Equal(Bytes(new string('5', payloadBytes)).Length, writer.BytesWritten);
        writer.Run.Lend();
        for (int number = 6; number < 20; number++)
        {
            _run.Add(_log, number, Frame(new string('6', payloadBytes)));
        }

        _run.End();
        _run.Begin(_log, members: 2);
        _run.Add(_log, 7, Frame(new string('7', payloadBytes)));

        Assert.Equal(Bytes(new string('5', payloadBytes)), writer.Run.Memory.ToArray());
        Assert.Empty(Written());
    }

    [Fact]
    public void What_was_not_lent_is_used_again()
    {
        _run.Add(_log, 5, Frame("five"));
        WsFrameWriter first = CreateWriter();
        first.LeavesRun = true;
        _run.Write(_log, 5, ref first);
        _run.End();
        _run.Begin(_log, members: 2);
        _run.Add(_log, 6, Frame("SIX!"));

        Assert.Equal(Bytes("SIX!"), first.Run.Memory.ToArray());
    }

    [Fact]
    public void It_keeps_only_what_follows_without_a_gap()
    {
        _run.Add(_log, 5, Frame("five"));
        _run.Add(_log, 7, Frame("seven"));
        _run.Add(_log, 4, Frame("four"));
        _run.Add(_log, 5, Frame("five"));
        _run.Add(_log, 6, Frame("six"));
        WsFrameWriter writer = CreateWriter();
        Assert.Equal(7, _run.Write(_log, 5, ref writer));
        Assert.Equal([.. Bytes("five"), .. Bytes("six")], Written());
    }

    [Theory]
    [InlineData(RoomRun.MaxFrameBytes, 0)]
    [InlineData(RoomRun.MaxFrameBytes - 10, RoomRun.MaxBytes / RoomRun.MaxFrameBytes)]
    [InlineData(1, RoomRun.MaxMessages)]
    public void It_keeps_no_more_than_it_has_room_for(int payloadBytes, int kept)
    {
        for (int number = 1; number < kept + 10; number++)
        {
            _run.Add(_log, number, Frame(new string('x', payloadBytes)));
        }

        WsFrameWriter writer = CreateWriter();
        Assert.Equal(1 + kept, _run.Write(_log, 1, ref writer));
    }

    [Fact]
    public void A_writer_that_masks_or_has_no_room_for_all_of_it_gets_nothing()
    {
        _run.Add(_log, 5, Frame("five"));
        _run.Add(_log, 6, Frame("six"));
        var masked = new WsFrameWriter(_output, ref _uncopied, masks: true, 1000, null);
        Assert.Equal(5, _run.Write(_log, 5, ref masked));
        var small = new WsFrameWriter(_output, ref _uncopied, masks: false, Bytes("five").Length + 1, null);
        Assert.Equal(5, _run.Write(_log, 5, ref small));
        Assert.Equal(7, _run.Write(_log, 6, ref small));
        Assert.Equal(Bytes("six"), Written());
    }

    private static WsFrame Frame(string text) => WsFrame.Create(WsMessageType.Text, System.Text.Encoding.ASCII.GetBytes(text));

    private static byte[] Bytes(string text) => Frame(text).Bytes.ToArray();

    private WsFrameWriter CreateWriter() => new(_output, ref _uncopied, masks: false, 64 * 1024, null);

    private byte[] Written()
    {
        _ = _output.FlushAsync();
        return _output.Flushed.ToArray();
    }
}
