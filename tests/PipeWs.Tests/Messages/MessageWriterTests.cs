using PipeWs.Shared;
using System.Buffers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Messages;

namespace PipeWs.Tests.Messages;

public class MessageWriterTests
{
    private static readonly byte[] Id = "\"1\""u8.ToArray();

    [Fact]
    public void Welcome_is_written_as_the_protocol_says() =>
        Is("""{"id":"c\"1","type":"welcome","pingInterval":18000,"pingTimeout":10000}""", static output => MessageWriter.WriteWelcome(output, "c\"1", 18000, 10000));

    [Fact]
    public void Pong_is_written_with_and_without_an_id()
    {
        Is("""{"id":"1","type":"pong"}""", static output => MessageWriter.WritePong(output, Id));
        Is("""{"type":"pong"}""", static output => MessageWriter.WritePong(output, default));
    }

    [Fact]
    public void Ack_is_written_in_all_its_forms()
    {
        Is("""{"id":"1","type":"ack"}""", static output => MessageWriter.WriteAck(output, Id));
        Is("""{"id":12,"type":"ack"}""", static output => MessageWriter.WriteAck(output, "12"u8));
        Is("""{"id":"1","type":"ack","topic":"/a:b"}""", static output => MessageWriter.WriteAck(output, Id, "/a:b"));
        Is("""{"id":"1","type":"ack","topic":"t","epoch":"e","sn":58}""", static output => MessageWriter.WriteAck(output, Id, "t", "e", 58));
        Is("""{"id":"1","type":"ack","topic":"t","epoch":"e","sn":58,"recovered":true}""", static output => MessageWriter.WriteAck(output, Id, "t", "e", 58, true));
        Is("""{"type":"ack","topic":"t","epoch":"e","sn":0,"recovered":false,"reason":"trimmed"}""", static output => MessageWriter.WriteAck(output, default, "t", "e", 0, false, "trimmed"));
    }

    [Fact]
    public void Error_is_written_with_and_without_a_topic()
    {
        Is("""{"id":"1","type":"error","code":404,"data":"unknown action \"x\""}""", static output => MessageWriter.WriteError(output, Id, 404, "unknown action \"x\""));
        Is("""{"type":"error","code":503,"topic":"t","data":"full"}""", static output => MessageWriter.WriteError(output, default, 503, "full", "t"));
    }

    [Fact]
    public void Gap_is_written_as_the_protocol_says() =>
        Is("""{"type":"gap","topic":"t","from":59,"to":83,"reason":"slow"}""", static output => MessageWriter.WriteGap(output, "t", 59, 83, "slow"));

    [Fact]
    public void Reply_is_written_with_the_body_under_its_name()
    {
        byte[][] prefixes = EnvelopeNames.Default.BodyPrefixes;
        Is("""{"id":"1","type":"ok","data":{"a":1}}""", output => MessageWriter.WriteReply(output, Id, "ok", prefixes[0], "{\"a\":1}"u8));
        Is("""{"type":"ok","payload":[]}""", output => MessageWriter.WriteReply(output, default, "ok", prefixes[1], "[]"u8));
        Is("""{"id":"1","type":"ok"}""", output => MessageWriter.WriteReply(output, Id, "ok", prefixes[0], default));
    }

    [Theory]
    [InlineData("ticker", 58, """{"a":1}""", """{"type":"message","topic":"/m:\"X\"","subject":"ticker","sn":58,"data":{"a":1}}""")]
    [InlineData("", 0, "[]", """{"type":"message","topic":"/m:\"X\"","sn":0,"data":[]}""")]
    [InlineData("é", long.MaxValue, "", """{"type":"message","topic":"/m:\"X\"","subject":"é","sn":9223372036854775807}""")]
    public void Message_is_written_and_as_long_as_was_said(string subject, long sequenceNumber, string data, string expected)
    {
        byte[] prefix = MessageWriter.MessagePrefix("/m:\"X\"");
        byte[] subjectToken = subject.Length == 0 ? [] : JsonText.Encode(subject);
        byte[] dataBytes = Encoding.UTF8.GetBytes(data);
        byte[] destination = new byte[MessageWriter.MessageLength(prefix, subjectToken, sequenceNumber, dataBytes)];

        int written = MessageWriter.WriteMessage(destination, prefix, subjectToken, sequenceNumber, dataBytes);

        Assert.Equal(expected, Encoding.UTF8.GetString(destination));
        Assert.Equal(destination.Length, written);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(9, 1)]
    [InlineData(10, 2)]
    [InlineData(99, 2)]
    [InlineData(1_000_000_000_000_000_000, 19)]
    public void Message_length_counts_the_digits(long sequenceNumber, int digits) =>
        Assert.Equal(""","sn":}""".Length + digits, MessageWriter.MessageLength(default, default, sequenceNumber, default));

    [Fact]
    public void Message_refuses_a_negative_sequence_number() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MessageWriter.MessageLength(default, default, -1, default));

    [Fact]
    public void Strings_come_back_as_they_were() =>
        Check.One(Properties.Of(2000), Prop.ForAll(ArbMap.Default.ArbFor<string>(), static text =>
        {
            text ??= "";
            byte[] token = JsonText.Encode(text);
            string wellFormed = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

            Assert.Equal(wellFormed, JsonSerializer.Deserialize<string>(token));
            Assert.Equal(wellFormed, JsonText.Decode(token));
            Assert.True(token.Length <= JsonText.MaxBytes(text));
            Assert.Equal(wellFormed, JsonDocument.Parse(Write(output => MessageWriter.WriteError(output, Id, 400, text, text))).RootElement.GetProperty("topic").GetString());
        }));

    [Theory]
    [InlineData("\0\u0001\u001f\u007f\u0085\u2028\u2029\ufeff\uffff")]
    [InlineData("\ud83d\ude00\U0010FFFF\U000E0001")]
    [InlineData("<>&'+\"\\/")]
    public void Strings_of_awkward_characters_fit_their_bound(string text)
    {
        byte[] exact = new byte[JsonText.MaxBytes(text)];
        int written = JsonText.Write(exact, text);

        Assert.Equal(text, JsonSerializer.Deserialize<string>(exact.AsSpan(0, written)));
    }

    [Fact]
    public void Writers_allocate_nothing()
    {
        var output = new ArrayBufferWriter<byte>(4096);

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                WriteAll(output);
            }
        }));

        static void WriteAll(ArrayBufferWriter<byte> output)
        {
            output.ResetWrittenCount();
            MessageWriter.WriteWelcome(output, "c1", 18000, 10000);
            MessageWriter.WriteAck(output, Id, "/market/ticker:\"BTC\"", "epoch", 58, false, "trimmed");
            MessageWriter.WriteError(output, Id, 404, "unknown");
            MessageWriter.WriteGap(output, "t", 1, 2, "slow");
            MessageWriter.WriteReply(output, Id, "ok", ",\"data\":"u8, "{}"u8);
        }
    }

    private static void Is(string expected, Action<IBufferWriter<byte>> write) => Assert.Equal(expected, Encoding.UTF8.GetString(Write(write)));

    private static byte[] Write(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }
}
