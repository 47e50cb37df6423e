using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.ObjectPool;

namespace PipeWs.Transport.Connections;

/// <summary>Bytes that were received: an array, filled from its start, and a link to what came after. Pooled by size.</summary>
internal sealed class Segment : ReadOnlySequenceSegment<byte>
{
    /// <summary>What a few bytes of an unfinished frame are kept in between two reads.</summary>
    public const int TinyBytes = 256;

    /// <summary>Room before the received bytes for those kept of the read before, so that a frame which was cut lies in one piece.</summary>
    public const int HeadroomBytes = TinyBytes;

    /// <summary>What a loop reads with: as much as is worth one system call.</summary>
    public const int LargeBytes = HeadroomBytes + (64 * 1024);

    private const int SmallBytes = 4 * 1024;
    private const int MediumBytes = 16 * 1024;

    private static readonly DefaultObjectPool<Segment> s_tiny = new(new Policy(TinyBytes), 16 * 1024);
    private static readonly DefaultObjectPool<Segment> s_small = new(new Policy(SmallBytes), 2 * 1024);
    private static readonly DefaultObjectPool<Segment> s_medium = new(new Policy(MediumBytes), 256);
    private static readonly DefaultObjectPool<Segment> s_large = new(new Policy(LargeBytes), 128);

    private bool _isRented;

    private Segment(int bytes)
    {
        Array = GC.AllocateUninitializedArray<byte>(bytes);
        Memory = Array;
    }

    /// <summary>The bytes.</summary>
    public byte[] Array { get; }

    /// <summary>Where the received bytes end.</summary>
    public int End { get; set; }

    /// <summary>Where more can be received.</summary>
    public Span<byte> Free => Array.AsSpan(End);

    /// <summary>What came after.</summary>
    public Segment? Following => (Segment?)Next;

    /// <summary>Takes an empty one with room for at least so many bytes, at most <see cref="LargeBytes"/>.</summary>
    public static Segment Rent(int bytes)
    {
        Segment segment = PoolFor(bytes).Get();
        Debug.Assert(!segment._isRented, "A segment was in the pool twice.");
        segment._isRented = true;
        return segment;
    }

    /// <summary>Gives it back. Nobody may look at its bytes any more.</summary>
    public void Return()
    {
        Debug.Assert(_isRented, "A segment was returned twice.");
        _isRented = false;
        End = 0;
        Next = null;
        RunningIndex = 0;
        Memory = Array;
        PoolFor(Array.Length).Return(this);
    }

    /// <summary>Links what comes after; no more bytes can be received here.</summary>
    public void Append(Segment next)
    {
        // Between two segments a sequence goes by their own lengths, at its end by the one it was given.
        Memory = Array.AsMemory(0, End);
        next.RunningIndex = RunningIndex + End;
        Next = next;
    }

    private static DefaultObjectPool<Segment> PoolFor(int bytes) => bytes switch
    {
        <= TinyBytes => s_tiny,
        <= SmallBytes => s_small,
        <= MediumBytes => s_medium,
        _ => s_large,
    };

    private sealed class Policy(int bytes) : PooledObjectPolicy<Segment>
    {
        public override Segment Create() => new(bytes);

        public override bool Return(Segment obj) => true;
    }
}
