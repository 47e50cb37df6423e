using PipeWs.Protocol.Compression;

namespace PipeWs.Protocol.Tests.Compression;

public sealed class MessageDeflaterTests
{
    public static TheoryData<int, int> WindowsAndLevels()
    {
        var data = new TheoryData<int, int>();
        for (int bits = 8; bits <= 15; bits++)
        {
            foreach (int level in (int[])[0, 1, 6, 9])
            {
                data.Add(bits, level);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(WindowsAndLevels))]
    public void What_is_deflated_in_parts_with_and_without_history_inflates_within_the_window(int bits, int level)
    {
        int seed = Random.Shared.Next();
        try
        {
            var random = new Random(seed);
            foreach (bool keepsHistory in (bool[])[true, false])
            {
                using var deflater = new MessageDeflater(bits, level);
                using var inflater = new MessageInflater(bits);
                for (int i = 0; i < 40; i++)
                {
                    byte[] message = Messages.Next(random, 1 << random.Next(0, 17));
                    if (!keepsHistory)
                    {
                        inflater.Reset();
                    }

                    // One byte of room at a time: zlib then reads no farther back than its own window, and so fails on what goes beyond.
                    Assert.Equal(message, Inflate(inflater, DeflateParts(deflater, message, keepsHistory, random), roomBytes: 1));
                }
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    /// <summary>The framework's zlib has no window of 8 bits: that the one of 9 keeps to it is zlib's own habit, and here seen to be so on every level and in every form of repetition.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    public void Nothing_of_the_smallest_window_points_back_farther_than_256_bytes(int level)
    {
        using var deflater = new MessageDeflater(DeflateParameters.MinWindowBits, level);
        using var inflater = new MessageInflater(DeflateParameters.MinWindowBits);
        var random = new Random(level);
        IEnumerable<byte[]> messages =
        [
            .. Enumerable.Range(0, 60).Select(_ => Messages.Next(random, 1 << random.Next(0, 17))),

            // The same noise again and again, each time at another distance around the limit.
            .. Enumerable.Range(240, 40).Select(distance => Cycle(random, distance, 4_000)),
            .. Enumerable.Range(500, 30).Select(distance => Cycle(random, distance, 4_000)),
            new byte[70_000],
        ];
        foreach (byte[] message in messages)
        {
            Assert.Equal(message, Inflate(inflater, DeflateParts(deflater, message, keepsHistory: true, random), roomBytes: 1));
        }
    }

    [Fact]
    public void An_inflater_of_the_smallest_window_sees_what_points_back_farther()
    {
        using var deflater = new MessageDeflater(10, 1);
        using var inflater = new MessageInflater(DeflateParameters.MinWindowBits);
        byte[] message = Cycle(new Random(1), 300, 4_000);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: true, out int length));
        ReadOnlySpan<byte> rest = room.AsSpan(0, length);
        InflateStatus status;
        do
        {
            status = inflater.Inflate(rest, new byte[1], out int consumed, out _);
            rest = rest[consumed..];
        }
        while (status == InflateStatus.NeedsRoom);

        Assert.Equal(InflateStatus.Invalid, status);
    }

    [Fact]
    public void The_smallest_window_costs_no_more_bytes_than_the_next()
    {
        byte[] message = Messages.Repeat(new Random(3), 50_000);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        using var smallest = new MessageDeflater(8, 1);
        using var next = new MessageDeflater(9, 1);
        Assert.True(smallest.TryDeflate(message, room, isLast: true, keepsHistory: false, out int length));
        Assert.True(next.TryDeflate(message, room, isLast: true, keepsHistory: false, out int expected));

        Assert.Equal(expected, length);
    }

    [Fact]
    public void A_reset_in_the_middle_of_a_message_leaves_a_clean_start()
    {
        using var deflater = new MessageDeflater(15, 6);
        byte[] message = Messages.Repeat(new Random(3), 50_000);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        byte[] expected = MessageInflaterTests.Deflate(message, 6);
        for (int i = 0; i < 10; i++)
        {
            Assert.True(deflater.TryDeflate(message.AsSpan(0, 5000 * i), room, isLast: i == 0, keepsHistory: true, out _));
            deflater.Reset();
            using var inflater = new MessageInflater();
            Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: false, out int length));
            Assert.Equal(message, Inflate(inflater, room.AsSpan(0, length), 4096));
            Assert.InRange(length, expected.Length - 100, expected.Length + 100);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(15)]
    public void Too_little_room_is_said_and_leaves_a_clean_start(int bits)
    {
        using var deflater = new MessageDeflater(bits, 1);
        byte[] message = Messages.Repeat(new Random(5), 3000);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: false, out int length));

        for (int small = 0; small < length; small += small < 20 ? 1 : 97)
        {
            Assert.False(deflater.TryDeflate(message, room.AsSpan(0, small), isLast: true, keepsHistory: true, out int none));
            Assert.Equal(0, none);
            Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: false, out int again));
            using var inflater = new MessageInflater();
            Assert.Equal(message, Inflate(inflater, room.AsSpan(0, again), 4096));
        }
    }

    [Fact]
    public void An_empty_message_is_one_byte_wherever_it_comes()
    {
        using var deflater = new MessageDeflater();
        byte[] room = new byte[100];
        Assert.True(deflater.TryDeflate([], room, isLast: true, keepsHistory: true, out int length));
        Assert.Equal([0], room[..length]);
        Assert.True(deflater.TryDeflate("some"u8, room, isLast: false, keepsHistory: true, out _));
        Assert.True(deflater.TryDeflate([], room, isLast: false, keepsHistory: true, out length));
        Assert.Equal(0, length);
        Assert.True(deflater.TryDeflate([], room, isLast: true, keepsHistory: false, out length));
        Assert.Equal([0], room[..length]);
        Assert.False(deflater.TryDeflate([], [], isLast: true, keepsHistory: false, out _));
    }

    [Fact]
    public void History_makes_the_second_message_shorter_and_a_reset_does_not_point_back()
    {
        using var deflater = new MessageDeflater(15, 6);
        byte[] message = Messages.Repeat(new Random(11), 500);
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: true, out int first));
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: true, out int second));
        Assert.InRange(second, 1, first / 2);

        deflater.Reset();
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: true, out int third));
        using var inflater = new MessageInflater();
        Assert.Equal(message, Inflate(inflater, room.AsSpan(0, third), 4096));
    }

    [Theory]
    [InlineData(0, 1, 64)]
    [InlineData(1, -1, 0)]
    [InlineData(1, 10, 0)]
    public void Levels_that_there_are_not_are_refused(int sourceBytes, int level, int room)
    {
        if (level == 1)
        {
            Assert.Equal(room, MessageDeflater.MaxDeflatedBytes(sourceBytes));
            return;
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new MessageDeflater(15, level));
    }

    private static byte[] Cycle(Random random, int period, int length)
    {
        byte[] noise = new byte[period];
        random.NextBytes(noise);
        return [.. Enumerable.Range(0, length).Select(i => noise[i % period])];
    }

    private static byte[] DeflateParts(MessageDeflater deflater, byte[] message, bool keepsHistory, Random random)
    {
        List<byte> payload = [];
        ReadOnlySpan<byte> rest = message;
        bool isLast;
        do
        {
            ReadOnlySpan<byte> part = rest[..random.Next(0, rest.Length + 1)];
            rest = rest[part.Length..];
            isLast = rest.IsEmpty && random.Next(2) == 0;
            byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(part.Length)];
            Assert.True(deflater.TryDeflate(part, room, isLast, keepsHistory, out int length));
            payload.AddRange(room.AsSpan(0, length));
        }
        while (!isLast);

        return [.. payload];
    }

    private static byte[] Inflate(MessageInflater inflater, ReadOnlySpan<byte> payload, int roomBytes)
    {
        List<byte> message = [];
        Span<byte> room = new byte[roomBytes];
        InflateStatus status;
        do
        {
            status = inflater.Inflate(payload, room, out int consumed, out int written);
            payload = payload[consumed..];
            message.AddRange(room[..written]);
        }
        while (status == InflateStatus.NeedsRoom);

        Assert.Equal(InflateStatus.NeedsInput, status);
        Assert.True(payload.IsEmpty);
        Assert.True(inflater.TryEndMessage());
        return [.. message];
    }
}
