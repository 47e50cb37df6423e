using System.Text;
using PipeWs.Messages;

namespace PipeWs.Tests.Messages;

public class TopicRequestTests
{
    [Theory]
    [InlineData("\"topic\":\"a\"", "a")]
    [InlineData("\"topic\":\"a,b\"", "a,b")]
    [InlineData("\"topic\":\"/market/ticker:BTC-USDT\"", "/market/ticker:BTC-USDT")]
    [InlineData("\"topic\":\"/market/ticker:BTC-USDT,ETH-USDT\"", "/market/ticker:BTC-USDT|/market/ticker:ETH-USDT")]
    [InlineData("\"topic\":\"/candle:A_1min, B_1min\"", "/candle:A_1min|/candle:B_1min")]
    [InlineData("\"topic\":\"/p:a:1,b:2\"", "/p:a:1|/p:b:2")]
    [InlineData("\"topic\":\"/p,q\"", "/p,q")]
    [InlineData("\"topic\":\"/p,q:a\"", "/p,q:a")]
    [InlineData("\"topic\":\"\\u0061\\ud83d\\ude00\"", "a😀")]
    [InlineData("\"topics\":[\"a\",\"/p:b,c\",\"\\u0064\"]", "a|/p:b|/p:c|d")]
    [InlineData("\"topic\":\"a\",\"topics\":[\"b\"]", "a|b")]
    [InlineData("\"data\":{\"room_id\":\"workflow_123\"}", "workflow_123")]
    [InlineData("\"payload\":{\"x\":{\"topic\":\"no\"},\"topics\":[\"a\",\"b\"]}", "a|b")]
    [InlineData("\"payload\":{\"topic\":\"/p:a,b\"}", "/p:a|/p:b")]
    [InlineData("\"topic\":\"a\",\"data\":{\"topic\":\"ignored\"}", "a")]
    [InlineData("\"topic\":\"a\",\"data\":7", "a")]
    public void Topics_are_read_in_every_dialect(string members, string expected)
    {
        (EnvelopeError error, List<string> topics, SinceValue since) = Read(members);

        Assert.Equal(default, error);
        Assert.Equal(expected.Split('|'), topics);
        Assert.Equal(default, since);
    }

    [Theory]
    [InlineData("\"x\":1", "names no \"topic\"")]
    [InlineData("\"data\":\"a\"", "names no \"topic\"")]
    [InlineData("\"topics\":[]", "names no \"topic\"")]
    [InlineData("\"topic\":\"\"", "not empty")]
    [InlineData("\"topic\":\"/p:a,,b\"", "not empty")]
    [InlineData("\"topic\":\"/p:a,\"", "not empty")]
    [InlineData("\"topics\":[\"a\",1]", "a topic is a string")]
    [InlineData("\"topics\":[[\"a\"]]", "a topic is a string")]
    [InlineData("\"data\":{\"room_id\":5}", "a topic is a string")]
    [InlineData("\"data\":{\"topics\":\"a\"}", "a topic is a string")]
    [InlineData("\"topics\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "at most 4")]
    [InlineData("\"topic\":\"/p:a,b,c,d,e\"", "at most 4")]
    [InlineData("\"topic\":\"a\",\"since\":57", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":\"first\"", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"sn\":57}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"epoch\":\"x\"}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"epoch\":\"x\",\"sn\":-1}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"epoch\":\"x\",\"sn\":1.5}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"epoch\":\"x\",\"sn\":1,\"sn\":2}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":{\"epoch\":7,\"sn\":1}", "\"since\" is")]
    [InlineData("\"topic\":\"a\",\"since\":[]", "\"since\" is")]
    public void Topics_are_refused_in_plain_words(string members, string words)
    {
        (EnvelopeError error, _, _) = Read(members);

        Assert.Equal(400, error.Code);
        Assert.Contains(words, error.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"since\":\"last\"", true, null, 0)]
    [InlineData("\"since\":\"l\\u0061st\"", true, null, 0)]
    [InlineData("\"since\":{\"epoch\":\"x\",\"sn\":57}", false, "x", 57)]
    [InlineData("\"since\":{\"more\":[{}],\"sn\":9223372036854775807,\"epoch\":\"\\u0078\"}", false, "x", long.MaxValue)]
    [InlineData("\"data\":{\"since\":\"last\"}", true, null, 0)]
    [InlineData("\"data\":{\"since\":{\"epoch\":\"x\",\"sn\":0}}", false, "x", 0)]
    [InlineData("\"since\":null", false, null, 0)]
    public void Since_is_read(string member, bool isLast, string? epoch, long sequenceNumber)
    {
        (EnvelopeError error, _, SinceValue since) = Read("\"topic\":\"a\"," + member);

        Assert.Equal(default, error);
        Assert.Equal(new SinceValue(isLast, epoch, sequenceNumber), since);
    }

    [Fact]
    public void Topics_have_at_most_255_bytes()
    {
        Assert.False(Read($"\"topic\":\"{new string('x', 255)}\"").Error.IsError);
        Assert.Contains("255", Read($"\"topic\":\"{new string('x', 256)}\"").Error.Reason, StringComparison.Ordinal);
        Assert.Contains("255", Read($"\"topic\":\"{new string('é', 128)}\"").Error.Reason, StringComparison.Ordinal);
        Assert.Contains("255", Read($"\"topic\":\"/{new string('p', 300)}:a,b\"").Error.Reason, StringComparison.Ordinal);
        Assert.Contains("255", Read($"\"topic\":\"/p:a,{new string('x', 1_000_000)}\"").Error.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_megabyte_of_commas_is_refused_at_the_first_one_too_many()
    {
        string members = $"\"topic\":\"/{new string('p', 200)}:{string.Join(',', Enumerable.Repeat("a", 400_000))}\"";
        _ = Read(members);

        long before = GC.GetAllocatedBytesForCurrentThread();
        (EnvelopeError error, List<string> topics, _) = Read(members);

        Assert.Contains("at most 4", error.Reason, StringComparison.Ordinal);
        Assert.Equal(4, topics.Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000_000);
    }

    private static (EnvelopeError Error, List<string> Topics, SinceValue Since) Read(string members)
    {
        byte[] message = Encoding.UTF8.GetBytes("{\"type\":\"subscribe\"," + members + "}");
        Assert.Equal(default, EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope));
        List<string> topics = [];
        EnvelopeError error = TopicRequest.Read(message, in envelope, maxTopics: 4, topics, out SinceValue since);
        return (error, topics, since);
    }
}
