using System.Buffers;

namespace PipeWs.Shared;

/// <summary>Ways in which a transport may deliver the same bytes.</summary>
internal static class Cuts
{
    private const int MaxPieces = 256;

    /// <summary>The lengths of pieces that add up to a length: whole, byte by byte, cut once, or in pieces of any size, among them empty ones.</summary>
    public static int[] Random(int length, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                return [length];
            case 1 when length > 0:
                return [.. Enumerable.Repeat(1, length)];
            case 2:
                int cut = random.Next(length + 1);
                return [cut, length - cut];
            default:
                var pieces = new List<int>();
                int max = 1 << random.Next(1, 10);
                while (length > 0)
                {
                    int piece = Math.Min(length, random.Next(max));
                    pieces.Add(piece);
                    length -= piece;
                }

                return [.. pieces];
        }
    }

    /// <summary>A copy of the bytes in these pieces, each in memory of its own.</summary>
    public static ReadOnlySequence<byte> Sequence(ReadOnlySpan<byte> bytes, params ReadOnlySpan<int> pieces)
    {
        var first = new Piece(default, null);
        Piece last = first;
        foreach (int length in pieces)
        {
            last = new Piece(bytes[..length].ToArray(), last);
            bytes = bytes[length..];
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    /// <summary>A copy of the bytes, cut in some way, but into no more pieces than a transport's buffer ever has: finding a place in a sequence takes as many steps.</summary>
    public static ReadOnlySequence<byte> Sequence(ReadOnlySpan<byte> bytes, Random random)
    {
        int[] pieces = Random(bytes.Length, random);
        while (pieces.Length > MaxPieces)
        {
            pieces = [.. pieces.Chunk(2).Select(static pair => pair.Sum())];
        }

        return Sequence(bytes, pieces);
    }

    /// <summary>One segment of a sequence.</summary>
    internal sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is not null)
            {
                before.Next = this;
                RunningIndex = before.RunningIndex + before.Memory.Length;
            }
        }
    }
}
