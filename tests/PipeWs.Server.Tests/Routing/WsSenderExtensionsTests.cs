using System.Text;
using System.Text.Json.Serialization;
using NSubstitute;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Routing;

public partial class WsSenderExtensionsTests
{
    [Fact]
    public async Task Text_and_json_are_sent_as_text()
    {
        var connection = new RecordingConnection();

        await connection.SendTextAsync("hé😀\ud800");
        await connection.SendJsonAsync(new Point(1, "é"), SenderJson.Default.Point);
        await connection.SendTextAsync("");

        Assert.Equal(["hé😀\ufffd", """{"X":1,"Name":"\u00E9"}""", ""], connection.Sent);
    }

    [Fact]
    public async Task Sends_that_wait_keep_their_bytes_until_they_complete()
    {
        var hold = new TaskCompletionSource();
        var connection = new RecordingConnection { Hold = hold };

        Task[] sends = [.. Enumerable.Range(0, 20).Select(i => connection.SendTextAsync($"message {i}").AsTask())];
        Assert.DoesNotContain(sends, static send => send.IsCompleted);
        hold.SetResult();
        await Task.WhenAll(sends);

        Assert.Equal(Enumerable.Range(0, 20).Select(static i => $"message {i}").Order(), connection.Sent.Order());
    }

    [Fact]
    public async Task A_send_that_is_refused_is_refused_and_the_next_is_whole()
    {
        var connection = new RecordingConnection { Refusal = new IOException("gone") };
        await Assert.ThrowsAsync<IOException>(async () => await connection.SendTextAsync("lost"));
        connection.Refusal = null;

        await connection.SendTextAsync("kept");

        Assert.Equal(["kept"], connection.Sent);
    }

    [Fact]
    public void Json_is_published_with_its_options()
    {
        IWsRoom room = Substitute.For<IWsRoom>();
        string? data = null;
        room.Publish(Arg.Do<ReadOnlyMemory<byte>>(bytes => data = Encoding.UTF8.GetString(bytes.Span)), new WsPublishOptions("ticker")).Returns(58);

        Assert.Equal(58, room.PublishJson(new Point(1, "n"), SenderJson.Default.Point, new WsPublishOptions("ticker")));
        Assert.Equal("""{"X":1,"Name":"n"}""", data);
    }

    [Fact]
    public async Task A_substituted_context_gets_json_replies_too()
    {
        WsMessageContext context = Substitute.For<WsMessageContext>();
        var replied = new TaskCompletionSource();
        ReadOnlyMemory<byte> data = default;
        context.ReplyAsync("ok", Arg.Do<ReadOnlyMemory<byte>>(bytes => data = bytes)).Returns(new ValueTask(replied.Task));

        ValueTask pending = context.ReplyJsonAsync("ok", new Point(1, "n"), SenderJson.Default.Point);
        await new RecordingConnection().SendTextAsync("another use of the thread's buffers");

        Assert.False(pending.IsCompleted);
        Assert.Equal("""{"X":1,"Name":"n"}""", Encoding.UTF8.GetString(data.Span));
        replied.SetResult();
        await pending;
    }

    [Fact]
    public async Task Texts_json_and_answers_can_say_that_they_are_never_compressed()
    {
        var never = new WsSendOptions(NeverCompress: true);
        var point = new Point(1, new string('n', 1_000));
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.Compression = new WsCompressionOptions(),
            build: builder => builder.MapAction("answers", async context =>
            {
                foreach (WsSendOptions options in (WsSendOptions[])[default, never])
                {
                    await context.Connection.SendTextAsync(point.Name, options);
                    await context.Connection.SendJsonAsync(point, SenderJson.Default.Point, options);
                    await context.ReplyJsonAsync("answer", point, SenderJson.Default.Point, options);
                    await context.ReplyErrorAsync(409, point.Name, options);
                }
            }),
            hasBystander: false);
        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: "Sec-WebSocket-Extensions: permessage-deflate"));

        await peer.SendTextAsync("""{"id":"1","action":"answers"}""");

        List<bool> compressed = [];
        string last = "";
        for (int i = 0; i < 8; i++)
        {
            RawFrame frame = await peer.ReadFrameAsync();
            compressed.Add(frame.Rsv != 0);
            last = frame.Text;
        }

        Assert.Equal([true, true, true, true, false, false, false, false], compressed);
        Assert.Equal($$"""{"id":"1","type":"error","code":409,"data":"{{point.Name}}"}""", last);
    }

    public readonly record struct Point(int X, string Name);

    [JsonSerializable(typeof(Point))]
    private sealed partial class SenderJson : JsonSerializerContext;
}
