using System.Buffers;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Lent payloads, compressed: the length of the whole is known only at its end, so that it leaves in fragments, each flushed, as an uncompressed one leaves in pieces of one frame.
// Compressing waits until here, where the order is certain: each message may point back into those before it.
public sealed partial class WsConnection
{
    private Opcode _deflatedOpcode;

    // Of the lent message under way, all its fragments.
    private bool _lentIsDeflated;

    /// <summary>Whether a lent payload is compressed; decided for a message in parts by its first.</summary>
    private bool IsDeflated(OutboundNode node)
    {
        if (_compression is null)
        {
            return false;
        }

        if (node.Opcode != Opcode.Continuation && !_inLentFrame)
        {
            bool isWhole = node.Fin;
            _lentIsDeflated = !node.NeverCompress && (!isWhole || _compression.IsWorthIt((int)Math.Min(node.Payload.Length, int.MaxValue)));
        }

        return _lentIsDeflated;
    }

    /// <summary>Writes up to one flush of a lent payload, compressed.</summary>
    /// <param name="node">What is lent.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="isWritten">Whether all of it was written.</param>
    /// <returns><see langword="false"/> where it is not worth it, which its first piece tells: nothing was written, and the message goes as it is.</returns>
    private bool TryWriteDeflated(OutboundNode node, ref WsFrameWriter writer, out bool isWritten)
    {
        isWritten = false;
        if (!_inLentFrame)
        {
            node.Rest = node.Payload;
            _deflatedOpcode = node.Opcode;
            _inLentFrame = true;
        }

        do
        {
            if (writer.IsFull)
            {
                return true;
            }

            // Of a message in parts nobody knows whether what follows will be worth it.
            bool mayGoPlain = node.Fin && _deflatedOpcode != Opcode.Continuation;
            if (!TryWriteDeflatedPiece(node, mayGoPlain, ref writer))
            {
                _lentIsDeflated = _inLentFrame = false;
                return false;
            }

            _deflatedOpcode = Opcode.Continuation;
        }
        while (!node.Rest.IsEmpty);

        _inLentFrame = false;
        isWritten = true;
        if (node.Fin)
        {
            _messagesSent++;
        }

        return true;
    }

    private bool TryWriteDeflatedPiece(OutboundNode node, bool mayGoPlain, ref WsFrameWriter writer)
    {
        ReadOnlySequence<byte> piece = node.Rest.Slice(0, Math.Min(WsFrameWriter.DeflatedPieceBytes, node.Rest.Length));
        node.Rest = node.Rest.Slice(piece.Length);
        bool fin = node.Fin && node.Rest.IsEmpty;
        if (piece.IsSingleSegment)
        {
            return writer.TryWriteDeflatedPart(_deflatedOpcode, fin, piece.FirstSpan, mayGoPlain);
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        Span<byte> copy = buffer.GetSpan((int)piece.Length)[..(int)piece.Length];
        piece.CopyTo(copy);
        bool isWritten = writer.TryWriteDeflatedPart(_deflatedOpcode, fin, copy, mayGoPlain);
        buffer.Return();
        return isWritten;
    }
}
