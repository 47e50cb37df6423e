using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>
/// One message encoded as a complete, unmasked frame in a pooled buffer that any number of holders share: the last <see cref="Release"/>
/// gives it back, exactly once. The log of a room is made of these.
/// </summary>
public sealed partial class WsFrame
{
    private byte[] _buffer = [];
    private int _references;

    internal WsFrame()
    {
    }

    /// <summary>The whole frame, header and payload, as a server sends it.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(Start, Length);

    /// <summary><see cref="Bytes"/>, for what outlasts the call.</summary>
    internal ReadOnlyMemory<byte> Memory => _buffer.AsMemory(Start, Length);

    /// <summary>The payload.</summary>
    public ReadOnlySpan<byte> Payload => _buffer.AsSpan(FrameHeader.MaxLength, PayloadLength);

    /// <summary><see cref="Payload"/>, for what outlasts the call.</summary>
    internal ReadOnlyMemory<byte> PayloadMemory => _buffer.AsMemory(FrameHeader.MaxLength, PayloadLength);

    /// <summary>The frame's length in bytes.</summary>
    public int Length => FrameHeader.MaxLength - Start + PayloadLength;

    /// <summary>The payload's length in bytes.</summary>
    public int PayloadLength { get; private set; }

    /// <summary>Text or binary.</summary>
    public WsMessageType Type { get; private set; }

    /// <summary>The sequence number in the log that holds it.</summary>
    public long SequenceNumber { get; set; }

    /// <summary>When it was appended, as the log counts time.</summary>
    public long Timestamp { get; set; }

    /// <summary>The key for rooms that conflate.</summary>
    public string? Key { get; set; }

    /// <summary>Ids of connections that are passed over.</summary>
    public IReadOnlyList<string>? Except { get; set; }

    /// <summary>Sends it as it is to connections that compress too. Set before <see cref="Seal(WsMessageType, int)"/>.</summary>
    public bool NeverCompress { get; set; }

    internal byte[] Buffer => _buffer;

    private int Start { get; set; }

    /// <summary>Takes a frame with room for a payload, held once by the caller, who writes the payload and then calls <see cref="Seal(WsMessageType, int)"/>.</summary>
    public static WsFrame Rent(int payloadCapacity)
    {
        WsFrame frame = WsFramePool.Rent();
        int needed = FrameHeader.MaxLength + payloadCapacity;
        if (frame._buffer.Length < needed)
        {
            frame.Grow(needed);
        }

        Debug.Assert(frame._references == 0, "A frame in the pool is held by nobody.");
        Volatile.Write(ref frame._references, 1);
        return frame;
    }

    /// <summary>Encodes a whole message; held once by the caller.</summary>
    public static WsFrame Create(WsMessageType type, ReadOnlySpan<byte> payload)
    {
        WsFrame frame = Rent(payload.Length);
        payload.CopyTo(frame.GetPayloadSpan(payload.Length));
        frame.Seal(type, payload.Length);
        return frame;
    }

    /// <summary>Where the payload is written, before <see cref="Seal(WsMessageType, int)"/>.</summary>
    public Span<byte> GetPayloadSpan(int length)
    {
        Debug.Assert(_references >= 1, "Only the frame's maker writes it; a reader that comes too late may hold it for a moment.");
        return _buffer.AsSpan(FrameHeader.MaxLength, length);
    }

    /// <summary>Writes the header in front of the payload; the frame does not change from here on.</summary>
    public void Seal(WsMessageType type, int payloadLength) => Seal(type, payloadLength, rsv: 0);

    /// <summary>Holds it once more. The caller must hold it already.</summary>
    public void Retain()
    {
        int references = Interlocked.Increment(ref _references);
        Debug.Assert(references > 1, "A frame that nobody holds was retained.");
    }

    /// <summary>Holds it once more, if anybody still does; otherwise it may already be somebody else's.</summary>
    public bool TryRetain()
    {
        int references = Volatile.Read(ref _references);
        while (references > 0)
        {
            int seen = Interlocked.CompareExchange(ref _references, references + 1, references);
            if (seen == references)
            {
                return true;
            }

            references = seen;
        }

        return false;
    }

    /// <summary>Lets go of it; the last one gives the buffer back.</summary>
    public void Release()
    {
        int references = Interlocked.Decrement(ref _references);
        if (references == 0)
        {
            WsFramePool.Return(this);
        }
        else if (references < 0)
        {
            ThrowReleasedTwice();
        }
    }

    internal void Clear(int maxKeptBytes)
    {
        ReleaseDeflated();
        NeverCompress = false;
        Key = null;
        Except = null;
        SequenceNumber = 0;
        Timestamp = 0;
        if (_buffer.Length > maxKeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private void Seal(WsMessageType type, int payloadLength, byte rsv)
    {
        int header = FrameHeader.GetLength(payloadLength, masked: false);
        Start = FrameHeader.MaxLength - header;
        PayloadLength = payloadLength;
        Type = type;
        FrameHeader.Write(_buffer.AsSpan(Start), type == WsMessageType.Text ? Opcode.Text : Opcode.Binary, payloadLength, rsv: rsv);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int needed)
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = ArrayPool<byte>.Shared.Rent(needed);
    }

    private static void ThrowReleasedTwice() => throw new InvalidOperationException("A frame was released more often than it was held.");
}
