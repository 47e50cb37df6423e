using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

/// <summary>
/// What a frame must be, for any test framework: each method throws a <see cref="WsAssertionException"/> that says what was expected and what the frame is, and gives the
/// frame back, to ask more of it.
/// </summary>
public static class WsFrameAssert
{
    /// <summary>A whole text message in one frame, with exactly this text where one is given.</summary>
    public static WsRawFrame AssertText(this WsRawFrame frame, string? text = null) =>
        AssertPayload(AssertWhole(frame, Opcode.Text), text is null ? null : Encoding.UTF8.GetBytes(text), text);

    /// <summary>A whole binary message in one frame, with exactly these bytes.</summary>
    public static WsRawFrame AssertBinary(this WsRawFrame frame, ReadOnlySpan<byte> payload) => AssertPayload(AssertWhole(frame, Opcode.Binary), payload.ToArray(), null);

    /// <summary>A fragment: the first of a message with the opcode of its type, a further one with <see cref="Opcode.Continuation"/>. RFC 6455, section 5.4.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="opcode">Text, Binary or Continuation.</param>
    /// <param name="fin">Whether it is the last.</param>
    public static WsRawFrame AssertFragment(this WsRawFrame frame, Opcode opcode, bool fin)
    {
        WsRawFrame right = AssertOpcode(frame, opcode);
        return right.Fin == fin ? right : throw Failure($"{(fin ? "the last" : "not the last")} fragment of a message", frame);
    }

    /// <summary>A ping. RFC 6455, section 5.5.2.</summary>
    public static WsRawFrame AssertPing(this WsRawFrame frame) => AssertWhole(frame, Opcode.Ping);

    /// <summary>A pong, with exactly this payload: that of the ping it answers. RFC 6455, section 5.5.3.</summary>
    public static WsRawFrame AssertPong(this WsRawFrame frame, ReadOnlySpan<byte> payload) => AssertPayload(AssertWhole(frame, Opcode.Pong), payload.ToArray(), null);

    /// <summary>A close frame with this code. RFC 6455, section 5.5.1.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="code">The code; 1005 for a close frame without one.</param>
    /// <param name="reason">The reason; null for any.</param>
    public static WsRawFrame AssertClose(this WsRawFrame frame, ushort code, string? reason = null)
    {
        string expected = $"close {code}{(reason is null ? "" : $" \"{reason}\"")}";
        return frame is { Opcode: Opcode.Close, Fin: true } && frame.CloseCode == code && (reason is null || frame.CloseReason == reason)
            ? frame
            : throw Failure(expected, frame);
    }

    /// <summary>Not masked, as a server sends it. RFC 6455, section 5.1.</summary>
    public static WsRawFrame AssertUnmasked(this WsRawFrame frame) => !frame.Masked ? frame : throw Failure("a frame that is not masked", frame);

    /// <summary>Masked, as a client sends it. RFC 6455, section 5.1.</summary>
    public static WsRawFrame AssertMasked(this WsRawFrame frame) => frame.Masked ? frame : throw Failure("a masked frame", frame);

    private static WsRawFrame AssertOpcode(WsRawFrame frame, Opcode opcode) =>
        frame.Opcode == opcode && frame.Rsv == 0 ? frame : throw Failure($"{opcode.ToString().ToLowerInvariant()} with no reserved bit", frame);

    private static WsRawFrame AssertWhole(WsRawFrame frame, Opcode opcode) =>
        AssertOpcode(frame, opcode).Fin ? frame : throw Failure($"{opcode.ToString().ToLowerInvariant()}, whole in one frame", frame);

    private static WsRawFrame AssertPayload(WsRawFrame frame, byte[]? payload, string? text) =>
        payload is null || frame.Payload.Span.SequenceEqual(payload)
            ? frame
            : throw Failure(text is null ? $"{frame.Opcode.ToString().ToLowerInvariant()} {payload.Length} bytes 0x{Convert.ToHexString(payload)}" : $"text \"{text}\"", frame);

    private static WsAssertionException Failure(string expected, WsRawFrame frame) => new($"Expected: {expected}.\nCame: {frame}.");
}
