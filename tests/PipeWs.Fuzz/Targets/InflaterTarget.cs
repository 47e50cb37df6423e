using System.Buffers;
using System.IO.Compression;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Segmentation;

namespace PipeWs.Fuzz.Targets;

/// <summary>
/// Two messages, inflated one after the other. Oracles: a plain inflater for what is valid and what it says; System.IO.Compression for what it says; the same bytes cut in another way, into other
/// room; and what the deflater makes of the bytes says the bytes again. First byte: the deflater's window, history. Second: how the bytes are cut. Third: where the first message ends.
/// </summary>
internal sealed class InflaterTarget : FuzzTarget
{
    private const int MaxMessageBytes = 64 * 1024;

    private readonly Dictionary<int, (MessageInflater First, MessageInflater Second, MessageDeflater Deflater)> _states = [];

    public override string Name => "inflater";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
        [[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], [0x00, 0x00, 0xFF, 0xFF], [0x01, 0x00, 0x00, 0xFF, 0xFF], [0x00], [0x01], [0x04], [0x02, 0x00], [0x62, 0x18, 0x05, 0xA3, 0x60, 0x14, 0x0C]];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            byte[] text = [.. Enumerable.Range(0, 600).Select(static i => (byte)"the quick brown fox jumps over the lazy dog"[(i * i) % 43])];
            byte[] noise = new byte[300];
            new Random(1).NextBytes(noise);
            foreach (byte choices in (byte[])[0x07, 0x0F, 0x00, 0x09])
            {
                yield return [choices, 1, 128, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x00, 0x11, 0x00, 0x00];
                yield return [choices, 2, 255, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
                yield return [choices, 3, 255, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x04];
                yield return [choices, 3, 255, 0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];
                yield return [choices, 4, 0, 0xFF, 0xFF, 0xFF];
                foreach (byte[] message in (byte[][])[text, noise])
                {
                    foreach (CompressionLevel level in (CompressionLevel[])[CompressionLevel.SmallestSize, CompressionLevel.Fastest, CompressionLevel.NoCompression])
                    {
                        using var deflated = new MemoryStream();
                        using (var stream = new DeflateStream(deflated, level, leaveOpen: true))
                        {
                            stream.Write(message);
                        }

                        yield return [choices, 5, 255, .. deflated.ToArray()];
                    }
                }
            }
        }
    }

    public override long MaxAllocatedBytes(int inputBytes) => (8 * 1024 * 1024) + (64L * inputBytes);

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        int choices = bytes.Next();
        var random = new Random(bytes.Next());
        int split = bytes.Next();
        ReadOnlySpan<byte> rest = bytes.Rest;
        int end = rest.Length * split / 255;
        int windowBits = 8 + (choices & 7);
        bool keepsHistory = (choices & 8) != 0;
        (MessageInflater first, MessageInflater second, MessageDeflater deflater) = States(windowBits);
        first.Reset();
        second.Reset();
        var reference = new ReferenceInflater { MaxBytes = MaxMessageBytes };
        foreach (Range range in new[] { ..end, end.. })
        {
            ReadOnlySpan<byte> message = rest[range];
            ReferenceVerdict expected = reference.Inflate(message, out byte[] said);
            said = expected == ReferenceVerdict.Valid ? said : [];
            ReferenceVerdict whole = Inflate(first, message, [message.Length], MaxMessageBytes + 1, out byte[] output);
            ReferenceVerdict cut = Inflate(second, message, Cuts.Random(message.Length, random), 1 + random.Next(600), out byte[] cutOutput);
            Assert.Equal((expected, Convert.ToHexString(said)), (whole, Convert.ToHexString(output)));
            Assert.Equal((expected, Convert.ToHexString(said)), (cut, Convert.ToHexString(cutOutput)));
            if (expected != ReferenceVerdict.Valid)
            {
                break;
            }

            if (!keepsHistory)
            {
                CheckByStream(message, output);
                first.Reset();
                second.Reset();
                reference.Reset();
            }
        }

        RoundTrip(deflater, rest, windowBits);
    }

    private static ReferenceVerdict Inflate(MessageInflater inflater, ReadOnlySpan<byte> message, int[] pieces, int roomBytes, out byte[] output)
    {
        var written = new ArrayBufferWriter<byte>(roomBytes);
        output = [];
        foreach (int length in pieces)
        {
            ReadOnlySpan<byte> piece = message[..length];
            message = message[length..];
            InflateStatus status;
            do
            {
                status = inflater.Inflate(piece, written.GetSpan(roomBytes)[..roomBytes], out int consumed, out int count);
                Assert.InRange(consumed, 0, piece.Length);
                written.Advance(count);
                piece = piece[consumed..];
                if (status == InflateStatus.Invalid)
                {
                    return ReferenceVerdict.Invalid;
                }

                if (written.WrittenCount > MaxMessageBytes)
                {
                    return ReferenceVerdict.TooLong;
                }

                Assert.True(status == InflateStatus.NeedsRoom ? count == roomBytes : piece.IsEmpty, "It neither used its input nor its room.");
            }
            while (status == InflateStatus.NeedsRoom);
        }

        if (!inflater.TryEndMessage())
        {
            return ReferenceVerdict.Invalid;
        }

        output = written.WrittenSpan.ToArray();
        return ReferenceVerdict.Valid;
    }

    /// <summary>The framework's own stream reads up to the end of the first stream.</summary>
    private static void CheckByStream(ReadOnlySpan<byte> message, byte[] output)
    {
        using var source = new MemoryStream([.. message, 0x00, 0x00, 0xFF, 0xFF]);
        using var stream = new DeflateStream(source, CompressionMode.Decompress);
        byte[] said = new byte[output.Length];
        int read = stream.ReadAtLeast(said, said.Length, throwOnEndOfStream: false);
        Assert.Equal(output.AsSpan(0, read), said.AsSpan(0, read));
    }

    private static void RoundTrip(MessageDeflater deflater, ReadOnlySpan<byte> message, int windowBits)
    {
        byte[] room = new byte[MessageDeflater.MaxDeflatedBytes(message.Length)];
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: false, out int written));
        var reference = new ReferenceInflater { MaxBytes = MaxMessageBytes };
        Assert.Equal(ReferenceVerdict.Valid, reference.Inflate(room.AsSpan(0, written), out byte[] said));
        Assert.Equal(message, said);
        Assert.InRange(reference.LargestDistance, 0, 1 << windowBits);

        // Too little room is said, and leaves the deflater as it was.
        Assert.False(deflater.TryDeflate(message, room.AsSpan(0, Math.Min(written - 1, room.Length)), isLast: true, keepsHistory: false, out _));
        Assert.True(deflater.TryDeflate(message, room, isLast: true, keepsHistory: false, out int again));
        Assert.Equal(said, reference.Inflate(room.AsSpan(0, again), out byte[] saidAgain) == ReferenceVerdict.Valid ? saidAgain : null);
    }

    private (MessageInflater First, MessageInflater Second, MessageDeflater Deflater) States(int windowBits)
    {
        if (!_states.TryGetValue(windowBits, out (MessageInflater, MessageInflater, MessageDeflater) states))
        {
            states = (new MessageInflater(), new MessageInflater(), new MessageDeflater(windowBits));
            _states.Add(windowBits, states);
        }

        return states;
    }
}
