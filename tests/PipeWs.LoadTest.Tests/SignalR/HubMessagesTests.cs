using System.Net;
using System.Text;
using System.Text.Json;
using PipeWs.LoadTest.SignalR;

namespace PipeWs.LoadTest.Tests.SignalR;

public sealed class HubMessagesTests
{
    [Fact]
    public void An_invocation_is_JSON_with_a_separator_and_its_argument_where_it_is_said_to_be()
    {
        (byte[] message, int offset) = HubMessages.CreateInvocation("Echo", "payload"u8);

        Assert.Equal(HubMessages.RecordSeparator, message[^1]);
        Assert.Equal("payload", Encoding.UTF8.GetString(message.AsSpan(offset, 7)));
        using var json = JsonDocument.Parse(message.AsMemory(0, message.Length - 1));
        Assert.Equal(1, json.RootElement.GetProperty("type").GetInt32());
        Assert.Equal("Echo", json.RootElement.GetProperty("target").GetString());
        Assert.Equal("payload", Assert.Single(json.RootElement.GetProperty("arguments").EnumerateArray()).GetString());
    }

    [Theory]
    [InlineData("""{"type":1,"target":"echoed","arguments":["abc"]}""", "abc")]
    [InlineData("""{"type":1,"target":"echoed","arguments":[""]}""", "")]
    [InlineData("""{"type":1,"target":"echoed","arguments":[]}""", null)]
    [InlineData("""{"type":1,"target":"echoed","arguments":["]}""", null)]
    [InlineData("""{"type":3,"invocationId":"1","arguments":["abc"]}""", null)]
    [InlineData("""{"type":6}""", null)]
    [InlineData("""{"type":7,"error":"closed"}""", null)]
    [InlineData("", null)]
    public void Only_an_invocation_has_an_argument(string record, string? expected)
    {
        bool found = HubMessages.TryReadArgument(Encoding.UTF8.GetBytes(record), out ReadOnlySpan<byte> argument);

        Assert.Equal(expected is not null, found);
        Assert.Equal(expected ?? "", Encoding.UTF8.GetString(argument));
    }

    [Fact]
    public void Records_are_split_wherever_the_messages_are_cut()
    {
        byte[] stream = "{}\u001e{\"type\":6}\u001e\u001e{\"type\":1,\"a\":\"b\"}\u001e"u8.ToArray();
        for (int first = 0; first <= stream.Length; first++)
        {
            for (int second = first; second <= stream.Length; second++)
            {
                var sink = new Sink();
                var reader = new HubRecordReader(sink, 100);
                reader.Read(stream.AsSpan(0, first));
                reader.Read(stream.AsSpan(first, second - first));
                reader.Read(stream.AsSpan(second));

                Assert.Equal(["{}", "{\"type\":6}", "", "{\"type\":1,\"a\":\"b\"}"], sink.Records);
            }
        }
    }

    [Fact]
    public void A_record_without_end_is_refused()
    {
        var reader = new HubRecordReader(new Sink(), 10);
        reader.Read("0123456789"u8);

        Assert.Throws<ProtocolViolationException>(() => reader.Read("0"u8));
    }

    private sealed class Sink : IHubRecordSink
    {
        public List<string> Records { get; } = [];

        public void OnRecord(ReadOnlySpan<byte> record) => Records.Add(Encoding.UTF8.GetString(record));
    }
}
