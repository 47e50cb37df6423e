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

    // Less one of these, saturating, a lead keeps the top bit: E0 and up announce a third byte, F0 and up a fourth.
    private const byte ThirdByteBias = 0xE0 - 0x80;
    private const byte FourthByteBias = 0xF0 - 0x80;

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
    /// Judges all bytes, which begin with a character, and finds where the last one starts, whose end may not have come yet.
    /// Where the bytes are too few for a vector and what it looks back at, none are judged and <paramref name="lastCharacter"/> is 0.
    /// </summary>
    private static bool TryVectors(ReadOnlySpan<byte> bytes, out int lastCharacter)
    {
        lastCharacter = 0;
        ref byte start = ref MemoryMarshal.GetReference(bytes);
        if (Avx512BW.IsSupported && Vector512.IsHardwareAccelerated && bytes.Length >= Vector512<byte>.Count + LookBehind)
        {
            if (!AreValid512(ref start, (uint)bytes.Length))
            {
                return false;
            }
        }
        else if (Avx2.IsSupported && bytes.Length >= Vector256<byte>.Count + LookBehind)
        {
            if (!AreValid256(ref start, (uint)bytes.Length))
            {
                return false;
            }
        }
        else if (Vector128.IsHardwareAccelerated && bytes.Length >= Vector128<byte>.Count + LookBehind)
        {
            if (!AreValid128(ref start, (uint)bytes.Length))
            {
                return false;
            }
        }
        else
        {
            return true;
        }

        // The last byte has been judged as a second neighbour, but not yet as a first one.
        lastCharacter = bytes.Length - 1;
        while (lastCharacter > bytes.Length - MaxCharacterBytes && (bytes[lastCharacter] & 0xC0) == 0x80)
        {
            lastCharacter--;
        }

        return true;
    }

    private static bool AreValid512(ref byte start, nuint length)
    {
        Vector512<byte> firstHigh = Four(FirstHigh);
        Vector512<byte> firstLow = Four(FirstLow);
        Vector512<byte> secondHigh = Four(SecondHigh);

        // Before the first vector there is nothing, and zeros stand for it.
        Vector512<byte> input = Vector512.LoadUnsafe(ref start);
        Vector512<byte> carried = Avx512F.AlignRight64(input.AsUInt64(), Vector512<ulong>.Zero, 6).AsByte();
        Vector512<byte> errors = Judge(input, Avx512BW.AlignRight(input, carried, 15), Avx512BW.AlignRight(input, carried, 14), Avx512BW.AlignRight(input, carried, 13));

        nuint last = length - (uint)Vector512<byte>.Count;
        for (nuint position = (uint)Vector512<byte>.Count; position < last; position += (uint)Vector512<byte>.Count)
        {
            errors |= JudgeAt(ref Unsafe.Add(ref start, position));
        }

        // The last vector ends with the bytes, and may judge some of them twice.
        errors |= JudgeAt(ref Unsafe.Add(ref start, last));
        return errors == Vector512<byte>.Zero;

        static Vector512<byte> Four(Vector128<byte> table) => Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector512<byte> JudgeAt(ref byte at) => Judge(
            Vector512.LoadUnsafe(ref at),
            Vector512.LoadUnsafe(ref Unsafe.Subtract(ref at, 1)),
            Vector512.LoadUnsafe(ref Unsafe.Subtract(ref at, 2)),
            Vector512.LoadUnsafe(ref Unsafe.Subtract(ref at, 3)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector512<byte> Judge(Vector512<byte> input, Vector512<byte> oneBack, Vector512<byte> twoBack, Vector512<byte> threeBack)
        {
            Vector512<byte> nibble = Vector512.Create((byte)0x0F);
            Vector512<byte> wrong = Avx512BW.Shuffle(firstHigh, (oneBack.AsUInt16() >> 4).AsByte() & nibble)
                & Avx512BW.Shuffle(firstLow, oneBack & nibble)
                & Avx512BW.Shuffle(secondHigh, (input.AsUInt16() >> 4).AsByte() & nibble);
            Vector512<byte> isThird = Avx512BW.SubtractSaturate(twoBack, Vector512.Create(ThirdByteBias));
            Vector512<byte> isFourth = Avx512BW.SubtractSaturate(threeBack, Vector512.Create(FourthByteBias));
            return ((isThird | isFourth) & Vector512.Create(TwoContinuations)) ^ wrong;
        }
    }

    private static bool AreValid256(ref byte start, nuint length)
    {
        Vector256<byte> firstHigh = Vector256.Create(FirstHigh, FirstHigh);
        Vector256<byte> firstLow = Vector256.Create(FirstLow, FirstLow);
        Vector256<byte> secondHigh = Vector256.Create(SecondHigh, SecondHigh);

        // Before the first vector there is nothing, and zeros stand for it.
        Vector256<byte> input = Vector256.LoadUnsafe(ref start);
        Vector256<byte> carried = Avx2.Permute2x128(input, input, 0x08);
        Vector256<byte> errors = Judge(input, Avx2.AlignRight(input, carried, 15), Avx2.AlignRight(input, carried, 14), Avx2.AlignRight(input, carried, 13));

        nuint last = length - (uint)Vector256<byte>.Count;
        for (nuint position = (uint)Vector256<byte>.Count; position < last; position += (uint)Vector256<byte>.Count)
        {
            errors |= JudgeAt(ref Unsafe.Add(ref start, position));
        }

        // The last vector ends with the bytes, and may judge some of them twice.
        errors |= JudgeAt(ref Unsafe.Add(ref start, last));
        return errors == Vector256<byte>.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<byte> JudgeAt(ref byte at) => Judge(
            Vector256.LoadUnsafe(ref at),
            Vector256.LoadUnsafe(ref Unsafe.Subtract(ref at, 1)),
            Vector256.LoadUnsafe(ref Unsafe.Subtract(ref at, 2)),
            Vector256.LoadUnsafe(ref Unsafe.Subtract(ref at, 3)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<byte> Judge(Vector256<byte> input, Vector256<byte> oneBack, Vector256<byte> twoBack, Vector256<byte> threeBack)
        {
            Vector256<byte> nibble = Vector256.Create((byte)0x0F);
            Vector256<byte> wrong = Avx2.Shuffle(firstHigh, (oneBack.AsUInt16() >> 4).AsByte() & nibble)
                & Avx2.Shuffle(firstLow, oneBack & nibble)
                & Avx2.Shuffle(secondHigh, (input.AsUInt16() >> 4).AsByte() & nibble);
            Vector256<byte> isThird = Avx2.SubtractSaturate(twoBack, Vector256.Create(ThirdByteBias));
            Vector256<byte> isFourth = Avx2.SubtractSaturate(threeBack, Vector256.Create(FourthByteBias));
            return ((isThird | isFourth) & Vector256.Create(TwoContinuations)) ^ wrong;
        }
    }

    private static bool AreValid128(ref byte start, nuint length)
    {
        Vector128<byte> firstHigh = FirstHigh;
        Vector128<byte> firstLow = FirstLow;
        Vector128<byte> secondHigh = SecondHigh;

        // Before the first vector there is nothing, and zeros stand for it: an index below 0 wraps, and past the end Shuffle gives 0.
        Vector128<byte> input = Vector128.LoadUnsafe(ref start);
        Vector128<byte> errors = Judge(
            input,
            Vector128.Shuffle(input, Vector128<byte>.Indices - Vector128.Create((byte)1)),
            Vector128.Shuffle(input, Vector128<byte>.Indices - Vector128.Create((byte)2)),
            Vector128.Shuffle(input, Vector128<byte>.Indices - Vector128.Create((byte)3)));

        nuint last = length - (uint)Vector128<byte>.Count;
        for (nuint position = (uint)Vector128<byte>.Count; position < last; position += (uint)Vector128<byte>.Count)
        {
            errors |= JudgeAt(ref Unsafe.Add(ref start, position));
        }

        // The last vector ends with the bytes, and may judge some of them twice.
        errors |= JudgeAt(ref Unsafe.Add(ref start, last));
        return errors == Vector128<byte>.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector128<byte> JudgeAt(ref byte at) => Judge(
            Vector128.LoadUnsafe(ref at),
            Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 1)),
            Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 2)),
            Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 3)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector128<byte> Judge(Vector128<byte> input, Vector128<byte> oneBack, Vector128<byte> twoBack, Vector128<byte> threeBack)
        {
            Vector128<byte> nibble = Vector128.Create((byte)0x0F);
            Vector128<byte> wrong = Vector128.ShuffleNative(firstHigh, (oneBack.AsUInt16() >> 4).AsByte() & nibble)
                & Vector128.ShuffleNative(firstLow, oneBack & nibble)
                & Vector128.ShuffleNative(secondHigh, (input.AsUInt16() >> 4).AsByte() & nibble);
            Vector128<byte> isThird = Vector128.SubtractSaturate(twoBack, Vector128.Create(ThirdByteBias));
            Vector128<byte> isFourth = Vector128.SubtractSaturate(threeBack, Vector128.Create(FourthByteBias));
            return ((isThird | isFourth) & Vector128.Create(TwoContinuations)) ^ wrong;
        }
    }
}
