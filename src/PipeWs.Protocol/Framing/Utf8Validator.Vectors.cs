using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PipeWs.Protocol.Framing;

/// <summary>
/// The vectorised part, after Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte" (2021): every illegal pair
/// of neighbours shows in the first byte's two nibbles and the second's high one, so three table look-ups, ANDed, name what is wrong;
/// the third and fourth bytes of a character, which pairs do not tell from strays, are compared with where leads say they must be.
/// </summary>
public partial struct Utf8Validator
{
    private const int MaxCharacterBytes = 4;
    private const int LookBehind = MaxCharacterBytes - 1;

    // One bit for each way in which two neighbours can be wrong.
    private const byte TooShort = 1 << 0;      // a lead, then no continuation
    private const byte TooLong = 1 << 1;       // ASCII, then a continuation
    private const byte Overlong3 = 1 << 2;     // E0, then 80-9F
    private const byte TooLarge = 1 << 3;      // F4, then 90-BF; F5-FF, then 90-BF
    private const byte Surrogate = 1 << 4;     // ED, then A0-BF
    private const byte Overlong2 = 1 << 5;     // C0 or C1, then a continuation
    private const byte Overlong4 = 1 << 6;     // F0, then 80-8F
    private const byte TooLarge1000 = 1 << 6;  // F5-FF, then 80-8F; shares the bit: the nibble 0 or 5-F of the lead tells them apart
    private const byte TwoContinuations = 1 << 7; // right only as the third or fourth byte of a character
    private const byte AnyLowNibble = TooShort | TooLong | TwoContinuations;

    private static Vector128<byte> FirstHigh => Vector128.Create(
        TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong,
        TwoContinuations, TwoContinuations, TwoContinuations, TwoContinuations,
        TooShort | Overlong2,
        TooShort,
        TooShort | Overlong3 | Surrogate,
        TooShort | TooLarge | TooLarge1000 | Overlong4);

    private static Vector128<byte> FirstLow => Vector128.Create(
        AnyLowNibble | Overlong2 | Overlong3 | Overlong4,
        AnyLowNibble | Overlong2,
        AnyLowNibble,
        AnyLowNibble,
        AnyLowNibble | TooLarge,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000 | Surrogate,
        AnyLowNibble | TooLarge | TooLarge1000,
        AnyLowNibble | TooLarge | TooLarge1000);

    private static Vector128<byte> SecondHigh => Vector128.Create(
        TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort,
        TooLong | TwoContinuations | Overlong2 | Overlong3 | Overlong4 | TooLarge1000,
        TooLong | TwoContinuations | Overlong2 | Overlong3 | TooLarge,
        TooLong | TwoContinuations | Overlong2 | Surrogate | TooLarge,
        TooLong | TwoContinuations | Overlong2 | Surrogate | TooLarge,
        TooShort, TooShort, TooShort, TooShort);

    /// <summary>
    /// Judges all bytes from <paramref name="position"/>, a boundary of characters with at least <see cref="LookBehind"/> judged bytes before it,
    /// and moves it to the start of the last character, whose end may not have come yet. Does nothing where the bytes are too few for a vector.
    /// </summary>
    private static bool TryAppendVectors(ReadOnlySpan<byte> bytes, ref int position)
    {
        int length = bytes.Length - position;
        ref byte start = ref MemoryMarshal.GetReference(bytes);
        bool valid;
        if (Avx2.IsSupported && length >= Vector256<byte>.Count)
        {
            valid = AreValid256(ref start, (uint)position, (uint)bytes.Length);
        }
        else if (Vector128.IsHardwareAccelerated && length >= Vector128<byte>.Count)
        {
            valid = AreValid128(ref start, (uint)position, (uint)bytes.Length);
        }
        else
        {
            return true;
        }

        // The last byte has been judged as a second neighbour, but not yet as a first one: the caller steps through its character again.
        position = bytes.Length - 1;
        while (valid && position > bytes.Length - MaxCharacterBytes && (bytes[position] & 0xC0) == 0x80)
        {
            position--;
        }

        return valid;
    }

    private static bool AreValid256(ref byte start, nuint position, nuint length)
    {
        Vector256<byte> firstHigh = Vector256.Create(FirstHigh, FirstHigh);
        Vector256<byte> firstLow = Vector256.Create(FirstLow, FirstLow);
        Vector256<byte> secondHigh = Vector256.Create(SecondHigh, SecondHigh);
        Vector256<byte> nibble = Vector256.Create((byte)0x0F);
        Vector256<byte> errors = Vector256<byte>.Zero;
        nuint last = length - (uint)Vector256<byte>.Count;
        while (true)
        {
            Vector256<byte> input = Vector256.LoadUnsafe(ref start, position);
            Vector256<byte> previous = Vector256.LoadUnsafe(ref start, position - 1);
            Vector256<byte> wrong = Avx2.Shuffle(firstHigh, (previous.AsUInt16() >> 4).AsByte() & nibble)
                & Avx2.Shuffle(firstLow, previous & nibble)
                & Avx2.Shuffle(secondHigh, (input.AsUInt16() >> 4).AsByte() & nibble);
            Vector256<byte> third = Avx2.SubtractSaturate(Vector256.LoadUnsafe(ref start, position - 2), Vector256.Create((byte)(0xE0 - 0x80)));
            Vector256<byte> fourth = Avx2.SubtractSaturate(Vector256.LoadUnsafe(ref start, position - 3), Vector256.Create((byte)(0xF0 - 0x80)));
            errors |= ((third | fourth) & Vector256.Create(TwoContinuations)) ^ wrong;
            if (position == last)
            {
                return errors == Vector256<byte>.Zero;
            }

            // The last vector ends with the bytes, and may judge some of them twice.
            position = nuint.Min(position + (uint)Vector256<byte>.Count, last);
        }
    }

    private static bool AreValid128(ref byte start, nuint position, nuint length)
    {
        Vector128<byte> nibble = Vector128.Create((byte)0x0F);
        Vector128<byte> errors = Vector128<byte>.Zero;
        nuint last = length - (uint)Vector128<byte>.Count;
        while (true)
        {
            Vector128<byte> input = Vector128.LoadUnsafe(ref start, position);
            Vector128<byte> previous = Vector128.LoadUnsafe(ref start, position - 1);
            Vector128<byte> wrong = Vector128.ShuffleNative(FirstHigh, (previous.AsUInt16() >> 4).AsByte() & nibble)
                & Vector128.ShuffleNative(FirstLow, previous & nibble)
                & Vector128.ShuffleNative(SecondHigh, (input.AsUInt16() >> 4).AsByte() & nibble);
            Vector128<byte> third = Vector128.SubtractSaturate(Vector128.LoadUnsafe(ref start, position - 2), Vector128.Create((byte)(0xE0 - 0x80)));
            Vector128<byte> fourth = Vector128.SubtractSaturate(Vector128.LoadUnsafe(ref start, position - 3), Vector128.Create((byte)(0xF0 - 0x80)));
            errors |= ((third | fourth) & Vector128.Create(TwoContinuations)) ^ wrong;
            if (position == last)
            {
                return errors == Vector128<byte>.Zero;
            }

            position = nuint.Min(position + (uint)Vector128<byte>.Count, last);
        }
    }
}
