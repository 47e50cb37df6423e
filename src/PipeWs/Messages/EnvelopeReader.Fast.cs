using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;

namespace PipeWs.Messages;

// The plain case: no escapes, no exponents, nothing wrong. It accepts less than Utf8JsonReader and never more, and leaves whatever it does not know to
// it, errors included. Every Skip... method takes the position of what it skips and gives the one behind it, or -1.
internal static partial class EnvelopeReader
{
    // JsonText.IsFinite needs a closer look at longer ones.
    private const int MaxPlainNumberBytes = 64;

    private static bool TryReadFast(ReadOnlySpan<byte> message, int at, EnvelopeNames names, ref Envelope envelope)
    {
        at = SkipSpace(message, at + 1);
        while (true)
        {
            int name = at;
            at = SkipString(message, at);
            if (at < 0)
            {
                return false;
            }

            EnvelopeMember member = names.Find(message[(name + 1)..(at - 1)], out byte index);
            at = SkipColon(message, at);
            int start = at;
            at = SkipValue(message, at, out JsonTokenType type);
            if (at < 0)
            {
                return false;
            }

            if (member != EnvelopeMember.Unknown
                && Set(ref envelope, names, member, index, type, escaped: false, new JsonRange(start, at - start), message).IsError)
            {
                return false;
            }

            at = SkipSpace(message, at);
            if ((uint)at >= (uint)message.Length || message[at] != (byte)',')
            {
                break;
            }

            at = SkipSpace(message, at + 1);
        }

        return at < message.Length && message[at] == (byte)'}' && SkipSpace(message, at + 1) == message.Length && !envelope.Discriminator.IsEmpty;
    }

    private static int SkipValue(ReadOnlySpan<byte> message, int at, out JsonTokenType type)
    {
        type = JsonTokenType.None;
        if ((uint)at >= (uint)message.Length)
        {
            return -1;
        }

        switch (message[at])
        {
            case (byte)'"':
                type = JsonTokenType.String;
                return SkipString(message, at);
            case (byte)'{':
                type = JsonTokenType.StartObject;
                return SkipContainer(message, at);
            case (byte)'[':
                type = JsonTokenType.StartArray;
                return SkipContainer(message, at);
            case (byte)'t':
                type = JsonTokenType.True;
                return message[at..].StartsWith("true"u8) ? at + 4 : -1;
            case (byte)'f':
                type = JsonTokenType.False;
                return message[at..].StartsWith("false"u8) ? at + 5 : -1;
            case (byte)'n':
                type = JsonTokenType.Null;
                return message[at..].StartsWith("null"u8) ? at + 4 : -1;
            default:
                type = JsonTokenType.Number;
                return SkipNumber(message, at);
        }
    }

    private static int SkipContainer(ReadOnlySpan<byte> message, int at)
    {
        // One bit a level, the innermost lowest: whether it is an object. The message itself is the first level and is not among them.
        uint objects = 0;
        int depth = 0;
        while (true)
        {
            // At the beginning of a value, or at the end of an empty container.
            byte first = message[at];
            if (first is (byte)'{' or (byte)'[')
            {
                if (++depth >= MaxDepth)
                {
                    return -1;
                }

                objects = (objects << 1) | (first == (byte)'{' ? 1u : 0u);
                at = SkipSpace(message, at + 1);
                if ((uint)at >= (uint)message.Length)
                {
                    return -1;
                }

                if (message[at] != ((objects & 1) != 0 ? (byte)'}' : (byte)']'))
                {
                    at = SkipName(message, at, objects);
                    if ((uint)at >= (uint)message.Length)
                    {
                        return -1;
                    }

                    continue;
                }
            }
            else
            {
                at = SkipValue(message, at, out _);
                if (at < 0)
                {
                    return -1;
                }

                at = SkipSpace(message, at);
            }

            // Behind a value, or at the end of an empty container: close what ends here, then go to the next value.
            while (true)
            {
                if ((uint)at >= (uint)message.Length)
                {
                    return -1;
                }

                byte next = message[at];
                if (next == (byte)',')
                {
                    break;
                }

                if (next != ((objects & 1) != 0 ? (byte)'}' : (byte)']'))
                {
                    return -1;
                }

                objects >>= 1;
                at++;
                if (--depth == 0)
                {
                    return at;
                }

                at = SkipSpace(message, at);
            }

            at = SkipName(message, SkipSpace(message, at + 1), objects);
            if ((uint)at >= (uint)message.Length)
            {
                return -1;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SkipName(ReadOnlySpan<byte> message, int at, uint objects) =>
        (objects & 1) == 0 ? at : SkipColon(message, SkipString(message, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SkipColon(ReadOnlySpan<byte> message, int at)
    {
        if (at < 0)
        {
            return -1;
        }

        at = SkipSpace(message, at);
        return at < message.Length && message[at] == (byte)':' ? SkipSpace(message, at + 1) : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SkipSpace(ReadOnlySpan<byte> message, int at)
    {
        while ((uint)at < (uint)message.Length && message[at] <= (byte)' ' && message[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            at++;
        }

        return at;
    }

    private static int SkipString(ReadOnlySpan<byte> message, int at)
    {
        if ((uint)at >= (uint)message.Length || message[at] != (byte)'"')
        {
            return -1;
        }

        at++;
        if (Vector128.IsHardwareAccelerated)
        {
            ref byte start = ref MemoryMarshal.GetReference(message);
            for (; at <= message.Length - Vector128<byte>.Count; at += Vector128<byte>.Count)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref start, (nuint)at);
                uint ends = (Vector128.Equals(bytes, Vector128.Create((byte)'"'))
                    | Vector128.Equals(bytes, Vector128.Create((byte)'\\'))
                    | Vector128.LessThan(bytes, Vector128.Create((byte)' '))).ExtractMostSignificantBits();
                if (ends != 0)
                {
                    at += BitOperations.TrailingZeroCount(ends);
                    return message[at] == (byte)'"' ? at + 1 : -1;
                }
            }
        }

        for (; at < message.Length; at++)
        {
            byte value = message[at];
            if (value == (byte)'"')
            {
                return at + 1;
            }

            if (value is (byte)'\\' or < (byte)' ')
            {
                return -1;
            }
        }

        return -1;
    }

    // RFC 8259, section 6, without the exponent.
    private static int SkipNumber(ReadOnlySpan<byte> message, int at)
    {
        int start = at;
        if (message[at] == (byte)'-')
        {
            at++;
        }

        int digits = at;
        at = SkipDigits(message, at);
        if (at == digits || (at - digits > 1 && message[digits] == (byte)'0'))
        {
            return -1;
        }

        if (at < message.Length && message[at] == (byte)'.')
        {
            int fraction = at + 1;
            at = SkipDigits(message, fraction);
            if (at == fraction)
            {
                return -1;
            }
        }

        return at - start <= MaxPlainNumberBytes ? at : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SkipDigits(ReadOnlySpan<byte> message, int at)
    {
        while ((uint)at < (uint)message.Length && char.IsAsciiDigit((char)message[at]))
        {
            at++;
        }

        return at;
    }
}
