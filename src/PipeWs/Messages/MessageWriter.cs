using System.Buffers;
using System.Buffers.Text;

namespace PipeWs.Messages;

/// <summary>
/// Writes the server's JSON messages. Nothing is allocated; ids, topics and subjects that are tokens are written as they are: valid JSON, quotes included.
/// </summary>
internal static class MessageWriter
{
    /// <summary>More than the fixed text and the numbers of any message here.</summary>
    private const int FixedBytes = 160;

    /// <summary>Writes <c>{"id":"...","type":"welcome","pingInterval":18000,"pingTimeout":10000}</c>.</summary>
    public static void WriteWelcome(IBufferWriter<byte> output, string connectionId, long pingIntervalMilliseconds, long pingTimeoutMilliseconds)
    {
        var json = new Json(output.GetSpan(FixedBytes + JsonText.MaxBytes(connectionId)));
        json.Raw("{\"id\":"u8);
        json.Text(connectionId);
        json.Raw(",\"type\":\"welcome\",\"pingInterval\":"u8);
        json.Number(pingIntervalMilliseconds);
        json.Raw(",\"pingTimeout\":"u8);
        json.Number(pingTimeoutMilliseconds);
        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"type":"reconnect","after":1234}</c>, in milliseconds.</summary>
    public static void WriteReconnect(IBufferWriter<byte> output, long afterMilliseconds)
    {
        var json = new Json(output.GetSpan(FixedBytes));
        json.Raw("{\"type\":\"reconnect\",\"after\":"u8);
        json.Number(afterMilliseconds);
        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"id":"2","type":"pong"}</c>.</summary>
    public static void WritePong(IBufferWriter<byte> output, ReadOnlySpan<byte> id)
    {
        var json = new Json(output.GetSpan(FixedBytes + id.Length));
        json.Start(id);
        json.Raw("\"type\":\"pong\"}"u8);
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"id":"1","type":"ack"}</c>.</summary>
    public static void WriteAck(IBufferWriter<byte> output, ReadOnlySpan<byte> id)
    {
        var json = new Json(output.GetSpan(FixedBytes + id.Length));
        json.Start(id);
        json.Raw("\"type\":\"ack\"}"u8);
        output.Advance(json.Length);
    }

    /// <summary>Writes the answer to an unsubscribe: <c>{"id":"1","type":"ack","topic":"..."}</c>.</summary>
    public static void WriteAck(IBufferWriter<byte> output, ReadOnlySpan<byte> id, ReadOnlySpan<char> topic)
    {
        var json = new Json(output.GetSpan(FixedBytes + id.Length + JsonText.MaxBytes(topic)));
        json.Start(id);
        json.Raw("\"type\":\"ack\",\"topic\":"u8);
        json.Text(topic);
        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes the answer to a subscribe: <c>{"id":"1","type":"ack","topic":"...","epoch":"...","sn":58,"recovered":false,"reason":"..."}</c>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="id">The request's id as it came; left out where empty.</param>
    /// <param name="topic">The room.</param>
    /// <param name="epoch">The epoch of its log.</param>
    /// <param name="head">The log's head when the cursor was placed.</param>
    /// <param name="recovered">Whether a resume found all it asked for; left out where null.</param>
    /// <param name="reason">Why it did not; left out where null.</param>
    public static void WriteAck(
        IBufferWriter<byte> output, ReadOnlySpan<byte> id, ReadOnlySpan<char> topic, ReadOnlySpan<char> epoch, long head, bool? recovered = null, string? reason = null)
    {
        var json = new Json(output.GetSpan(FixedBytes + id.Length + JsonText.MaxBytes(topic) + JsonText.MaxBytes(epoch) + JsonText.MaxBytes(reason)));
        json.Start(id);
        json.Raw("\"type\":\"ack\",\"topic\":"u8);
        json.Text(topic);
        json.Raw(",\"epoch\":"u8);
        json.Text(epoch);
        json.Raw(",\"sn\":"u8);
        json.Number(head);
        if (recovered is bool all)
        {
            json.Raw(all ? ",\"recovered\":true"u8 : ",\"recovered\":false"u8);
        }

        if (reason is not null)
        {
            json.Raw(",\"reason\":"u8);
            json.Text(reason);
        }

        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"id":"1","type":"error","code":404,"topic":"...","data":"plain words"}</c>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="id">The request's id as it came; left out where empty.</param>
    /// <param name="code">400-599, as in HTTP.</param>
    /// <param name="message">What was wrong, in plain words.</param>
    /// <param name="topic">The room it is about; left out where null.</param>
    public static void WriteError(IBufferWriter<byte> output, ReadOnlySpan<byte> id, int code, ReadOnlySpan<char> message, string? topic = null)
    {
        var json = new Json(output.GetSpan(FixedBytes + id.Length + JsonText.MaxBytes(message) + JsonText.MaxBytes(topic)));
        json.Start(id);
        json.Raw("\"type\":\"error\",\"code\":"u8);
        json.Number(code);
        if (topic is not null)
        {
            json.Raw(",\"topic\":"u8);
            json.Text(topic);
        }

        json.Raw(",\"data\":"u8);
        json.Text(message);
        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"type":"gap","topic":"...","from":59,"to":83,"reason":"slow"}</c>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="topic">The room.</param>
    /// <param name="from">The first sequence number that is not sent.</param>
    /// <param name="to">The last one.</param>
    /// <param name="reason">slow, conflated, expired, trimmed or epoch.</param>
    public static void WriteGap(IBufferWriter<byte> output, ReadOnlySpan<char> topic, long from, long to, ReadOnlySpan<char> reason)
    {
        var json = new Json(output.GetSpan(FixedBytes + JsonText.MaxBytes(topic) + JsonText.MaxBytes(reason)));
        json.Raw("{\"type\":\"gap\",\"topic\":"u8);
        json.Text(topic);
        json.Raw(",\"from\":"u8);
        json.Number(from);
        json.Raw(",\"to\":"u8);
        json.Number(to);
        json.Raw(",\"reason\":"u8);
        json.Text(reason);
        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>Writes <c>{"id":"7","type":"...","data":...}</c>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="id">The request's id as it came; left out where empty.</param>
    /// <param name="type">The answer's type.</param>
    /// <param name="bodyPrefix">What stands before the body, such as <c>,"data":</c>; see <see cref="EnvelopeNames.BodyPrefixes"/>.</param>
    /// <param name="body">One JSON value; left out, name and all, where empty.</param>
    public static void WriteReply(IBufferWriter<byte> output, ReadOnlySpan<byte> id, ReadOnlySpan<char> type, ReadOnlySpan<byte> bodyPrefix, ReadOnlySpan<byte> body)
    {
        var json = new Json(output.GetSpan(checked(FixedBytes + id.Length + JsonText.MaxBytes(type) + bodyPrefix.Length + body.Length)));
        json.Start(id);
        json.Raw("\"type\":"u8);
        json.Text(type);
        if (!body.IsEmpty)
        {
            json.Raw(bodyPrefix);
            json.Raw(body);
        }

        json.Raw((byte)'}');
        output.Advance(json.Length);
    }

    /// <summary>The part of a room's messages that never changes: <c>{"type":"message","topic":"..."</c>. Made once a room.</summary>
    public static byte[] MessagePrefix(string topic) => [.. "{\"type\":\"message\",\"topic\":"u8, .. JsonText.Encode(topic)];

    /// <summary>The exact length of what <see cref="WriteMessage"/> writes, in bytes, so that a frame's header can be written first.</summary>
    public static int MessageLength(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> subject, long sequenceNumber, ReadOnlySpan<byte> data) => checked(
        prefix.Length
        + (subject.IsEmpty ? 0 : ",\"subject\":".Length + subject.Length)
        + ",\"sn\":".Length + Digits(sequenceNumber)
        + (data.IsEmpty ? 0 : ",\"data\":".Length + data.Length)
        + 1);

    /// <summary>Writes a room's message: <c>{"type":"message","topic":"...","subject":"ticker","sn":58,"data":{...}}</c>.</summary>
    /// <param name="destination">At least <see cref="MessageLength"/> bytes.</param>
    /// <param name="prefix">The room's <see cref="MessagePrefix"/>.</param>
    /// <param name="subject">The subject as a JSON string (<see cref="JsonText.Encode"/>); left out where empty.</param>
    /// <param name="sequenceNumber">The sequence number; not negative.</param>
    /// <param name="data">One JSON value; left out where empty.</param>
    /// <returns>The bytes written.</returns>
    public static int WriteMessage(Span<byte> destination, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> subject, long sequenceNumber, ReadOnlySpan<byte> data)
    {
        var json = new Json(destination);
        json.Raw(prefix);
        if (!subject.IsEmpty)
        {
            json.Raw(",\"subject\":"u8);
            json.Raw(subject);
        }

        json.Raw(",\"sn\":"u8);
        json.Number(sequenceNumber);
        if (!data.IsEmpty)
        {
            json.Raw(",\"data\":"u8);
            json.Raw(data);
        }

        json.Raw((byte)'}');
        return json.Length;
    }

    private static int Digits(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        int digits = 1;
        for (ulong rest = (ulong)value; rest >= 10; rest /= 10)
        {
            digits++;
        }

        return digits;
    }

    // A span that was asked for once, and how much of it is written.
    private ref struct Json(Span<byte> span)
    {
        private readonly Span<byte> _span = span;

        public int Length { get; private set; }

        public void Start(ReadOnlySpan<byte> id)
        {
            if (id.IsEmpty)
            {
                Raw((byte)'{');
                return;
            }

            Raw("{\"id\":"u8);
            Raw(id);
            Raw((byte)',');
        }

        public void Raw(byte value) => _span[Length++] = value;

        public void Raw(scoped ReadOnlySpan<byte> json)
        {
            json.CopyTo(_span[Length..]);
            Length += json.Length;
        }

        public void Text(scoped ReadOnlySpan<char> text) => Length += JsonText.Write(_span[Length..], text);

        public void Number(long value)
        {
            Utf8Formatter.TryFormat(value, _span[Length..], out int written);
            Length += written;
        }
    }
}
