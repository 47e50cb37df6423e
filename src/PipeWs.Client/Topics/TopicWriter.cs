using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>Writes the client's messages of the topic dialect.</summary>
internal static class TopicWriter
{
    public static void WriteRequest(MessageBuffer output, string id, WsTopicRequest request)
    {
        Start(output, id, request.Type);
        Text(output, ",\"topic\":"u8, request.Topic);
        Text(output, ",\"subject\":"u8, request.Subject);
        Flags(output, request.PrivateChannel, request.Response);
        if (!request.Data.IsEmpty)
        {
            output.Write(",\"data\":"u8);
            output.Write(request.Data.Span);
        }

        output.Write("}"u8);
    }

    public static void WriteSubscribe(MessageBuffer output, string id, string topic, bool privateChannel, WsTopicSince since)
    {
        Start(output, id, "subscribe");
        Text(output, ",\"topic\":"u8, topic);
        Flags(output, privateChannel, response: true);
        if (since.IsLast)
        {
            output.Write(",\"since\":\"last\""u8);
        }
        else if (since.Position is { } position)
        {
            Text(output, ",\"since\":{\"epoch\":"u8, position.Epoch);
            output.Write(",\"sn\":"u8);
            Number(output, position.SequenceNumber);
            output.Write("}"u8);
        }

        output.Write("}"u8);
    }

    public static void WriteUnsubscribe(MessageBuffer output, string id, TopicState topic)
    {
        Start(output, id, "unsubscribe");
        Text(output, ",\"topic\":"u8, topic.Name);
        Flags(output, topic.PrivateChannel, response: true);
        output.Write("}"u8);
    }

    public static void WritePing(MessageBuffer output, string id)
    {
        Start(output, id, "ping");
        output.Write("}"u8);
    }

    public static void WriteAck(MessageBuffer output, string topic, long sequenceNumber)
    {
        output.Write("{\"type\":\"ack\""u8);
        Text(output, ",\"topic\":"u8, topic);
        output.Write(",\"sn\":"u8);
        Number(output, sequenceNumber);
        output.Write("}"u8);
    }

    public static void WriteAuth(MessageBuffer output, string id, string token)
    {
        Start(output, id, "auth");
        Text(output, ",\"data\":{\"token\":"u8, token);
        output.Write("},\"response\":true}"u8);
    }

    public static string Id(string prefix, long number) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{number}");

    /// <summary>Reads the number out of an id that this client gave; 0 where it is none.</summary>
    /// <param name="token">The id as it came: a string with its quotes, or a number.</param>
    /// <param name="prefix">The prefix, in ASCII.</param>
    public static long ReadId(ReadOnlySpan<byte> token, ReadOnlySpan<byte> prefix)
    {
        ReadOnlySpan<byte> content = token.Length > 2 && token[0] == (byte)'"' ? token[1..^1] : token;
        if (!content.StartsWith(prefix))
        {
            return 0;
        }

        content = content[prefix.Length..];
        return Utf8Parser.TryParse(content, out long number, out int consumed) && consumed == content.Length && number > 0 && content[0] is >= (byte)'1' and <= (byte)'9' ? number : 0;
    }

    private static void Start(MessageBuffer output, string id, string type)
    {
        Text(output, "{\"id\":"u8, id);
        Text(output, ",\"type\":"u8, type);
    }

    private static void Flags(MessageBuffer output, bool privateChannel, bool response)
    {
        if (privateChannel)
        {
            output.Write(",\"privateChannel\":true"u8);
        }

        if (response)
        {
            output.Write(",\"response\":true"u8);
        }
    }

    private static void Text(MessageBuffer output, ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
        {
            output.Write(name);
            output.Advance(JsonText.Write(output.GetSpan(JsonText.MaxBytes(text)), text));
        }
    }

    private static void Number(MessageBuffer output, long number)
    {
        Utf8Formatter.TryFormat(number, output.GetSpan(20), out int written);
        output.Advance(written);
    }
}
