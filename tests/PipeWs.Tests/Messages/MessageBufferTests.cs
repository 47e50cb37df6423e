using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using PipeWs.Messages;

namespace PipeWs.Tests.Messages;

public partial class MessageBufferTests
{
    [Fact]
    public void Buffers_that_are_open_at_once_are_apart_and_are_used_again()
    {
        MessageBuffer first = MessageBuffer.Rent();
        MessageBuffer second = MessageBuffer.Rent();
        first.WriteText("one");
        second.WriteText("two");
        Assert.Equal("one", Text(first));
        Assert.Equal("two", Text(second));
        second.Return();
        first.Return();

        Assert.Same(first, MessageBuffer.Rent());
        MessageBuffer again = MessageBuffer.Rent();
        Assert.Same(second, again);
        Assert.True(again.Written.IsEmpty);
        again.Return();
        first.Return();
    }

    [Fact]
    public void A_buffer_grows_and_keeps_what_was_written()
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        string text = string.Concat(Enumerable.Range(0, 20_000).Select(static i => $"{i},"));

        foreach (char[] part in text.Chunk(777))
        {
            buffer.WriteText(part);
        }

        Assert.Equal(text, Text(buffer));
        buffer.Return();
    }

    [Fact]
    public void A_value_that_cannot_be_serialized_leaves_nothing_behind()
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        Assert.Throws<InvalidOperationException>(() => buffer.WriteJson(new Broken { A = 1 }, Json.Default.Broken));
        buffer.Return();

        MessageBuffer again = MessageBuffer.Rent();
        again.WriteJson(new Good { A = 1, B = "é<" }, Json.Default.Good);

        Assert.Same(buffer, again);
        Assert.Equal("""{"A":1,"B":"\u00E9\u003C"}""", Text(again));
        again.Return();
    }

    [Fact]
    public void A_value_is_written_with_the_encoder_of_its_options()
    {
        var relaxed = new Json(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        MessageBuffer buffer = MessageBuffer.Rent();

        buffer.WriteJson(new Good { A = 1, B = "é<" }, relaxed.Good);
        buffer.WriteJson(new Good { A = 2, B = "é" }, Json.Default.Good);

        Assert.Equal("""{"A":1,"B":"é<"}{"A":2,"B":"\u00E9"}""", Text(buffer));
        buffer.Return();
    }

    private static string Text(MessageBuffer buffer) => Encoding.UTF8.GetString(buffer.Written.Span);

    public sealed class Good
    {
        public int A { get; set; }

        public string B { get; set; } = "";
    }

    public sealed class Broken
    {
        public int A { get; set; }

        [JsonInclude]
        public int B => A == 1 ? throw new InvalidOperationException("not today") : 0;
    }

    [JsonSerializable(typeof(Good))]
    [JsonSerializable(typeof(Broken))]
    private sealed partial class Json : JsonSerializerContext;
}
