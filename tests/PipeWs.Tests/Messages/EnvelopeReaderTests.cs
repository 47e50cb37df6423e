using System.Text;
using PipeWs.Messages;
using PipeWs.Shared;

namespace PipeWs.Tests.Messages;

public class EnvelopeReaderTests
{
    [Theory]
    [InlineData("""{"id":"7","action":"subscribe","data":{"room_id":"workflow_123"}}""", "subscribe", "\"7\"", """{"room_id":"workflow_123"}""", 0)]
    [InlineData("""{"type":"subscribe_ticker","payload":{"symbol":"BTCUSDT"}}""", "subscribe_ticker", "", """{"symbol":"BTCUSDT"}""", 1)]
    [InlineData("""{"id":"1","type":"subscribe","topic":"/market/ticker:BTC-USDT","response":true}""", "subscribe", "\"1\"", "", 0)]
    [InlineData(" \t\r\n{ \"action\" : \"a\" , \"id\" : 12 , \"data\" : [ 1 , 2 ] } \r\n", "a", "12", "[ 1 , 2 ]", 0)]
    [InlineData("""{"data":null,"type":"a","id":null}""", "a", "", "null", 0)]
    [InlineData("""{"payload":-1.5e3,"type":"ü","id":"\u0041\""}""", "ü", "\"\\u0041\\\"\"", "-1.5e3", 1)]
    [InlineData("""{"action":"a","data":"text"}""", "a", "", "\"text\"", 0)]
    [InlineData("""{"action":"a","data":false,"extra":{"action":"b","id":"c"}}""", "a", "", "false", 0)]
    [InlineData("""{"\u0061ction":"a","\u0064ata":1,"i\u0064":"x"}""", "a", "\"x\"", "1", 0)]
    public void Reader_finds_discriminator_id_and_body_in_every_dialect(string json, string discriminator, string id, string body, int bodyName)
    {
        byte[] message = Encoding.UTF8.GetBytes(json);

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope, validateUtf8: true);

        Assert.Equal(default, error);
        Assert.Equal(discriminator, Text(envelope.Discriminator.ContentOf(message)));
        Assert.Equal(id, Text(envelope.Id.Of(message)));
        Assert.Equal(body, Text(envelope.Body.Of(message)));
        Assert.Equal(bodyName, envelope.BodyName);
    }

    [Fact]
    public void Reader_finds_the_members_of_the_topic_dialect()
    {
        byte[] message = """{"id":"1","type":"subscribe","topic":"/a:b","topics":["c"],"subject":"s","sn":9223372036854775807,"since":{"epoch":"x","sn":57},"response":true,"privateChannel":true}"""u8.ToArray();

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope);

        Assert.Equal(default, error);
        Assert.Equal("/a:b", Text(envelope.Topic.ContentOf(message)));
        Assert.Equal("[\"c\"]", Text(envelope.Topics.Of(message)));
        Assert.Equal("s", Text(envelope.Subject.ContentOf(message)));
        Assert.Equal("""{"epoch":"x","sn":57}""", Text(envelope.Since.Of(message)));
        Assert.True(envelope.HasSequenceNumber);
        Assert.Equal(long.MaxValue, envelope.SequenceNumber);
        Assert.True(envelope.Response);
        Assert.True(envelope.PrivateChannel);
    }

    [Fact]
    public void Reader_finds_the_members_that_a_server_sends()
    {
        byte[] message = """{"id":"c1","type":"x","pingInterval":18000,"pingTimeout":10000,"epoch":"e","recovered":false,"reason":"trimmed","from":59,"to":83,"code":404}"""u8.ToArray();

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope);

        Assert.Equal(default, error);
        Assert.Equal((18000, 10000), (envelope.PingIntervalMilliseconds, envelope.PingTimeoutMilliseconds));
        Assert.Equal("e", Text(envelope.Epoch.ContentOf(message)));
        Assert.Equal("trimmed", Text(envelope.Reason.ContentOf(message)));
        Assert.False(envelope.Recovered);
        Assert.Equal((59, 83, 404), (envelope.From, envelope.To, envelope.Code));
        Assert.False(envelope.HasSequenceNumber);
    }

    [Fact]
    public void Reader_ignores_an_applications_own_use_of_names_that_only_a_server_sends()
    {
        EnvelopeError error = EnvelopeReader.Read(
            """{"action":"mail","from":"ann","to":["bob"],"code":"x","reason":{},"epoch":1,"recovered":"no","pingInterval":1.5,"unknown":1,"unknown":2}"""u8,
            EnvelopeNames.Default,
            out Envelope envelope);

        Assert.Equal(default, error);
        Assert.Equal((0, 0, 0), (envelope.From, envelope.To, envelope.Code));
        Assert.Null(envelope.Recovered);
    }

    // HARDENING rows 37-39: what is refused, in what words, and with whose id.
    [Theory]
    [InlineData("", "object", "")]
    [InlineData("  ", "object", "")]
    [InlineData("[]", "object", "")]
    [InlineData("\"text\"", "object", "")]
    [InlineData("nul", "object", "")]
    [InlineData("\uFEFF{\"action\":\"a\"}", "byte order mark", "")]
    [InlineData("{}", "has no \"action\" or \"type\"", "")]
    [InlineData("""{"id":"7"}""", "has no \"action\" or \"type\"", "\"7\"")]
    [InlineData("""{"action":"a","action":"a","id":"7"}""", "two of", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","type":"b"}""", "two of", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","\u0061ction":"a"}""", "two of", "\"7\"")]
    [InlineData("""{"action":1,"id":"7"}""", "string that is not empty", "\"7\"")]
    [InlineData("""{"action":"","id":"7"}""", "string that is not empty", "\"7\"")]
    [InlineData("""{"action":null,"id":"7"}""", "string that is not empty", "\"7\"")]
    [InlineData("""{"action":"a","id":"7","id":"8"}""", "\"id\" is given twice", "\"7\"")]
    [InlineData("""{"action":"a","id":{}}""", "\"id\" is a string or a number", "")]
    [InlineData("""{"action":"a","id":true}""", "\"id\" is a string or a number", "")]
    [InlineData("""{"action":"a","id":1e400}""", "a number is out of range", "")]
    [InlineData("""{"action":"a","id":"\ud800"}""", "surrogate", "")]
    [InlineData("""{"action":"\ud800","id":"7"}""", "surrogate", "\"7\"")]
    [InlineData("""{"action":"a","data":"\ud800","id":"7"}""", "surrogate", "\"7\"")]
    [InlineData("""{"action":"a","data":{"x":["\udc00\ud800"]},"id":"7"}""", "surrogate", "\"7\"")]
    [InlineData("""{"action":"a","\ud800":1,"id":"7"}""", "surrogate", "\"7\"")]
    [InlineData("""{"action":"a","data":{"\ud800":1},"id":"7"}""", "surrogate", "\"7\"")]
    [InlineData("""{"action":"a","data":1e400,"id":"7"}""", "a number is out of range", "\"7\"")]
    [InlineData("""{"action":"a","data":[-1E+400],"id":"7"}""", "a number is out of range", "\"7\"")]
    [InlineData("""{"action":"a","sn":1e400,"id":"7"}""", "a number is out of range", "\"7\"")]
    [InlineData("""{"action":"a","sn":1.5,"id":"7"}""", "\"sn\" is not a whole number", "\"7\"")]
    [InlineData("""{"action":"a","sn":9223372036854775808,"id":"7"}""", "\"sn\" is not a whole number", "\"7\"")]
    [InlineData("""{"action":"a","sn":"1","id":"7"}""", "\"sn\" is not a whole number", "\"7\"")]
    [InlineData("""{"action":"a","topic":1,"id":"7"}""", "\"topic\" is not a string", "\"7\"")]
    [InlineData("""{"action":"a","topics":"x","id":"7"}""", "\"topics\" is not a list", "\"7\"")]
    [InlineData("""{"action":"a","response":"true","id":"7"}""", "\"response\" is not true or false", "\"7\"")]
    [InlineData("""{"action":"a","data":1,"payload":2,"id":"7"}""", "two bodies", "\"7\"")]
    [InlineData("""{"action":"a","data":1,"data":2,"id":"7"}""", "two bodies", "\"7\"")]
    [InlineData("""{"action":"a","topic":"x","topic":"y","id":"7"}""", "\"topic\" is given twice", "\"7\"")]
    [InlineData("""{"action":"a","id":"7"} {}""", "follows", "\"7\"")]
    [InlineData("""{"action":"a","id":"7"}x""", "follows", "\"7\"")]
    [InlineData("""{"action":"a","id":"7"}""" + "\0", "follows", "\"7\"")]
    [InlineData("""{"id":"7","action":"a",}""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7",/**/"action":"a"}""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":'a'}""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":"\x"}""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","data":01}""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","data":[}]""", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","data":NaN}""", "not valid JSON", "\"7\"")]
    [InlineData("{\"id\":\"7\",\"action\":\"a\nb\"}", "not valid JSON", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","data":[1,""", "ends too early", "\"7\"")]
    [InlineData("""{"id":"7","action":"a""", "ends too early", "\"7\"")]
    [InlineData("""{"id":"7","action":"a","data":tru""", "ends too early", "\"7\"")]
    [InlineData("""{"id":"7","action":"a" """, "ends too early", "\"7\"")]
    public void Reader_refuses_in_plain_words_and_finds_the_id(string json, string words, string id)
    {
        byte[] message = Encoding.UTF8.GetBytes(json);

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope, validateUtf8: true);

        Assert.Equal(400, error.Code);
        Assert.Contains(words, error.Reason, StringComparison.Ordinal);
        Assert.Equal(id, Text(envelope.Id.Of(message)));
    }

    [Theory]
    [InlineData(new byte[] { 0xFF })]
    [InlineData(new byte[] { 0xC3 })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    [InlineData(new byte[] { 0xC0, 0x80 })]
    [InlineData(new byte[] { 0x5C, 0x6E, 0xFF })]
    public void Reader_refuses_what_is_not_utf8_and_never_throws_where_nobody_checked(byte[] bytes)
    {
        byte[] inBody = [.. """{"id":"7","action":"a","data":" """u8, .. bytes, .. "\"}"u8];
        byte[] inAction = [.. """{"id":"7","action":" """u8, .. bytes, .. "\"}"u8];
        byte[] inName = [.. """{"id":"7","action":"a"," """u8, .. bytes, .. "\":1}"u8];

        foreach (byte[] message in (byte[][])[inBody, inAction, inName])
        {
            Assert.Equal(EnvelopeError.NotUtf8, EnvelopeReader.Read(message, EnvelopeNames.Default, out _, validateUtf8: true));
            _ = EnvelopeReader.Read(message, EnvelopeNames.Default, out _);
        }
    }

    [Fact]
    public void Reader_refuses_a_million_brackets()
    {
        byte[] brackets = Encoding.ASCII.GetBytes(new string('[', 1_000_000));
        byte[] inBody = [.. """{"id":"7","action":"a","data":"""u8, .. brackets];
        byte[] objects = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 200_000)));

        Assert.Equal(EnvelopeError.NotAnObject, EnvelopeReader.Read(brackets, EnvelopeNames.Default, out _));
        Assert.Equal(EnvelopeError.TooDeep, EnvelopeReader.Read(inBody, EnvelopeNames.Default, out Envelope envelope));
        Assert.Equal("\"7\"", Text(envelope.Id.Of(inBody)));
        Assert.Equal(EnvelopeError.TooDeep, EnvelopeReader.Read(objects, EnvelopeNames.Default, out _));
    }

    [Theory]
    [InlineData(31, true)]
    [InlineData(32, false)]
    public void Reader_takes_32_levels_with_its_own(int levels, bool accepted)
    {
        byte[] message = Encoding.ASCII.GetBytes($$"""{"action":"a","data":{{new string('[', levels)}}{{new string(']', levels)}}}""");

        Assert.Equal(accepted ? default : EnvelopeError.TooDeep, EnvelopeReader.Read(message, EnvelopeNames.Default, out _));
    }

    [Theory]
    [InlineData(254, true)]
    [InlineData(255, false)]
    public void Reader_takes_ids_of_256_bytes_with_their_quotes(int chars, bool accepted)
    {
        byte[] message = Encoding.ASCII.GetBytes($$"""{"action":"a","id":"{{new string('x', chars)}}"}""");

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope);

        Assert.Equal(accepted ? default : EnvelopeError.IdTooLong, error);
        Assert.Equal(accepted ? chars + 2 : 0, envelope.Id.Length);
    }

    [Fact]
    public void Reader_uses_the_names_that_were_chosen()
    {
        var names = new EnvelopeNames(["op", "método"], ["args"]);
        byte[] message = """{"m\u00e9todo":"a","args":[1],"action":"ignored","data":2}"""u8.ToArray();

        EnvelopeError error = EnvelopeReader.Read(message, names, out Envelope envelope);

        Assert.Equal(default, error);
        Assert.Equal("a", Text(envelope.Discriminator.ContentOf(message)));
        Assert.Equal("[1]", Text(envelope.Body.Of(message)));
        Assert.Contains("\"op\" or \"método\"", EnvelopeReader.Read("{\"action\":\"a\"}"u8, names, out _).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_have_a_meaning_cannot_be_chosen()
    {
        Assert.Throws<ArgumentException>(() => new EnvelopeNames([], ["data"]));
        Assert.Throws<ArgumentException>(() => new EnvelopeNames([""], ["data"]));
        Assert.Throws<ArgumentException>(() => new EnvelopeNames(["id"], ["data"]));
        Assert.Throws<ArgumentException>(() => new EnvelopeNames(["data"], ["data"]));
        Assert.Throws<ArgumentException>(() => new EnvelopeNames(["op", "op"], ["data"]));
    }

    [Fact]
    public void Where_no_names_are_chosen_they_are_the_usual_ones()
    {
        Assert.Same(EnvelopeNames.Default, EnvelopeNames.Choose([], []));
        Assert.Equal(EnvelopeMember.Body, EnvelopeNames.Choose(["op"], []).Find("payload"u8, out _));
        Assert.Equal(EnvelopeMember.Discriminator, EnvelopeNames.Choose([], ["args"]).Find("action"u8, out _));
        Assert.Null(EnvelopeNames.FindFault(["op"], ["args"]));
        Assert.Equal("data", EnvelopeNames.FindFault(["data"], []));
        Assert.Equal("topic", EnvelopeNames.FindFault([], ["topic"]));
    }

    [Fact]
    public void Reader_allocates_nothing()
    {
        byte[] message = """{"id":"7","action":"subscribe","\u0064ata":{"room_id":"workflow_123","x":[1.5e3,null,"\u00e9"]},"response":true,"sn":5}"""u8.ToArray();
        byte[] refused = """{"id":"7","action":"subscribe","type":"x"}"""u8.ToArray();
        Assert.False(EnvelopeReader.Read(message, EnvelopeNames.Default, out _).IsError);
        Assert.True(EnvelopeReader.Read(refused, EnvelopeNames.Default, out _).IsError);

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                EnvelopeReader.Read(message, EnvelopeNames.Default, out _);
                EnvelopeReader.Read(refused, EnvelopeNames.Default, out _);
            }
        }));
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
