using PipeWs.Protocol.Compression;

namespace PipeWs.Protocol.Tests.Compression;

public sealed class MessageInflaterTests
{
    [Theory]
    [InlineData("F248CDC9C90700", "Hello")] // RFC 7692, 7.2.3.1: one block
    [InlineData("F200110000", "Hello")] // 7.2.3.2: from the message before
    [InlineData("000500FAFF48656C6C6F00", "Hello")] // 7.2.3.3: a block without compression
    [InlineData("F348CDC9C9070000", "Hello")] // 7.2.3.4: a block with BFINAL
    [InlineData("F248050000 00FFFF CAC9C90700", "Hello")] // 7.2.3.5: two blocks
    [InlineData("00", "")] // 7.2.3.6: nothing
    [InlineData("0300 F348CDC9C9070000", "Hello")] // an empty last block first
    [InlineData("F348CDC9C907 00", "Hello")] // a last block and nothing after it
    [InlineData("01", "")] // a last block without compression that says nothing, of which the four bytes are the rest
    [InlineData("F248CDC9C907 04", "Hello")] // the same behind a block that ends inside a byte
    [InlineData("F248CDC9C907 000000FFFF 01", "Hello")] // and behind an empty block
    public void The_examples_of_the_RFC_are_read_in_every_cut(string hex, string expected)
    {
        byte[] payload = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        for (int cut = 0; cut <= payload.Length; cut++)
        {
            using var inflater = new MessageInflater();
            if (expected.Length > 0)
            {
                // So that the second example has a history.
                Assert.Equal("Hello", ReadWhole(inflater, Convert.FromHexString("F248CDC9C90700"), 7));
            }

            Assert.Equal(expected, ReadWhole(inflater, payload, cut));
        }
    }

    [Theory]
    [InlineData("F348CDC9C9070000")]
    [InlineData("F248CDC9C90704")]
    [InlineData("F248CDC9C907000000FFFF01")]
    public void Row_34_a_block_with_BFINAL_twice_is_Hello_twice(string hex)
    {
        using var inflater = new MessageInflater();
        byte[] payload = Convert.FromHexString(hex);

        Assert.Equal("Hello", ReadWhole(inflater, payload, payload.Length));
        Assert.Equal("Hello", ReadWhole(inflater, payload, 3));
    }

    [Fact]
    public void Row_34_a_stream_that_ended_is_not_pointed_back_into()
    {
        using var inflater = new MessageInflater();

        Assert.Equal("Hello", ReadWhole(inflater, Convert.FromHexString("F248CDC9C90704"), 0));
        Assert.Null(ReadWhole(inflater, Convert.FromHexString("F200110000"), 0));
    }

    [Theory]
    [InlineData("FFFFFF")]
    [InlineData("07")]
    [InlineData("F2FFFFFFFF")]
    [InlineData("00050000FF48656C6C6F00")] // a length that does not match its complement
    [InlineData("F200110000")] // a distance back to before the first byte
    public void Row_33_garbage_is_invalid_in_every_cut(string hex)
    {
        byte[] payload = Convert.FromHexString(hex);
        for (int cut = 0; cut <= payload.Length; cut++)
        {
            using var inflater = new MessageInflater();

            Assert.Null(ReadWhole(inflater, payload, cut));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(9)]
    [InlineData(0)]
    public void Row_35_no_prefix_of_a_message_passes_for_one_but_where_it_is_a_whole_one(int level)
    {
        byte[] message = [.. Enumerable.Range(0, 200).Select(static i => (byte)("abcabcabd"[i % 9] + (i % 7)))];
        byte[] payload = Deflate(message, level);

        for (int length = 0; length < payload.Length; length++)
        {
            if (payload[..length] is [0])
            {
                // The first byte of a block without compression is an empty message of its own.
                continue;
            }

            using var inflater = new MessageInflater();

            Assert.Null(ReadWhole(inflater, payload[..length], length / 2));
        }
    }

    [Theory]
    [InlineData("0100")] // so much of the four bytes is there already
    [InlineData("010000FF")]
    [InlineData("0500")] // a last block with Huffman's codes, cut
    [InlineData("F348CDC9C9")]
    [InlineData("010500FAFF48656C6C")]
    public void Row_35_a_cut_block_with_BFINAL_is_no_end(string hex)
    {
        using var inflater = new MessageInflater();

        Assert.Null(ReadWhole(inflater, Convert.FromHexString(hex), 1));
    }

    [Fact]
    public void Row_35_a_message_of_no_bytes_at_all_is_no_message()
    {
        using var inflater = new MessageInflater();

        Assert.Null(ReadWhole(inflater, [], 0));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(1000, 1)]
    [InlineData(1, 100)]
    public void The_room_may_be_as_small_as_it_will(int pieceBytes, int roomBytes)
    {
        byte[] message = new byte[5000];
        new Random(7).NextBytes(message.AsSpan(0, 100));
        byte[] payload = Deflate(message, 6);
        using var inflater = new MessageInflater();
        List<byte> read = [];
        byte[] room = new byte[roomBytes];
        for (int start = 0; start < payload.Length; start += pieceBytes)
        {
            ReadOnlySpan<byte> piece = payload.AsSpan(start, Math.Min(pieceBytes, payload.Length - start));
            InflateStatus status;
            do
            {
                status = inflater.Inflate(piece, room, out int consumed, out int written);
                piece = piece[consumed..];
                read.AddRange(room.AsSpan(0, written));
            }
            while (status == InflateStatus.NeedsRoom);

            Assert.Equal(InflateStatus.NeedsInput, status);
            Assert.True(piece.IsEmpty);
        }

        Assert.True(inflater.TryEndMessage());
        Assert.Equal(message, read);
    }

    [Fact]
    public void No_room_is_answered_with_the_wish_for_some()
    {
        using var inflater = new MessageInflater();

        Assert.Equal(InflateStatus.NeedsRoom, inflater.Inflate([0xF2], [], out int consumed, out int written));
        Assert.Equal((0, 0), (consumed, written));
    }

    [Fact]
    public void Row_32_a_bomb_goes_no_farther_than_the_room()
    {
        byte[] bomb = Deflate(new byte[100 * 1024 * 1024], 9);
        Assert.InRange(bomb.Length, 1, 110_000);
        using var inflater = new MessageInflater();
        byte[] room = new byte[1024 * 1024 + 1];

        Assert.Equal(InflateStatus.NeedsRoom, inflater.Inflate(bomb, room, out int consumed, out int written));

        Assert.Equal(room.Length, written);
        Assert.InRange(consumed, 1, 4096);
    }

    [Fact]
    public void A_reset_forgets_the_history_and_every_error()
    {
        using var inflater = new MessageInflater();
        Assert.Equal("Hello", ReadWhole(inflater, Convert.FromHexString("F248CDC9C90700"), 0));
        inflater.Reset();
        Assert.Null(ReadWhole(inflater, Convert.FromHexString("F200110000"), 0));
        inflater.Reset();
        Assert.Equal("Hello", ReadWhole(inflater, Convert.FromHexString("F348CDC9C90700"), 0));
        inflater.Reset();
        Assert.Equal("Hello", ReadWhole(inflater, Convert.FromHexString("F248CDC9C90700"), 0));
    }

    [Fact]
    public void Native_states_are_counted_and_end_with_their_owner()
    {
        // Other tests of the process own states too: only what is certain is said.
        var inflater = new MessageInflater();
        Assert.InRange(DeflateSupport.NativeStates, 1, long.MaxValue);
        inflater.Dispose();
        inflater.Dispose();
        Assert.Throws<ObjectDisposedException>(() => inflater.Inflate([0], new byte[1], out _, out _));
        Assert.Throws<ObjectDisposedException>(inflater.Reset);
        Assert.True(DeflateSupport.IsSupported);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(16)]
    public void Windows_that_there_are_not_are_refused(int bits)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MessageInflater(bits));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MessageDeflater(bits));
    }

    internal static byte[] Deflate(ReadOnlySpan<byte> message, int level)
    {
        using var deflater = new MessageDeflater(level: level);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: true, out int length));
        return room[..length];
    }

    private static string? ReadWhole(MessageInflater inflater, byte[] payload, int cut)
    {
        byte[] room = new byte[4096];
        int length = 0;
        foreach (byte[] piece in (byte[][])[payload[..cut], payload[cut..]])
        {
            if (inflater.Inflate(piece, room.AsSpan(length), out int consumed, out int written) != InflateStatus.NeedsInput)
            {
                return null;
            }

            Assert.Equal(piece.Length, consumed);
            length += written;
        }

        return inflater.TryEndMessage() ? System.Text.Encoding.ASCII.GetString(room.AsSpan(0, length)) : null;
    }
}
