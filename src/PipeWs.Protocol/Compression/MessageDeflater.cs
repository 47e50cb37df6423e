namespace PipeWs.Protocol.Compression;

/// <summary>
/// Compresses the messages of one direction of a connection, or of many that keep no history. For one thread at a time. RFC 7692, section 7.2.1.
/// </summary>
public sealed class MessageDeflater : IDisposable
{
    /// <summary>The level that is fastest: 1 of zlib's 0 to 9.</summary>
    public const int FastestLevel = 1;

    private const int TailBytes = 4;
    private const int SmallestZLibWindowBits = 9;

    private readonly ZLibHandle _state;
    private bool _hasHistory;

    /// <summary>Creates a deflater.</summary>
    /// <param name="windowBits">The window, 8 to 15: how far back what it writes points at most.</param>
    /// <param name="level">zlib's level, 0 (stored) to 9 (smallest).</param>
    public MessageDeflater(int windowBits = DeflateParameters.MaxWindowBits, int level = FastestLevel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, 9);
        WindowBits = DeflateParameters.Checked(windowBits);
        Level = level;
        _state = ZLibHandle.ForDeflate(Math.Max(windowBits, SmallestZLibWindowBits), level);
    }

    /// <summary>The window's bits.</summary>
    public int WindowBits { get; }

    /// <summary>zlib's level.</summary>
    public int Level { get; }

    /// <summary>The room in which <see cref="TryDeflate"/> succeeds, whatever the bytes, in bytes.</summary>
    public static int MaxDeflatedBytes(int sourceBytes) => checked(sourceBytes + (sourceBytes >> 2) + 64);

    /// <summary>Compresses a message, or the next part of one, whole and flushed: the receiver can inflate all of it at once.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="destination">Room for the compressed ones.</param>
    /// <param name="isLast">Whether the message ends with them; the tail that every message has is then left away.</param>
    /// <param name="keepsHistory">
    /// Whether the next message may point back into this one. Where it may, what was written must be sent, or <see cref="Reset"/> be called: the receiver's history is the same or the stream is lost.
    /// </param>
    /// <param name="written">How many bytes were written.</param>
    /// <returns><see langword="false"/> where there is too little room; the deflater is then as after <see cref="Reset"/>.</returns>
    public bool TryDeflate(ReadOnlySpan<byte> source, Span<byte> destination, bool isLast, bool keepsHistory, out int written)
    {
        written = 0;
        bool forgets = isLast && !keepsHistory;
        if (source.IsEmpty)
        {
            return TryDeflateNothing(destination, isLast, forgets, out written);
        }

        _hasHistory = true;
        _state.Run(source, destination, forgets ? ZLib.FullFlush : ZLib.SyncFlush, out int consumed, out written);

        // A flush is complete only where there was room left over.
        if (consumed < source.Length || written == destination.Length)
        {
            written = 0;
            Reset();
            return false;
        }

        _hasHistory = !forgets;
        if (isLast)
        {
            // "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end" (RFC 7692, section 7.2.1).
            written -= TailBytes;
        }

        return true;
    }

    /// <summary>
    /// Forgets the messages so far, and what was begun of one: what is written next points back to none of them. So it must be where a connection that keeps its context was sent
    /// a message that did not come from here, such as one compressed once for many.
    /// </summary>
    public void Reset()
    {
        if (!_hasHistory)
        {
            return;
        }

        Span<byte> dropped = stackalloc byte[256];
        int written;
        do
        {
            _state.Run([], dropped, ZLib.FullFlush, out _, out written);
        }
        while (written == dropped.Length);

        _hasHistory = false;
    }

    /// <inheritdoc/>
    public void Dispose() => _state.Dispose();

    // An empty message is the one byte that is left of an empty block without its tail (RFC 7692, section 7.2.3.6); zlib would not flush twice in a row.
    private bool TryDeflateNothing(Span<byte> destination, bool isLast, bool forgets, out int written)
    {
        written = 0;
        if (!isLast)
        {
            return true;
        }

        if (forgets || destination.IsEmpty)
        {
            Reset();
        }

        if (destination.IsEmpty)
        {
            return false;
        }

        destination[0] = 0;
        written = 1;
        return true;
    }
}
