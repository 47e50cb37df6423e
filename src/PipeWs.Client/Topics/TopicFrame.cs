using System.Buffers;
using Microsoft.Extensions.ObjectPool;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>One message's bytes and where its members lie in them: a pooled copy, or for a handler's turn the receive buffer itself. Each use has a version of its own.</summary>
internal sealed class TopicFrame
{
    // A small buffer stays with its object, so that the common sizes cost one trip to one pool.
    private const int MaxKeptBytes = 2048;
    private const int MinBytes = 256;

    private static readonly DefaultObjectPool<TopicFrame> s_pool = new(new DefaultPooledObjectPolicy<TopicFrame>(), 4 * 1024);

    /// <summary>Where the members lie.</summary>
    public Envelope Envelope;

    private byte[] _own = [];
    private byte[]? _gapRaw;
    private int _version;
    private bool _isBorrower;

    public int Version => Volatile.Read(ref _version);

    public ReadOnlyMemory<byte> Raw { get; private set; }

    /// <summary>The topic as the subscription names it; null where it is to be decoded.</summary>
    public string? Topic { get; private set; }

    public string? Epoch { get; private set; }

    public TopicMember? Member { get; private set; }

    public WsTopicGap? Gap { get; private set; }

    /// <summary>Whether it is a buffer's own gap, for what that had no room for. A server's may have the same reason.</summary>
    public bool IsOverflow { get; private set; }

    /// <summary>What it takes of a buffer's bytes.</summary>
    public int Length => Gap is { } gap ? LengthOf(gap) : Raw.Length;

    /// <summary>Its neighbours in a buffer; the buffer's own.</summary>
    public TopicFrame? Next { get; set; }

    public TopicFrame? Previous { get; set; }

    public ReadOnlyMemory<byte> Data => Envelope.Body is { IsEmpty: false } body ? Raw.Slice(body.Start, body.Length) : default;

    /// <summary>The last sequence number that is done with when this was read; 0 where it has none.</summary>
    public long LastNumber => Gap is { } gap ? gap.Reason == TopicMember.Conflated ? 0 : gap.To : Envelope.HasSequenceNumber ? Envelope.SequenceNumber : 0;

    public static TopicFrame Rent(ReadOnlySpan<byte> raw, in Envelope envelope, string? topic, TopicMember? member = null)
    {
        TopicFrame frame = s_pool.Get();
        if (frame._own.Length < raw.Length || frame._own.Length == 0)
        {
            if (frame._own.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(frame._own);
            }

            frame._own = ArrayPool<byte>.Shared.Rent(Math.Max(MinBytes, raw.Length));
        }

        raw.CopyTo(frame._own);
        frame.Raw = frame._own.AsMemory(0, raw.Length);
        frame.Envelope = envelope;
        frame.Topic = topic;
        frame.Member = member;
        frame.Epoch = member?.Epoch;
        return frame;
    }

    /// <summary>What a gap takes of a buffer's bytes: the words that the server chose.</summary>
    public static int LengthOf(WsTopicGap gap) => sizeof(char) * (gap.Reason.Length + (gap.Epoch?.Length ?? 0) + (gap.PreviousEpoch?.Length ?? 0));

    public static TopicFrame ForGap(WsTopicGap gap, TopicMember? member, bool isOverflow = false)
    {
        TopicFrame frame = s_pool.Get();
        frame.Gap = gap;
        frame.IsOverflow = isOverflow;
        frame.Topic = gap.Topic;
        frame.Epoch = gap.Epoch;
        frame.Member = member;
        return frame;
    }

    /// <summary>Makes a gap that nobody has read another.</summary>
    public void SetGap(WsTopicGap gap)
    {
        Gap = gap;
        Epoch = gap.Epoch;
    }

    /// <summary>Shows bytes that belong to somebody else, until <see cref="EndBorrow"/>. For a frame that is in no pool.</summary>
    public void Borrow(ReadOnlyMemory<byte> raw, in Envelope envelope, string? topic, string? epoch, WsTopicGap? gap)
    {
        Raw = raw;
        _gapRaw = null;
        Envelope = envelope;
        Topic = topic;
        Epoch = epoch;
        Gap = gap;
    }

    public void EndBorrow()
    {
        Interlocked.Increment(ref _version);
        Raw = default;
        Envelope = default;
    }

    public TopicFrame Copy()
    {
        TopicFrame copy = Rent(Raw.Span, Envelope, Topic);
        copy.Epoch = Epoch;
        copy.Gap = Gap;
        return copy;
    }

    public ReadOnlyMemory<byte> GetRaw()
    {
        if (!Raw.IsEmpty || Gap is not { } gap)
        {
            return Raw;
        }

        // Published as one reference: several threads may ask.
        return Volatile.Read(ref _gapRaw) ?? Interlocked.CompareExchange(ref _gapRaw, WriteGap(gap), null) ?? _gapRaw;
    }

    public string GetTypeText()
    {
        if (Gap is not null)
        {
            return "gap";
        }

        if (Envelope.Discriminator.IsEmpty)
        {
            return "";
        }

        ReadOnlySpan<byte> token = Envelope.Discriminator.Of(Raw.Span);
        return token.SequenceEqual("\"message\""u8) ? "message"
            : token.SequenceEqual("\"ack\""u8) ? "ack"
            : JsonText.Decode(token);
    }

    /// <summary>Gives a pooled frame back, once for each version; for a borrowed one it does nothing.</summary>
    public void Release(int version)
    {
        // A borrowed frame's bytes are nobody's to give back; a pooled one has bytes of its own, or is a gap.
        if (_isBorrower || Interlocked.CompareExchange(ref _version, version + 1, version) != version)
        {
            return;
        }

        if (_own.Length > MaxKeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_own);
            _own = [];
        }

        Raw = default;
        _gapRaw = null;
        Envelope = default;
        Topic = null;
        Epoch = null;
        Member = null;
        Gap = null;
        IsOverflow = false;
        Next = null;
        Previous = null;
        s_pool.Return(this);
    }

    private static byte[] WriteGap(WsTopicGap gap)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteGap(buffer, gap.Topic, gap.From, gap.To, gap.Reason);
        byte[] raw = buffer.Written.ToArray();
        buffer.Return();
        return raw;
    }

    /// <summary>A frame for <see cref="Borrow"/>.</summary>
    public static TopicFrame CreateBorrower() => new() { _isBorrower = true };
}
