using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using PipeWs.Fuzz.Engine;
using PipeWs.Server.Tests.Routing;
using PipeWs.Shared;
using PipeWs.Tests.Messages;

namespace PipeWs.Fuzz.Targets;

/// <summary>
/// JSON messages from the envelope to the answer. Oracles: JsonDocument for what is a message at all; the same bytes cut in another way; and the promise that a bad message is answered,
/// with JSON, and costs the connection nothing. First byte: how the bytes are cut.
/// </summary>
internal sealed class RouterTarget : FuzzTarget
{
    public override string Name => "router";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. ((string[])
        [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0061", "\\ud83d\\ude00", "\\ud800", "\"action\":", "\"type\":", "\"data\":", "\"payload\":", "\"id\":", "\"topic\":", "\"topics\":", "\"since\":", "\"epoch\":", "\"sn\":", "\"response\":true",
            "\"subscribe\"", "\"unsubscribe\"", "\"ping\"", "\"ack\"", "\"auth\"", "\"go\"", "\"last\"", "null", "true", "1e400", "-1", "9223372036854775808", "\uFEFF", "é", "😀", "/market/a:b,c,d", "[[[[[[[[[[[[[[[[",
        ]).Select(Encoding.UTF8.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            string[] messages =
            [
                """{"action":"go","id":"1","data":{"a":[1,2,{"b":null}]}}""", """{"type":"subscribe","topic":"a","since":{"epoch":"x","sn":57},"id":7}""", """{"type":"subscribe","topics":["a","b"],"since":"last"}""",
                """{"type":"unsubscribe","topic":"/market/a:b,c"}""", """{"type":"ping","id":"\u0041"}""", """{"type":"ack","topic":"a","sn":83}""", """{"\u0061ction":"g\u006f","response":true}""", """{"action":"unknown é 😀"}""",
                """{"action":"a","action":"b"}""", """{"action":1e400}""", "\uFEFF{}", """{"action":"go"} x""", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\"\\ud800\"", """{"action":"go","id":"\ud800"}""",
            ];
            return messages.Select(static message => (byte[])[1, .. Encoding.UTF8.GetBytes(message)]);
        }
    }

    public override long MaxAllocatedBytes(int inputBytes) => (2 * 1024 * 1024) + (1024L * inputBytes);

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        var random = new Random(bytes.Next());
        byte[] message = bytes.Rest.ToArray();
        EnvelopeOracle.Agree(message);
        string whole = Route(Cuts.Sequence(message, [message.Length]));
        Assert.Equal(whole, Route(Cuts.Sequence(message, random)));
    }

    private static string Route(ReadOnlySequence<byte> message)
    {
        var seen = new StringBuilder();
        RouterFixture router = new RouterFixture { Options = new() { ValidateUtf8 = true } }
            .Map("go", context =>
            {
                seen.Append(context.RequestId).Append('|').Append(context.Topic).Append('|').Append(Encoding.UTF8.GetString(context.Body.Span)).Append('\n');
                return default;
            });
        Task<string[]> sending = router.Send(message, WsMessageType.Text);
        Assert.True(sending.IsCompletedSuccessfully, "An exception escaped, or it did not end.");
        Assert.Null(router.Connection.CloseCall);
        Assert.True(router.Context.Message.IsEmpty, "The message was kept.");
        Assert.DoesNotContain(router.Logged, static line => line.Level >= LogLevel.Error);
        foreach (string answer in sending.Result)
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            Assert.True(document.RootElement.GetProperty("type").GetString() is "error" or "ack" or "pong");
        }

        Assert.True(seen.Length > 0 || router.Calls.Count > 0 || sending.Result.Length > 0, "A bad message must be answered.");
        return string.Join('\n', [seen.ToString(), .. router.Calls, .. sending.Result]);
    }
}
