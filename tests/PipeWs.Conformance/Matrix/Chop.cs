namespace PipeWs.Conformance.Matrix;

/// <summary>In which pieces bytes are handed to the socket.</summary>
/// <param name="Name">What cases are called after it.</param>
/// <param name="MaxBytes">The most bytes of a piece.</param>
/// <param name="Seed">Where pieces are of random length; the same ones in every run.</param>
internal sealed record Chop(string Name, int MaxBytes, int? Seed = null)
{
    public static Chop Whole { get; } = new("whole", int.MaxValue);

    public static Chop Bytes { get; } = new("per-byte", 1);

    public static Chop Every(int bytes) => new($"per-{bytes}", bytes);

    public static Chop Random(int maxBytes) => new("random", maxBytes, maxBytes);

    /// <summary>The lengths of the pieces of some bytes.</summary>
    public IEnumerable<int> Cut(int length)
    {
        var random = Seed is { } seed ? new Random(seed) : null;
        while (length > 0)
        {
            int piece = Math.Min(length, random?.Next(1, MaxBytes + 1) ?? MaxBytes);
            yield return piece;
            length -= piece;
        }
    }
}
