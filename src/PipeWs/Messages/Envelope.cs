using System.Runtime.CompilerServices;

namespace PipeWs.Messages;

/// <summary>Where a JSON token lies in a message: a string with its quotes, a number, or a whole object or array. Empty where the member is absent.</summary>
internal readonly struct JsonRange(int start, int length)
{
    public int Start { get; } = start;

    public int Length { get; } = length;

    public bool IsEmpty => Length == 0;

    /// <summary>The token's bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> message) => message.Slice(Start, Length);

    /// <summary>A string's bytes without its quotes, escapes as they came.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> ContentOf(ReadOnlySpan<byte> message) => message.Slice(Start + 1, Length - 2);
}

/// <summary>
/// What <see cref="EnvelopeReader"/> found at the top level of one message: ranges of it, never copies. The members are those of both directions.
/// </summary>
internal struct Envelope
{
    /// <summary>The string by which the message is routed.</summary>
    public JsonRange Discriminator;

    /// <summary>The <c>id</c>, a string or a number; echoed as it came.</summary>
    public JsonRange Id;

    /// <summary>The body, any JSON value.</summary>
    public JsonRange Body;

    /// <summary>The <c>topic</c>, a string.</summary>
    public JsonRange Topic;

    /// <summary>The <c>topics</c>, an array.</summary>
    public JsonRange Topics;

    /// <summary>The <c>subject</c>, a string.</summary>
    public JsonRange Subject;

    /// <summary>The <c>since</c>, any JSON value; see <see cref="SinceValue"/>.</summary>
    public JsonRange Since;

    /// <summary>The <c>epoch</c>, a string.</summary>
    public JsonRange Epoch;

    /// <summary>The <c>reason</c> of a gap or of what was not recovered, a string.</summary>
    public JsonRange Reason;

    /// <summary>The <c>sn</c>; meaningless unless <see cref="HasSequenceNumber"/>.</summary>
    public long SequenceNumber;

    /// <summary>The first sequence number of a gap; 0 where absent.</summary>
    public long From;

    /// <summary>The last sequence number of a gap; 0 where absent.</summary>
    public long To;

    /// <summary>The <c>code</c> of an error; 0 where absent.</summary>
    public int Code;

    /// <summary>The welcome's <c>pingInterval</c> in milliseconds; 0 where absent.</summary>
    public int PingIntervalMilliseconds;

    /// <summary>The welcome's <c>pingTimeout</c> in milliseconds; 0 where absent.</summary>
    public int PingTimeoutMilliseconds;

    /// <summary>The members that were met, by <see cref="EnvelopeMember"/>.</summary>
    internal uint Seen;

    /// <summary>Which of the names of <see cref="EnvelopeNames.BodyPrefixes"/> the body came under.</summary>
    public byte BodyName;

    /// <summary>Whether the discriminator holds escapes.</summary>
    public bool DiscriminatorIsEscaped;

    /// <summary>The <c>response</c>: the sender wants an ack.</summary>
    public bool Response;

    /// <summary>The <c>privateChannel</c>.</summary>
    public bool PrivateChannel;

    /// <summary>The <c>recovered</c>; null where absent.</summary>
    public bool? Recovered;

    /// <summary>Whether there is an <c>sn</c>.</summary>
    public readonly bool HasSequenceNumber => (Seen & (1u << (int)EnvelopeMember.SequenceNumber)) != 0;
}

/// <summary>The members that have a meaning at a message's top level.</summary>
internal enum EnvelopeMember : byte
{
    Unknown,
    Discriminator,
    Id,
    Body,
    Topic,
    Topics,
    Subject,
    SequenceNumber,
    Since,
    Response,
    PrivateChannel,
    Epoch,
    Code,
    From,
    To,
    Reason,
    Recovered,
    PingInterval,
    PingTimeout,
}
