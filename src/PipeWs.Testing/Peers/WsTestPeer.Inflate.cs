using System.Buffers;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

// Compressed messages, where the handshake agreed on them: frames are kept as they came, messages are inflated.
public sealed partial class WsTestPeer
{
    private readonly DeflateParameters? _compression;
    private MessageInflater? _inflater;

    /// <summary>What the handshake agreed on about permessage-deflate (RFC 7692); null where nothing was.</summary>
    public DeflateParameters? Compression => _compression;

    private ReadOnlyMemory<byte> Inflate(List<WsRawFrame> fragments, ReadOnlyMemory<byte> payload)
    {
        if (_compression is not { } agreed || (fragments[0].Rsv & FrameHeader.Rsv1) == 0)
        {
            return payload;
        }

        bool forgets = _role == WsRole.Client ? agreed.ServerNoContextTakeover : agreed.ClientNoContextTakeover;
        _inflater ??= new MessageInflater(_role == WsRole.Client ? agreed.ServerMaxWindowBits : agreed.ClientMaxWindowBits);
        var message = new ArrayBufferWriter<byte>(1024);
        InflateStatus status;
        do
        {
            status = _inflater.Inflate(payload.Span, message.GetSpan(), out int consumed, out int written);
            message.Advance(written);
            payload = payload[consumed..];
        }
        while (status == InflateStatus.NeedsRoom);

        if (status == InflateStatus.Invalid || !_inflater.TryEndMessage())
        {
            throw new WsAssertionException($"A compressed message came that is not deflate, or not all of it (RFC 7692, 7.2.2), of {fragments.Count} frames.");
        }

        if (forgets)
        {
            _inflater.Reset();
        }

        return message.WrittenMemory;
    }
}
