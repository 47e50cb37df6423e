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
