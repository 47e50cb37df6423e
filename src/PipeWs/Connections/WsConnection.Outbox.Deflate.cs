using System.Buffers;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Lent payloads, compressed: the length of the whole is known only at its end, so that it leaves in fragments, each flushed, as an uncompressed one leaves in pieces of one frame.
// Compressing waits until here, where the order is certain: each message may point back into those before it.
public sealed partial class WsConnection
{
    /// <summary>How much is compressed at a time, in bytes.</summary>
    private const int DeflatedPieceBytes = 64 * 1024;

    private Opcode _deflatedOpcode;

    /// <summary>Whether a lent payload is compressed; decided for a message in parts by its first.</summary>
    private bool IsDeflated(OutboundNode node)
    {
        if (_compression is null)
        {
            return false;
        }

        if (node.Stream is not { } stream)
        {
            return !node.NeverCompress && _compression.IsWorthIt((int)Math.Min(node.Payload.Length, int.MaxValue));
        }

        if (node.Opcode != Opcode.Continuation && !_inLentFrame)
        {
            stream.IsDeflated = !node.NeverCompress && (!node.Fin || _compression.IsWorthIt((int)Math.Min(node.Payload.Length, int.MaxValue)));
        }

        return stream.IsDeflated;
    }

    private bool TryWriteDeflated(OutboundNode node, ref WsFrameWriter writer)
    {
        if (!_inLentFrame)
        {
            _lentRest = node.Payload;
            _deflatedOpcode = node.Opcode;
            _inLentFrame = true;
        }

        do
        {
            if (writer.IsFull)
            {
                return false;
            }

            WriteDeflatedPiece(node.Fin, ref writer);
            _deflatedOpcode = Opcode.Continuation;
        }
        while (!_lentRest.IsEmpty);

        _lentRest = default;
        _inLentFrame = false;
        if (node.Fin)
        {
            _messagesSent++;
        }

        return true;
    }

    private void WriteDeflatedPiece(bool fin, ref WsFrameWriter writer)
    {
        ReadOnlySequence<byte> piece = _lentRest.Slice(0, Math.Min(DeflatedPieceBytes, _lentRest.Length));
        _lentRest = _lentRest.Slice(piece.Length);
        fin &= _lentRest.IsEmpty;
        if (piece.IsSingleSegment)
        {
            writer.WriteDeflatedPart(_deflatedOpcode, fin, piece.FirstSpan);
            return;
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        Span<byte> copy = buffer.GetSpan((int)piece.Length)[..(int)piece.Length];
        piece.CopyTo(copy);
        writer.WriteDeflatedPart(_deflatedOpcode, fin, copy);
        buffer.Return();
    }
}
