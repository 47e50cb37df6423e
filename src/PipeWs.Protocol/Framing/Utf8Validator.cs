using System.Runtime.InteropServices;
using System.Text;

namespace PipeWs.Protocol.Framing;

/// <summary>
/// Validates the UTF-8 of a text message that arrives in pieces, cut anywhere, and fails on the very byte that makes it certain
/// that the message is not UTF-8 (close code 1007). RFC 6455, section 8.1; RFC 3629; the Unicode standard, table 3-7.
/// A mutable struct, for one thread at a time; <c>default</c> is ready for a message.
/// </summary>
public partial struct Utf8Validator
{
    private const byte Failed = byte.MaxValue;

    /// <summary>How much is unmasked before what is not ASCII is judged, in bytes; a multiple of the key's length.</summary>
    private const int UnmaskedBlockBytes = 8 * 1024;

    private const byte MinContinuation = 0x80;
    private const byte MaxContinuation = 0xBF;

    // What the character that is under way still needs: how many bytes, and the bounds of the next one.
    private byte _missing;
    private byte _min;
    private byte _max;

    /// <summary>Whether the bytes so far are valid and end with a whole character, as they must at the end of a message.</summary>
    public readonly bool IsComplete => _missing == 0;

    /// <summary>Whether the bytes are UTF-8, whole.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes)
    {
        if (Ascii.IsValid(bytes))
        {
            return true;
        }

        Utf8Validator validator = default;
        return validator.AppendSlow(bytes) && validator.IsComplete;
    }

    /// <summary>Takes the next bytes of the message.</summary>
    /// <returns>
    /// <see langword="false"/> where the bytes so far cannot be the start of UTF-8, whatever follows; it stays so until <see cref="Reset"/>.
    /// </returns>
    public bool Append(ReadOnlySpan<byte> bytes) => (_missing == 0 && Ascii.IsValid(bytes)) || AppendSlow(bytes);

    /// <summary>Unmasks a whole message in place and says, from the same look at its bytes, whether it is text. RFC 6455, sections 5.3 and 8.1.</summary>
    /// <param name="payload">The message, masked from its first byte on. Where it is not UTF-8, not all of it may have been unmasked.</param>
    /// <param name="maskingKey">The key in the order of the wire, as <see cref="FrameHeader.MaskingKey"/> gives it.</param>
    /// <returns>Whether the bytes are UTF-8, whole.</returns>
    public static bool Unmask(Span<byte> payload, uint maskingKey)
    {
        Utf8Validator validator = default;
        return validator.Unmask(payload, payload, maskingKey) && validator.IsComplete;
    }

    /// <summary>Unmasks the next bytes of the message and takes them, in one pass. RFC 6455, sections 5.3 and 8.1.</summary>
    /// <param name="source">The masked bytes; either the start of <paramref name="destination"/> too, or apart from it.</param>
    /// <param name="destination">Where they go; at least as long as <paramref name="source"/>. Where they cannot be UTF-8, not all of them may have come there.</param>
    /// <param name="maskingKey">The key in the order of the wire, as <see cref="FrameHeader.MaskingKey"/> gives it.</param>
    /// <param name="offset">How many bytes of this frame's payload came before; only its two low bits matter, so a longer count may be cut.</param>
    /// <returns>As <see cref="Append"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public bool Unmask(ReadOnlySpan<byte> source, Span<byte> destination, uint maskingKey, int offset = 0)
    {
        if (destination.Length < source.Length)
        {
            ThrowTooShort();
        }

        maskingKey = Masking.Turn(maskingKey, offset);
        do
        {
            // What is not ASCII is looked at again, while it is in the nearest cache.
            ReadOnlySpan<byte> block = source.Length <= UnmaskedBlockBytes ? source : source[..UnmaskedBlockBytes];
            bool isAscii = Masking.ApplyCore(ref MemoryMarshal.GetReference(block), ref MemoryMarshal.GetReference(destination), (uint)block.Length, maskingKey);
            if (!(isAscii && _missing == 0) && !AppendSlow(destination[..block.Length]))
            {
                return false;
            }

            source = source[block.Length..];
            destination = destination[block.Length..];
        }
        while (!source.IsEmpty);

        return true;

        static void ThrowTooShort() => throw new ArgumentException("The destination is shorter than the source.", nameof(destination));
    }

    /// <summary>Makes the validator ready for the next message.</summary>
    public void Reset() => this = default;

    private bool AppendSlow(ReadOnlySpan<byte> bytes)
    {
        if (_missing == Failed)
        {
            return false;
        }

        int position = 0;
        while (_missing != 0 && position < bytes.Length)
        {
            if (!Continue(bytes[position++]))
            {
                return false;
            }
        }

        bytes = bytes[position..];
        if (!TryVectors(bytes, out int lastCharacter))
        {
            _missing = Failed;
            return false;
        }

        foreach (byte next in bytes[lastCharacter..])
        {
            if (!Step(next))
            {
                return false;
            }
        }

        return true;
    }

    private bool Step(byte next) => _missing == 0 ? next < 0x80 || Begin(next) : Continue(next);

    private bool Begin(byte lead)
    {
        _min = MinContinuation;
        _max = MaxContinuation;
        switch (lead)
        {
            case >= 0xC2 and <= 0xDF:
                _missing = 1;
                return true;
            case >= 0xE0 and <= 0xEF:
                _missing = 2;
                if (lead == 0xE0)
                {
                    _min = 0xA0; // below, the form is overlong
                }
                else if (lead == 0xED)
                {
                    _max = 0x9F; // above, surrogates
                }

                return true;
            case >= 0xF0 and <= 0xF4:
                _missing = 3;
                if (lead == 0xF0)
                {
                    _min = 0x90; // below, the form is overlong
                }
                else if (lead == 0xF4)
                {
                    _max = 0x8F; // above, U+10FFFF is passed
                }

                return true;
            default:
                _missing = Failed;
                return false;
        }
    }

    private bool Continue(byte next)
    {
        if (next < _min || next > _max)
        {
            _missing = Failed;
            return false;
        }

        _missing--;
        _min = MinContinuation;
        _max = MaxContinuation;
        return true;
    }
}
