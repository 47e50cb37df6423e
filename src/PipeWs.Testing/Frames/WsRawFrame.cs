using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

/// <summary>
/// One frame as it is on the wire, legal or not. Its bytes are read and written here without the library's own code, so that a test does not take the library's word
/// for what the library sent. RFC 6455, section 5.2.
/// </summary>
/// <param name="Fin">Whether it is the last fragment of its message.</param>
/// <param name="Rsv">The three reserved bits, in place: 0x40, 0x20, 0x10.</param>
/// <param name="Opcode">What it is; may be a reserved value.</param>
/// <param name="MaskingKey">The masking key as the four bytes of the wire, the first the highest; null where the frame is not masked.</param>
/// <param name="Payload">The payload, unmasked.</param>
public readonly partial record struct WsRawFrame(bool Fin, byte Rsv, Opcode Opcode, uint? MaskingKey, ReadOnlyMemory<byte> Payload)
{
    private const int MaxShownChars = 100;

    /// <summary>Whether it is masked.</summary>
    public bool Masked => MaskingKey is not null;

    /// <summary>Whether it is a close, ping or pong, or a reserved control frame.</summary>
    public bool IsControl => ((byte)Opcode & 0x08) != 0;

    /// <summary>The payload as UTF-8; what is not UTF-8 shows as U+FFFD.</summary>
    public string PayloadText => Encoding.UTF8.GetString(Payload.Span);

    /// <summary>The code of a close frame; 1005 where it carries none. RFC 6455, section 7.4.1.</summary>
    public ushort CloseCode => Payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Payload.Span) : Protocol.Framing.CloseCode.NoStatusReceived;

    /// <summary>The reason of a close frame; empty where it carries none.</summary>
    public string CloseReason => Payload.Length > 2 ? Encoding.UTF8.GetString(Payload.Span[2..]) : "";

    /// <summary>A whole text message, or with <paramref name="fin"/> false its first fragment.</summary>
    public static WsRawFrame Text(string text, bool fin = true) => new(fin, 0, Opcode.Text, null, Encoding.UTF8.GetBytes(text));

    /// <summary>A whole binary message, or with <paramref name="fin"/> false its first fragment.</summary>
    public static WsRawFrame Binary(ReadOnlyMemory<byte> payload, bool fin = true) => new(fin, 0, Opcode.Binary, null, payload);

    /// <summary>A further fragment.</summary>
    public static WsRawFrame Continuation(ReadOnlyMemory<byte> payload, bool fin = true) => new(fin, 0, Opcode.Continuation, null, payload);

    /// <summary>A ping.</summary>
    public static WsRawFrame Ping(ReadOnlyMemory<byte> payload = default) => new(true, 0, Opcode.Ping, null, payload);

    /// <summary>A pong.</summary>
    public static WsRawFrame Pong(ReadOnlyMemory<byte> payload = default) => new(true, 0, Opcode.Pong, null, payload);

    /// <summary>A close frame.</summary>
    /// <param name="code">Any code, legal or not; 1005 for an empty body.</param>
    /// <param name="reason">The reason.</param>
    public static WsRawFrame Close(ushort code = Protocol.Framing.CloseCode.NormalClosure, string reason = "")
    {
        byte[] payload = code == Protocol.Framing.CloseCode.NoStatusReceived ? [] : [(byte)(code >> 8), (byte)code, .. Encoding.UTF8.GetBytes(reason)];
        return new WsRawFrame(true, 0, Opcode.Close, null, payload);
    }

    /// <summary>Frames are equal where all of them is equal, the payload byte by byte.</summary>
    public bool Equals(WsRawFrame other) =>
        Fin == other.Fin && Rsv == other.Rsv && Opcode == other.Opcode && MaskingKey == other.MaskingKey && Payload.Span.SequenceEqual(other.Payload.Span);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Fin);
        hash.Add(Rsv);
        hash.Add(Opcode);
        hash.Add(MaskingKey);
        hash.AddBytes(Payload.Span);
        return hash.ToHashCode();
    }

    /// <summary>Says what it is in a few words: <c>text 17 bytes {"type":"pong"}</c>, <c>close 3008 "too slow"</c>, <c>ping 8 bytes 0x0000000000000001</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Enum.IsDefined(Opcode) ? Opcode.ToString().ToLowerInvariant() : $"opcode 0x{(byte)Opcode:X}");
        text.Append(Rsv == 0 ? "" : $" rsv 0x{Rsv:X2}").Append(Fin ? "" : " (more follows)").Append(Masked ? " masked" : "");
        if (Opcode == Opcode.Close && Payload.Length != 1)
        {
            return text.Append(' ').Append(CloseCode).Append(CloseReason.Length == 0 ? "" : $" \"{CloseReason}\"").ToString();
        }

        text.Append(' ').Append(Payload.Length).Append(Payload.Length == 1 ? " byte" : " bytes");
        if (Payload.IsEmpty)
        {
            return text.ToString();
        }

        // Most continuations are of text, and a control frame's payload is short either way.
        return text.Append(' ').Append(Opcode is Opcode.Text or Opcode.Continuation ? Shorten(PayloadText) : Shorten("0x" + Convert.ToHexString(Payload.Span))).ToString();
    }

    private static string Shorten(string text) => text.Length <= MaxShownChars ? text : string.Concat(text.AsSpan(0, MaxShownChars), "...");
}
