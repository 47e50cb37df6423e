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
    /// Each width takes whole steps from the front, and for the rest one step that ends with the payload. That last step
    /// overlaps the one before, so it is read first, while its bytes are still the source's.
    /// </summary>
    private static void ApplyCore(ref byte source, ref byte destination, nuint length, uint key)
    {
        if (Vector512.IsHardwareAccelerated && length >= (uint)Vector512<byte>.Count)
        {
            nuint last = length - (uint)Vector512<byte>.Count;
            Vector512<byte> keys = Vector512.Create(key).AsByte();
            Vector512<byte> end = Vector512.LoadUnsafe(ref source, last) ^ Vector512.Create(Turn(key, (int)last)).AsByte();
            for (nuint i = 0; i < last; i += (uint)Vector512<byte>.Count)
            {
                (Vector512.LoadUnsafe(ref source, i) ^ keys).StoreUnsafe(ref destination, i);
            }

            end.StoreUnsafe(ref destination, last);
        }
        else if (Vector256.IsHardwareAccelerated && length >= (uint)Vector256<byte>.Count)
        {
            nuint last = length - (uint)Vector256<byte>.Count;
            Vector256<byte> keys = Vector256.Create(key).AsByte();
            Vector256<byte> end = Vector256.LoadUnsafe(ref source, last) ^ Vector256.Create(Turn(key, (int)last)).AsByte();
            for (nuint i = 0; i < last; i += (uint)Vector256<byte>.Count)
            {
                (Vector256.LoadUnsafe(ref source, i) ^ keys).StoreUnsafe(ref destination, i);
            }

            end.StoreUnsafe(ref destination, last);
        }
        else if (Vector128.IsHardwareAccelerated && length >= (uint)Vector128<byte>.Count)
        {
            nuint last = length - (uint)Vector128<byte>.Count;
            Vector128<byte> keys = Vector128.Create(key).AsByte();
            Vector128<byte> end = Vector128.LoadUnsafe(ref source, last) ^ Vector128.Create(Turn(key, (int)last)).AsByte();
            for (nuint i = 0; i < last; i += (uint)Vector128<byte>.Count)
            {
                (Vector128.LoadUnsafe(ref source, i) ^ keys).StoreUnsafe(ref destination, i);
            }

            end.StoreUnsafe(ref destination, last);
        }
        else if (length >= sizeof(ulong))
        {
            nuint last = length - sizeof(ulong);
            ulong keys = Twice(key);
            ulong end = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, last)) ^ Twice(Turn(key, (int)last));
            for (nuint i = 0; i < last; i += sizeof(ulong))
            {
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i)) ^ keys);
            }

            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, last), end);
        }
        else
        {
            for (nuint i = 0; i < length; i++)
            {
                Unsafe.Add(ref destination, i) = (byte)(Unsafe.Add(ref source, i) ^ (BitConverter.IsLittleEndian ? key : key >> 24));
                key = Turn(key, 1);
            }
        }
    }

    /// <summary>The key as it begins after <paramref name="offset"/> bytes. A rotation counts modulo 32, so the offset need not be reduced.</summary>
    private static uint Turn(uint key, int offset) =>
        BitConverter.IsLittleEndian ? BitOperations.RotateRight(key, offset * 8) : BitOperations.RotateLeft(key, offset * 8);

    private static ulong Twice(uint key) => key | ((ulong)key << 32);
}
