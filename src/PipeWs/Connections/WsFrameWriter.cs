using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using PipeWs.Messages;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>Writes frames to a connection's transport on behalf of whoever holds its turn.</summary>
public ref struct WsFrameWriter
{
    /// <summary>How much is compressed at a time, in bytes: a quarter more, which is what it may become, is what a thread keeps room for.</summary>
    internal const int DeflatedPieceBytes = 48 * 1024;

    /// <summary>Up to this many bytes a payload and its header are written in one go.</summary>
    internal const int MaxBytesAtOnce = 1024;

    /// <summary>From this many bytes on what leaves alone is handed to the transport where it lies, and not copied into its buffer.</summary>
    private const int MinDirectBytes = 8 * 1024;

    private readonly PipeWriter _output;
    private readonly bool _masks;
    private readonly int _fullBytes;
    private readonly ConnectionCompression? _compression;

    /// <summary>The connection's: what was written last and not copied yet, in the hope that nothing follows it before the flush.</summary>
    private readonly ref WsFrame? _uncopied;

    internal WsFrameWriter(PipeWriter output, ref WsFrame? uncopied, bool masks, int fullBytes, ConnectionCompression? compression)
    {
        _uncopied = ref uncopied;
        _compression = compression;
        _output = output;
        _masks = masks;
        _fullBytes = fullBytes;
    }

    /// <summary>The bytes written through this writer.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>The whole messages written through this writer.</summary>
    internal int MessagesWritten { get; private set; }

    /// <summary>Whether a run that is all there is to write stays where it lies, for whoever made the writer to hand over as <see cref="Run"/>.</summary>
    internal bool LeavesRun { readonly get; set; }

    /// <summary>What was left where it lies, and is all that was written; empty where nothing was.</summary>
    internal WsFrameRun Run { readonly get; private set; }

    /// <summary>Whether as much has been written as is handed to the transport at a time; the rest waits until it took this.</summary>
    public readonly bool IsFull => BytesWritten >= _fullBytes;

    /// <summary>Whether frames leave as they are encoded, neither masked nor compressed.</summary>
    internal readonly bool TakesEncoded => !_masks && _compression is null;

    /// <summary>Writes an encoded frame; to a connection that compresses, the compressed form that all its holders share.</summary>
    public void Write(WsFrame frame)
    {
        MessagesWritten++;
        if (_compression is null || _compression.FindDeflated(frame) is not { } deflated)
        {
            WriteEncoded(frame, rsv: 0);
        }
        else
        {
            WriteEncoded(deflated, FrameHeader.Rsv1);
        }
    }

    /// <summary>Writes encoded frames that lie in one piece, where the writer takes them as they are and they fit in what is handed to the transport at a time.</summary>
    internal bool TryWriteEncoded(WsFrameRun frames, int messages)
    {
        if (!TakesEncoded || BytesWritten + frames.Length > _fullBytes)
        {
            return false;
        }

        CopyUncopied();
        if (LeavesRun && BytesWritten == 0)
        {
            Run = frames;
        }
        else
        {
            Copy(frames.Memory.Span);
        }

        MessagesWritten += messages;
        BytesWritten += frames.Length;
        return true;
    }

    /// <summary>Writes an unmasked frame, header and payload in one go. Without a writer: most of what a batch answers needs nothing else of it.</summary>
    /// <returns>The bytes written.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int WriteAtOnce(PipeWriter output, Opcode opcode, bool fin, scoped ReadOnlySpan<byte> payload, byte rsv)
    {
        Span<byte> frame = output.GetSpan(FrameHeader.MaxLength + payload.Length);
        int length = FrameHeader.Write(frame, opcode, payload.Length, fin, rsv);
        payload.CopyTo(frame[length..]);
        length += payload.Length;
        output.Advance(length);
        return length;
    }

    /// <summary>Writes a whole message.</summary>
    public void Write(WsMessageType type, scoped ReadOnlySpan<byte> payload) => Write(type, payload, neverCompress: false);

    internal void Write(WsMessageType type, scoped ReadOnlySpan<byte> payload, bool neverCompress)
    {
        MessagesWritten++;
        Opcode opcode = type == WsMessageType.Text ? Opcode.Text : Opcode.Binary;
        if (_compression is null || neverCompress || !_compression.IsWorthIt(payload.Length) || !TryWriteDeflated(opcode, payload))
        {
            Write(opcode, fin: true, payload);
        }
    }

    /// <summary>Writes an encoded frame that is for this connection alone.</summary>
    internal void WriteOwn(WsFrame frame)
    {
        if (_compression is null)
        {
            MessagesWritten++;
            WriteEncoded(frame, rsv: 0);
        }
        else
        {
            Write(frame.Type, frame.Payload, frame.NeverCompress);
        }
    }

    internal void Write(Opcode opcode, bool fin, scoped ReadOnlySpan<byte> payload, byte rsv = 0)
    {
        if (!_masks && payload.Length <= MaxBytesAtOnce)
        {
            CopyUncopied();
            BytesWritten += WriteAtOnce(_output, opcode, fin, payload, rsv);
            return;
        }

        uint key = WriteHeader(opcode, fin, payload.Length, rsv);
        WritePayload(payload, key, 0);
    }

    /// <summary>Compresses a part of a message and writes it as a fragment of its own.</summary>
    /// <param name="opcode">The fragment's.</param>
    /// <param name="fin">Whether the message ends with it.</param>
    /// <param name="part">The bytes.</param>
    /// <param name="mayGoPlain">Whether it need not be written where it does not become shorter: at the beginning of a message that is known whole.</param>
    /// <returns>Whether it was written; where not, it is forgotten.</returns>
    internal bool TryWriteDeflatedPart(Opcode opcode, bool fin, scoped ReadOnlySpan<byte> part, bool mayGoPlain)
    {
        bool mustBeShorter = mayGoPlain && !_compression!.MayBecomeLonger(part.Length);
        MessageBuffer buffer = MessageBuffer.Rent();
        int most = mustBeShorter ? part.Length : MessageDeflater.MaxDeflatedBytes(part.Length);
        Span<byte> room = buffer.GetSpan(most)[..most];
        bool isDeflated = _compression!.TryDeflate(part, fin, room, out int length);
        if (isDeflated)
        {
            // "RSV1 ... set to 1 on the first fragment of a message" alone (RFC 7692, section 6.1).
            Write(opcode, fin, room[..length], opcode == Opcode.Continuation ? (byte)0 : FrameHeader.Rsv1);
        }

        buffer.Return();
        if (!isDeflated && !mustBeShorter)
        {
            throw new InvalidOperationException("zlib wrote more than its bound.");
        }

        return isDeflated;
    }

    /// <summary>Writes the header of a frame whose payload follows in pieces.</summary>
    /// <returns>The masking key; unused by a server.</returns>
    internal uint WriteHeader(Opcode opcode, bool fin, long payloadLength, byte rsv = 0)
    {
        CopyUncopied();
        Span<byte> header = _output.GetSpan(FrameHeader.MaxLength);
        uint key = 0;
        int written;
        if (_masks)
        {
            key = MaskingKeySource.Next();
            written = FrameHeader.WriteMasked(header, opcode, payloadLength, key, fin, rsv);
        }
        else
        {
            written = FrameHeader.Write(header, opcode, payloadLength, fin, rsv);
        }

        _output.Advance(written);
        BytesWritten += written;
        return key;
    }

    /// <summary>Takes a piece of a payload that is to leave where it lies, if it is worth it; the caller then lets it leave before anything else is written.</summary>
    internal bool TryTakeDirect(int length)
    {
        if (_masks || BytesWritten > 0 || length < MinDirectBytes || _output is not { CanGetUnflushedBytes: true, UnflushedBytes: 0 })
        {
            return false;
        }

        BytesWritten = length;
        return true;
    }

    internal void WritePayload(scoped ReadOnlySpan<byte> payload, uint key, int offset)
    {
        BytesWritten += payload.Length;
        if (!_masks)
        {
            Copy(payload);
            return;
        }

        while (!payload.IsEmpty)
        {
            Span<byte> destination = _output.GetSpan();
            int length = Math.Min(destination.Length, payload.Length);
            Masking.Apply(payload[..length], destination, key, offset);
            _output.Advance(length);
            payload = payload[length..];
            offset = (offset + length) & 3;
        }
    }

    private bool TryWriteDeflated(Opcode opcode, scoped ReadOnlySpan<byte> payload)
    {
        bool isFirst = true;
        do
        {
            ReadOnlySpan<byte> piece = payload[..Math.Min(payload.Length, DeflatedPieceBytes)];
            payload = payload[piece.Length..];
            if (!TryWriteDeflatedPart(isFirst ? opcode : Opcode.Continuation, fin: payload.IsEmpty, piece, mayGoPlain: isFirst))
            {
                return false;
            }

            isFirst = false;
        }
        while (!payload.IsEmpty);

        return true;
    }

    private void WriteEncoded(WsFrame frame, byte rsv)
    {
        if (_masks)
        {
            Write(frame.Type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, fin: true, frame.Payload, rsv);
            return;
        }

        CopyUncopied();
        if (IsDirect(frame.Length))
        {
            frame.Retain();
            _uncopied = frame;
        }
        else
        {
            Copy(frame.Bytes);
        }

        BytesWritten += frame.Length;
    }

    /// <summary>
    /// Whether a frame is left where it lies. One system call more, where bytes were gathered before it, costs less than the copy of what fills a flush, and more than any smaller one.
    /// </summary>
    private readonly bool IsDirect(int length) =>
        length >= MinDirectBytes && (length >= _fullBytes || _output is { CanGetUnflushedBytes: true, UnflushedBytes: 0 });

    /// <summary>Something follows what was not copied: both leave in one piece.</summary>
    private void CopyUncopied()
    {
        if (!Run.IsEmpty)
        {
            ReadOnlyMemory<byte> run = Run.Memory;
            Run = default;
            Copy(run.Span);
        }

        if (_uncopied is { } frame)
        {
            _uncopied = null;
            Copy(frame.Bytes);
            frame.Release();
        }
    }

    private readonly void Copy(scoped ReadOnlySpan<byte> bytes)
    {
        Span<byte> destination = _output.GetSpan();
        if (bytes.Length <= destination.Length)
        {
            bytes.CopyTo(destination);
            _output.Advance(bytes.Length);
            return;
        }

        _output.Write(bytes);
    }
}
