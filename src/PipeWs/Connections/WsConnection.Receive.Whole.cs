using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// The frame that nearly all are: a whole message in one frame, that lies whole in one array. It is found with an index where every other is with slices of a sequence.
// Whatever is not certainly this, and certainly right, is left untouched to the steps that know everything.
public sealed partial class WsConnection
{
    private const byte WholeText = 0x81;
    private const byte WholeBinary = 0x82;
    private const byte MaskBit = 0x80;
    private const int LengthBits = 0x7F;
    private const int Length16 = 126;
    private const int KeyBytes = sizeof(uint);

    /// <summary>The bytes of a sequence's first segment; none where that is no array's.</summary>
    private static ArraySegment<byte> ArrayOf(in ReadOnlySequence<byte> buffer) =>
        MemoryMarshal.TryGetArray(buffer.First, out ArraySegment<byte> array) ? array : default;

    /// <summary>Takes a whole message off the bytes.</summary>
    /// <param name="bytes">What was read.</param>
    /// <param name="used">Where the next frame begins; moved beyond the message.</param>
    /// <param name="partsReceiver">Who gets it, where that may want it in parts; null otherwise.</param>
    /// <param name="start">Where the message begins among the bytes; it ends where the next frame begins.</param>
    /// <param name="isValid">Whether it may be delivered; the connection fails otherwise.</param>
    /// <returns><see langword="false"/> where there is no such message.</returns>
    private bool TryReadWhole(in ArraySegment<byte> bytes, ref int used, WsReceiver? partsReceiver, out int start, out bool isValid)
    {
        start = 0;
        isValid = true;
        Span<byte> rest = bytes.AsSpan(used);
        int header = _isServer ? 2 + KeyBytes : 2;
        if (rest.Length < header || _inMessage || _frameRemaining > 0 || _inflatesOn)
        {
            return false;
        }

        byte first = rest[0];
        int length = rest[1] & LengthBits;
        if (first is not (WholeText or WholeBinary) || ((rest[1] & MaskBit) != 0) != _isServer || length > Length16)
        {
            return false;
        }

        if (length == Length16)
        {
            header += sizeof(ushort);
            if (rest.Length < header)
            {
                return false;
            }

            length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (length < Length16)
            {
                return false;
            }
        }

        WsMessageType type = first == WholeText ? WsMessageType.Text : WsMessageType.Binary;
        if (rest.Length < header + length || length > _options.MaxMessageBytes || (partsReceiver is not null && MayReceiveParts(partsReceiver, type)))
        {
            return false;
        }

        isValid = UnmaskWhole(rest.Slice(header, length), type, _isServer ? MemoryMarshal.Read<uint>(rest[(header - KeyBytes)..]) : 0);
        _messageType = type;
        _inParts = false;
        if (_compression is not null)
        {
            _compression.Received.PayloadBytes = 0;
        }

        start = used + header;
        used = start + length;
        return true;
    }

    /// <summary>Whether the receiver wants parts, or does not say: it is then asked again where its exception is handled.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool MayReceiveParts(WsReceiver receiver, WsMessageType type)
    {
        try
        {
            return receiver.ReceivesParts(type);
        }
        catch (Exception)
        {
            return true;
        }
    }
}
