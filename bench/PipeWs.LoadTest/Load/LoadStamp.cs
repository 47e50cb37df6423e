using System.Buffers.Binary;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// What the generator writes at the start of every payload: a sequence number, when it was sent, and by whom. Each nibble is a letter from a to p: valid UTF-8
/// for text messages, nothing for JSON to escape, and eight letters are made or read by a handful of integer operations.
/// </summary>
/// <param name="Sequence">The message's number: per connection in echo, per publisher in fan-out; from 0.</param>
/// <param name="Timestamp">When it was sent, as <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/> gave it.</param>
/// <param name="Origin">The index of the connection that sent it; <see cref="ProbeOrigin"/> for a probe.</param>
internal readonly record struct LoadStamp(long Sequence, long Timestamp, uint Origin)
{
    /// <summary>The stamp's length in bytes, and so the smallest payload.</summary>
    public const int Length = 40;

    /// <summary>Marks the messages that find out whether all subscribers have joined. They are never counted.</summary>
    public const uint ProbeOrigin = uint.MaxValue;

    private const ulong LetterA = 0x6161616161616161;
    private const ulong HighNibbles = 0xF0F0F0F0F0F0F0F0;

    /// <summary>Writes the stamp.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, Spread((uint)(Sequence >> 32)));
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Spread((uint)Sequence));
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], Spread((uint)(Timestamp >> 32)));
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], Spread((uint)Timestamp));
        BinaryPrimitives.WriteUInt64BigEndian(destination[32..], Spread(Origin));
    }

    /// <summary>Reads a stamp.</summary>
    /// <returns><see langword="false"/> where the payload does not start with one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> payload, out LoadStamp stamp)
    {
        if (payload.Length < Length
            || !TryGather(payload, out uint sequenceHigh)
            || !TryGather(payload[8..], out uint sequenceLow)
            || !TryGather(payload[16..], out uint timestampHigh)
            || !TryGather(payload[24..], out uint timestampLow)
            || !TryGather(payload[32..], out uint origin))
        {
            stamp = default;
            return false;
        }

        stamp = new LoadStamp((long)(((ulong)sequenceHigh << 32) | sequenceLow), (long)(((ulong)timestampHigh << 32) | timestampLow), origin);
        return true;
    }

    // 32 bits to 8 letters: halves, quarters and nibbles are moved apart, each to a byte of its own.
    private static ulong Spread(uint value)
    {
        ulong spread = value;
        spread = (spread | (spread << 16)) & 0x0000FFFF0000FFFF;
        spread = (spread | (spread << 8)) & 0x00FF00FF00FF00FF;
        spread = (spread | (spread << 4)) & 0x0F0F0F0F0F0F0F0F;
        return spread + LetterA;
    }

    private static bool TryGather(ReadOnlySpan<byte> source, out uint value)
    {
        // A byte outside a-p leaves a high nibble that is not 0, in its own place or, by the borrow, in the next as well.
        ulong gathered = BinaryPrimitives.ReadUInt64BigEndian(source) - LetterA;
        bool valid = (gathered & HighNibbles) == 0;
        gathered = (gathered | (gathered >> 4)) & 0x00FF00FF00FF00FF;
        gathered = (gathered | (gathered >> 8)) & 0x0000FFFF0000FFFF;
        gathered |= gathered >> 16;
        value = (uint)gathered;
        return valid;
    }
}
