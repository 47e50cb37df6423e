using System.Runtime.InteropServices;
using PipeWs.LoadTest.SignalR;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// The message that is sent again and again: envelope, stamp and filler. Only the stamp changes. It belongs to one thread.
/// </summary>
internal sealed class MessageTemplate
{
    private readonly byte[] _message;
    private readonly int _payloadOffset;
    private readonly int _payloadLength;
    private readonly Opcode _opcode;
    private uint _key = 0x9E3779B9;

    public MessageTemplate(LoadOptions options)
    {
        byte[] payload = new byte[options.PayloadBytes];
        for (int i = LoadStamp.Length; i < payload.Length; i++)
        {
            payload[i] = (byte)('q' + (i % 10));
        }

        default(LoadStamp).Write(payload);
        _payloadLength = payload.Length;
        _opcode = options.Binary ? Opcode.Binary : Opcode.Text;
        if (options.Protocol == LoadProtocol.SignalR)
        {
            (_message, _payloadOffset) = HubMessages.CreateInvocation(options.Mode == LoadMode.Echo ? "Echo" : "Broadcast", payload);
        }
        else
        {
            _message = payload;
        }
    }

    /// <summary>The length in bytes of one frame.</summary>
    public int FrameLength => FrameHeader.GetLength(_message.Length, masked: true) + _message.Length;

    /// <summary>Writes one masked frame with this stamp.</summary>
    /// <returns>The bytes written.</returns>
    public int WriteFrame(Span<byte> destination, in LoadStamp stamp)
    {
        stamp.Write(_message.AsSpan(_payloadOffset));
        // xorshift32: never 0, which a server might be tempted to skip; a load test has no use for an unpredictable key (RFC 6455, 10.3 protects browsers).
        _key ^= _key << 13;
        _key ^= _key >> 17;
        _key ^= _key << 5;
        int header = FrameHeader.WriteMasked(destination, _opcode, _message.Length, _key);
        MaskTo(destination[header..], _message, _key);
        return header + _message.Length;
    }

    /// <summary>Whether a received payload is one of this template's, to the last byte of its filler.</summary>
    public bool Matches(ReadOnlySpan<byte> payload) =>
        payload.Length == _payloadLength
        && payload[LoadStamp.Length..].SequenceEqual(_message.AsSpan(_payloadOffset + LoadStamp.Length, _payloadLength - LoadStamp.Length));

    /// <summary>Copies and masks. The key is in wire order. RFC 6455, section 5.3.</summary>
    internal static void MaskTo(Span<byte> destination, ReadOnlySpan<byte> source, uint key)
    {
        ulong wide = key | ((ulong)key << 32);
        int words = source.Length / 8;
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(source[..(words * 8)]);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(destination[..(words * 8)]);
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = from[i] ^ wide;
        }

        for (int i = words * 8; i < source.Length; i++)
        {
            destination[i] = (byte)(source[i] ^ (byte)(key >> (8 * (i % 4))));
        }
    }
}
