using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PipeWs.Protocol.Framing;

/// <summary>
/// Masks and unmasks a payload: octet i is XORed with octet i mod 4 of the key, and doing it twice undoes it. RFC 6455, section 5.3.
/// Stateless, and safe from any thread.
/// </summary>
public static class Masking
{
    /// <summary>From how many bytes on it pays to begin the steps where a cache line does.</summary>
    private const uint MinAlignedBytes = 512;

    private const ulong TopBits = 0x8080_8080_8080_8080;

    /// <summary>Masks or unmasks in place.</summary>
    /// <param name="payload">The payload, or one segment of it.</param>
    /// <param name="maskingKey">The key in the order of the wire, as <see cref="FrameHeader.MaskingKey"/> gives it.</param>
    /// <param name="offset">How many bytes of this frame's payload came before; only its two low bits matter, so a longer count may be cut.</param>
    public static void Apply(Span<byte> payload, uint maskingKey, int offset = 0)
    {
        ref byte start = ref MemoryMarshal.GetReference(payload);
        ApplyCore(ref start, ref start, (uint)payload.Length, Turn(maskingKey, offset));
    }

    /// <summary>Masks or unmasks into another buffer.</summary>
    /// <param name="source">The payload, or one segment of it; either the start of <paramref name="destination"/> too, or apart from it.</param>
    /// <param name="destination">Where the result goes; at least as long as <paramref name="source"/>.</param>
    /// <param name="maskingKey">The key in the order of the wire, as <see cref="FrameHeader.MaskingKey"/> gives it.</param>
    /// <param name="offset">How many bytes of this frame's payload came before; only its two low bits matter, so a longer count may be cut.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public static void Apply(ReadOnlySpan<byte> source, Span<byte> destination, uint maskingKey, int offset = 0)
    {
        if (destination.Length < source.Length)
        {
            ThrowTooShort();
        }

        ApplyCore(ref MemoryMarshal.GetReference(source), ref MemoryMarshal.GetReference(destination), (uint)source.Length, Turn(maskingKey, offset));

        static void ThrowTooShort() => throw new ArgumentException("The destination is shorter than the source.", nameof(destination));
    }

    /// <summary>
    /// Masks or unmasks, and looks at the result on the way. Each width takes its first and its last step from where the payload begins and ends, and whole steps in between. The first and
    /// the last overlap those, so they are read before anything is written, while their bytes are still the source's.
    /// </summary>
    /// <param name="source">Where the payload begins.</param>
    /// <param name="destination">Where the result goes; the source, or apart from it.</param>
    /// <param name="length">The payload's length in bytes.</param>
    /// <param name="key">The key as it begins with the first byte.</param>
    /// <returns>Whether all bytes of the result are ASCII.</returns>
    internal static bool ApplyCore(ref byte source, ref byte destination, nuint length, uint key)
    {
        if (Vector512.IsHardwareAccelerated && length >= (uint)Vector512<byte>.Count)
        {
            return Apply512(ref source, ref destination, length, key);
        }

        if (Vector256.IsHardwareAccelerated && length >= (uint)Vector256<byte>.Count)
        {
            return Apply256(ref source, ref destination, length, key);
        }

        if (Vector128.IsHardwareAccelerated && length >= (uint)Vector128<byte>.Count)
        {
            return Apply128(ref source, ref destination, length, key);
        }

        return ApplyScalar(ref source, ref destination, length, key);
    }

    private static bool Apply512(ref byte source, ref byte destination, nuint length, uint key)
    {
        nuint last = length - (uint)Vector512<byte>.Count;
        Vector512<byte> start = Vector512.LoadUnsafe(ref source) ^ Vector512.Create(key).AsByte();
        Vector512<byte> end = Vector512.LoadUnsafe(ref source, last) ^ Vector512.Create(Turn(key, (int)last)).AsByte();
        Vector512<byte> seen = start | end;
        nuint i = FirstStep(ref destination, length, (uint)Vector512<byte>.Count);
        Vector512<byte> keys = Vector512.Create(Turn(key, (int)i)).AsByte();
        for (; i < last; i += (uint)Vector512<byte>.Count)
        {
            Vector512<byte> result = Vector512.LoadUnsafe(ref source, i) ^ keys;
            seen |= result;
            result.StoreUnsafe(ref destination, i);
        }

        start.StoreUnsafe(ref destination);
        end.StoreUnsafe(ref destination, last);
        return seen.ExtractMostSignificantBits() == 0;
    }

    private static bool Apply256(ref byte source, ref byte destination, nuint length, uint key)
    {
        nuint last = length - (uint)Vector256<byte>.Count;
        Vector256<byte> start = Vector256.LoadUnsafe(ref source) ^ Vector256.Create(key).AsByte();
        Vector256<byte> end = Vector256.LoadUnsafe(ref source, last) ^ Vector256.Create(Turn(key, (int)last)).AsByte();
        Vector256<byte> seen = start | end;
        nuint i = FirstStep(ref destination, length, (uint)Vector256<byte>.Count);
        Vector256<byte> keys = Vector256.Create(Turn(key, (int)i)).AsByte();
        for (; i < last; i += (uint)Vector256<byte>.Count)
        {
            Vector256<byte> result = Vector256.LoadUnsafe(ref source, i) ^ keys;
            seen |= result;
            result.StoreUnsafe(ref destination, i);
        }

        start.StoreUnsafe(ref destination);
        end.StoreUnsafe(ref destination, last);
        return seen.ExtractMostSignificantBits() == 0;
    }

    private static bool Apply128(ref byte source, ref byte destination, nuint length, uint key)
    {
        nuint last = length - (uint)Vector128<byte>.Count;
        Vector128<byte> start = Vector128.LoadUnsafe(ref source) ^ Vector128.Create(key).AsByte();
        Vector128<byte> end = Vector128.LoadUnsafe(ref source, last) ^ Vector128.Create(Turn(key, (int)last)).AsByte();
        Vector128<byte> seen = start | end;
        nuint i = FirstStep(ref destination, length, (uint)Vector128<byte>.Count);
        Vector128<byte> keys = Vector128.Create(Turn(key, (int)i)).AsByte();
        for (; i < last; i += (uint)Vector128<byte>.Count)
        {
            Vector128<byte> result = Vector128.LoadUnsafe(ref source, i) ^ keys;
            seen |= result;
            result.StoreUnsafe(ref destination, i);
        }

        start.StoreUnsafe(ref destination);
        end.StoreUnsafe(ref destination, last);
        return seen.ExtractMostSignificantBits() == 0;
    }

    private static bool ApplyScalar(ref byte source, ref byte destination, nuint length, uint key)
    {
        if (length >= sizeof(ulong))
        {
            nuint last = length - sizeof(ulong);
            ulong keys = Twice(key);
            ulong end = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, last)) ^ Twice(Turn(key, (int)last));
            ulong seen = end;
            for (nuint i = 0; i < last; i += sizeof(ulong))
            {
                ulong result = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i)) ^ keys;
                seen |= result;
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), result);
            }

            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, last), end);
            return (seen & TopBits) == 0;
        }

        byte any = 0;
        for (nuint i = 0; i < length; i++)
        {
            byte result = (byte)(Unsafe.Add(ref source, i) ^ (BitConverter.IsLittleEndian ? key : key >> 24));
            any |= result;
            Unsafe.Add(ref destination, i) = result;
            key = Turn(key, 1);
        }

        return any < 0x80;
    }

    /// <summary>
    /// Where the second step begins: in a long payload, where it and all that follow write whole cache lines or halves of them. A payload begins some odd bytes behind its header, and every
    /// write over two lines costs as much as two.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint FirstStep(ref byte destination, nuint length, uint width) =>
        length < MinAlignedBytes ? width : width - ((nuint)Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref destination) & (width - 1));

    /// <summary>The key as it begins after <paramref name="offset"/> bytes. A rotation counts modulo 32, so the offset need not be reduced.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Turn(uint key, int offset) =>
        BitConverter.IsLittleEndian ? BitOperations.RotateRight(key, offset * 8) : BitOperations.RotateLeft(key, offset * 8);

    private static ulong Twice(uint key) => key | ((ulong)key << 32);
}
