using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.LoadTest.Load;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Tests.Load;

public sealed class FrameReaderTests
{
    private static readonly byte[] Long = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
    private static readonly byte[] VeryLong = [.. Enumerable.Range(0, 70_000).Select(i => (byte)(i * 7))];

    private static readonly byte[] Stream =
    [
        .. Frame(Opcode.Text, "hello"u8),
        .. Frame(Opcode.Ping, "?"u8),
        .. Frame(Opcode.Text, [], fin: false),
        .. Frame(Opcode.Continuation, "in "u8, fin: false),
        .. Frame(Opcode.Ping, []),
        .. Frame(Opcode.Continuation, "parts"u8),
        .. Frame(Opcode.Binary, Long),
        .. Frame(Opcode.Binary, []),
        .. Frame(Opcode.Close, [3, 232]),
    ];

    private static readonly string[] Expected =
    [
        "Text hello", "Ping ?", "Ping ", "Text in parts", $"Binary {Convert.ToHexString(Long)}", "Binary ", "Close 03E8",
    ];

    [Fact]
    public void All_frames_are_found_in_one_piece() => Assert.Equal(Expected, Read(Stream, [Stream.Length]));

    [Fact]
    public void All_frames_are_found_wherever_the_bytes_are_cut_in_two()
    {
        for (int cut = 0; cut <= Stream.Length; cut++)
        {
            Assert.Equal(Expected, Read(Stream, [cut, Stream.Length - cut]));
        }
    }

    [Fact]
    public void All_frames_are_found_byte_by_byte() => Assert.Equal(Expected, Read(Stream, Enumerable.Repeat(1, Stream.Length)));

    [Fact]
    public void All_frames_are_found_in_pieces_of_any_size() =>
        Prop.ForAll(Gen.Choose(1, 40).NonEmptyListOf().ToArbitrary(), sizes => Read(Stream, Repeat([.. sizes])).SequenceEqual(Expected)).QuickCheckThrowOnFailure();

    [Fact]
    public void A_frame_with_a_64_bit_length_is_found_in_pieces()
    {
        byte[] bytes = [.. Frame(Opcode.Binary, VeryLong), .. Frame(Opcode.Text, "end"u8)];

        Assert.Equal([$"Binary {Convert.ToHexString(VeryLong)}", "Text end"], Read(bytes, Repeat([1, 3, 4096])));
    }

    [Fact]
    public void Frames_are_counted_with_control_frames_and_fragments()
    {
        var reader = new FrameReader(new Sink(), 1000);
        reader.Read(Stream);

        Assert.Equal(9, reader.Frames);
    }

    [Fact]
    public void A_masked_frame_is_refused()
    {
        byte[] frame = new byte[FrameHeader.MaxLength];
        int length = FrameHeader.WriteMasked(frame, Opcode.Text, 0, 0x12345678);

        Assert.Throws<ProtocolViolationException>(() => Read(frame.AsSpan(0, length).ToArray(), [length]));
    }

    [Fact]
    public void A_continuation_of_nothing_is_refused() =>
        Assert.Throws<ProtocolViolationException>(() => Read(Frame(Opcode.Continuation, "x"u8), [3]));

    [Fact]
    public void A_frame_longer_than_expected_is_refused_before_its_payload()
    {
        byte[] header = new byte[FrameHeader.MaxLength];
        int length = FrameHeader.Write(header, Opcode.Binary, 1001);

        Assert.Throws<ProtocolViolationException>(() => new FrameReader(new Sink(), 1000).Read(header.AsSpan(0, length)));
    }

    [Fact]
    public void Fragments_longer_than_expected_are_refused()
    {
        var reader = new FrameReader(new Sink(), 1000);
        reader.Read(Frame(Opcode.Binary, new byte[600], fin: false));

        Assert.Throws<ProtocolViolationException>(() => reader.Read(Frame(Opcode.Continuation, new byte[401])));
    }

    private static IEnumerable<int> Repeat(int[] sizes)
    {
        while (true)
        {
            foreach (int size in sizes)
            {
                yield return size;
            }
        }
    }

    private static List<string> Read(byte[] bytes, IEnumerable<int> sizes)
    {
        var sink = new Sink();
        var reader = new FrameReader(sink, 100_000);
        int start = 0;
        foreach (int size in sizes)
        {
            int taken = Math.Min(size, bytes.Length - start);

            // A buffer of its own, overwritten at once: nothing may be kept but copies.
            byte[] piece = bytes.AsSpan(start, taken).ToArray();
            reader.Read(piece);
            piece.AsSpan().Fill(0xEE);
            start += taken;
            if (start == bytes.Length)
            {
                break;
            }
        }

        return sink.Found;
    }

    private static byte[] Frame(Opcode opcode, ReadOnlySpan<byte> payload, bool fin = true)
    {
        byte[] frame = new byte[FrameHeader.GetLength(payload.Length, masked: false) + payload.Length];
        payload.CopyTo(frame.AsSpan(FrameHeader.Write(frame, opcode, payload.Length, fin)));
        return frame;
    }

    private sealed class Sink : IFrameSink
    {
        public List<string> Found { get; } = [];

        public void OnMessage(Opcode type, ReadOnlySpan<byte> payload) => Add(type, payload);

        public void OnControl(Opcode opcode, ReadOnlySpan<byte> payload) => Add(opcode, payload);

        private void Add(Opcode opcode, ReadOnlySpan<byte> payload) =>
            Found.Add($"{opcode} {(opcode is Opcode.Binary or Opcode.Close ? Convert.ToHexString(payload) : Encoding.UTF8.GetString(payload))}");
    }
}
