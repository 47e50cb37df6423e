using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace PipeWs.Protocol.Framing;

/// <summary>The body of a close frame: nothing, or a code and a reason in UTF-8. RFC 6455, section 5.5.1.</summary>
public static class ClosePayload
{
    /// <summary>The longest reason, in bytes of UTF-8: a control frame's 125 less the code.</summary>
    public const int MaxReasonBytes = FrameRules.MaxControlPayloadBytes - 2;

    private static readonly ProtocolError OneByte = new(CloseCode.ProtocolError, "a close frame's body is empty or at least two bytes (RFC 6455, 5.5.1)");
    private static readonly ProtocolError BadCode = new(CloseCode.ProtocolError, "a close code that must not be sent (RFC 6455, 7.4)");
    private static readonly ProtocolError BadReason = new(CloseCode.InvalidPayloadData, "a close reason that is not UTF-8 (RFC 6455, 5.5.1)");

    /// <summary>Reads and judges a close frame's unmasked payload.</summary>
    /// <param name="payload">The payload.</param>
    /// <param name="code">The code; <see cref="CloseCode.NoStatusReceived"/> where the body is empty.</param>
    /// <param name="reason">The reason; empty where there is none.</param>
    public static ProtocolError Read(ReadOnlySpan<byte> payload, out ushort code, out string reason)
    {
        reason = "";
        if (payload.IsEmpty)
        {
            code = CloseCode.NoStatusReceived;
            return default;
        }

        if (payload.Length == 1)
        {
            code = CloseCode.ProtocolError;
            return OneByte;
        }

        code = BinaryPrimitives.ReadUInt16BigEndian(payload);
        if (!CloseCode.IsValidOnTheWire(code))
        {
            return BadCode;
        }

        if (!Utf8.IsValid(payload[2..]))
        {
            return BadReason;
        }

        reason = Encoding.UTF8.GetString(payload[2..]);
        return default;
    }

    /// <summary>
    /// Writes a close frame's payload. A reason longer than <see cref="MaxReasonBytes"/> is cut at the last whole character that fits.
    /// </summary>
    /// <param name="destination">At least <see cref="FrameRules.MaxControlPayloadBytes"/> bytes.</param>
    /// <param name="code">A code that may be sent, or <see cref="CloseCode.NoStatusReceived"/> for an empty body.</param>
    /// <param name="reason">The reason; may be empty.</param>
    /// <returns>The bytes written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The code must not be sent.</exception>
    public static int Write(Span<byte> destination, ushort code, ReadOnlySpan<char> reason)
    {
        if (code == CloseCode.NoStatusReceived)
        {
            return 0;
        }

        if (!CloseCode.IsValidOnTheWire(code))
        {
            throw new ArgumentOutOfRangeException(nameof(code), code, "A close frame carries 1000-1003, 1007-1014 or 3000-4999 (RFC 6455, 7.4).");
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination, code);
        Utf8.FromUtf16(reason, destination.Slice(2, MaxReasonBytes), out _, out int written);
        return 2 + written;
    }
}
