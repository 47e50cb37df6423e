using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

public class RouterTests
{
    [Fact]
    public async Task A_handler_sees_the_message_in_every_dialect()
    {
        List<string> seen = [];
        RouterFixture fixture = new RouterFixture().Map("a", context =>
        {
            seen.Add($"{context.Action} {context.RequestId} {context.Topic} {Encoding.UTF8.GetString(context.Body.Span)} {context.Type} {context.Payload.Length}");
            return default;
        });

        await fixture.Send("""{"id":"7","action":"a","data":{"x":1}}""");
        await fixture.Send("""{"type":"a","payload":[1]}""");
        await fixture.Send("""{"id":8,"type":"a","topic":"\u002Fm"}""");
        await fixture.Send("""{"type":"\u0061"}""");

        Assert.Equal(["""a 7  {"x":1} Text 38""", "a   [1] Text 26", "a 8 /m  Text 37", "a    Text 17"], seen);
    }

    [Theory]
    [InlineData("""{"action":"a"}""", null)]
    [InlineData("""{"action":"a","response":false}""", null)]
    [InlineData("""{"id":"7","action":"a"}""", """{"id":"7","type":"ack"}""")]
    [InlineData("""{"id":7,"action":"a"}""", """{"id":7,"type":"ack"}""")]
    [InlineData("""{"id":"\u0041","action":"a"}""", """{"id":"\u0041","type":"ack"}""")]
    [InlineData("""{"action":"a","response":true}""", """{"type":"ack"}""")]
    public async Task A_request_that_nobody_answered_is_acknowledged(string request, string? answer)
    {
        RouterFixture now = new RouterFixture().Map("a", static _ => default);
        RouterFixture later = new RouterFixture().Map("a", static async _ => await Task.Yield());

        string[] expected = answer is null ? [] : [answer];
        Assert.Equal(expected, await now.Send(request));
        Assert.Equal(expected, await later.Send(request));
    }

    [Theory]
    [InlineData("""{"id":"7","action":"a","data":1}""", """{"id":"7","type":"ok","data":{"y":2}}""")]
    [InlineData("""{"id":"7","action":"a"}""", """{"id":"7","type":"ok","data":{"y":2}}""")]
    [InlineData("""{"type":"a","payload":1,"response":true}""", """{"type":"ok","payload":{"y":2}}""")]
    public async Task A_reply_carries_the_id_and_the_bodys_name_and_is_the_only_answer(string request, string answer)
    {
        RouterFixture fixture = new RouterFixture().Map("a", static context => context.ReplyAsync("ok", "{\"y\":2}"u8.ToArray()));

        Assert.Equal([answer], await fixture.Send(request));
    }

    [Fact]
    public async Task A_reply_without_data_has_no_body() =>
        Assert.Equal(["""{"id":"7","type":"ok"}"""], await new RouterFixture().Map("a", static context => context.ReplyAsync("ok")).Send("""{"id":"7","action":"a"}"""));

    [Fact]
    public async Task An_error_of_the_handlers_is_the_only_answer() =>
        Assert.Equal(
            ["""{"id":"7","type":"error","code":409,"data":"no \"money\""}"""],
            await new RouterFixture().Map("a", static context => context.ReplyErrorAsync(409, "no \"money\"")).Send("""{"id":"7","action":"a"}"""));

    [Fact]
    public async Task Replies_have_types_and_codes_that_the_protocol_knows()
    {
        RouterFixture fixture = new();
        await Assert.ThrowsAsync<ArgumentException>(async () => await fixture.Context.ReplyAsync(""));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await fixture.Context.ReplyErrorAsync(200, "x"));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await fixture.Context.ReplyErrorAsync(600, "x"));
    }

    [Fact]
    public async Task An_exception_of_a_handler_is_answered_and_logged_and_the_connection_lives()
    {
        var failure = new InvalidOperationException("secret");
        RouterFixture fixture = new RouterFixture()
            .Map("now", _ => throw failure)
            .Map("later", async _ =>
            {
                await Task.Yield();
                throw failure;
            })
            .Map("ok", static context => context.ReplyAsync("fine"));

        Assert.Equal(["""{"id":"7","type":"error","code":500,"data":"internal error"}"""], await fixture.Send("""{"id":"7","action":"now"}"""));
        Assert.Equal(["""{"id":"8","type":"error","code":500,"data":"internal error"}"""], await fixture.Send("""{"id":"8","action":"later"}"""));
        Assert.Equal(["""{"id":"9","type":"fine"}"""], await fixture.Send("""{"id":"9","action":"ok"}"""));
        Assert.All(fixture.Logged, entry => Assert.Equal((LogLevel.Error, 301, failure), (entry.Level, entry.EventId, entry.Exception)));
        Assert.Equal(2, fixture.Logged.Count);
    }

    [Fact]
    public async Task A_handler_that_fails_after_its_answer_does_not_answer_again()
    {
        RouterFixture fixture = new RouterFixture().Map("a", static async context =>
        {
            await context.ReplyAsync("ok");
            throw new InvalidOperationException();
        });

        Assert.Equal(["""{"id":"7","type":"ok"}"""], await fixture.Send("""{"id":"7","action":"a"}"""));
        Assert.Equal(301, Assert.Single(fixture.Logged).EventId);
    }

    [Fact]
    public async Task A_handler_that_is_cancelled_by_the_connections_end_is_no_error()
    {
        RouterFixture fixture = new();
        fixture.Map("a", async context =>
        {
            fixture.Connection.FireClosed();
            await Task.Delay(Timeout.Infinite, context.ConnectionClosed);
        });

        Assert.Empty(await fixture.Send("""{"id":"7","action":"a"}"""));
        Assert.Equal((LogLevel.Debug, 303), (fixture.Logged[0].Level, fixture.Logged[0].EventId));
    }

    [Fact]
    public async Task An_answer_that_cannot_be_sent_does_not_come_out_of_the_router()
    {
        RouterFixture fixture = new RouterFixture().Map("a", static _ => default);
        fixture.Connection.Refusal = new IOException("gone");

        Assert.Empty(await fixture.Send("""{"id":"7","action":"a"}"""));
        Assert.Empty(await fixture.Send("""{"id":"7","action":"b"}"""));
        Assert.Contains(fixture.Logged, static entry => entry is { EventId: 302, Level: LogLevel.Debug });
    }

    [Fact]
    public async Task A_message_in_pieces_is_one_message()
    {
        RouterFixture fixture = new RouterFixture().Map("a", static async context =>
        {
            await Task.Yield();
            await context.ReplyAsync("ok", context.Body);
        });
        byte[] message = """{"id":"7","action":"a","data":{"text":"in pieces"}}"""u8.ToArray();

        for (int cut = 1; cut < message.Length - 1; cut++)
        {
            Assert.Equal(
                ["""{"id":"7","type":"ok","data":{"text":"in pieces"}}"""],
                await fixture.Send(Pieces(message.AsMemory(0, cut), message.AsMemory(cut, 1), message.AsMemory(cut + 1)), WsMessageType.Text));
        }
    }

    [Fact]
    public async Task Answers_that_wait_keep_their_bytes_apart()
    {
        var hold = new TaskCompletionSource();
        RouterFixture fixture = new();
        fixture.Connection.Hold = hold;
        fixture.Map("a", static async context =>
        {
            ValueTask first = context.ReplyAsync("first", "1"u8.ToArray());
            ValueTask second = context.ReplyAsync("second", "2"u8.ToArray());
            await first;
            await second;
        });

        Task<string[]> sending = fixture.Send("""{"id":"7","action":"a"}""");
        Assert.False(sending.IsCompleted);
        hold.SetResult();

        Assert.Equal(["""{"id":"7","type":"first","data":1}""", """{"id":"7","type":"second","data":2}"""], (await sending).Order());
    }

    [Fact]
    public async Task Nothing_of_a_message_is_left_for_the_next()
    {
        List<string> seen = [];
        RouterFixture fixture = new RouterFixture().Map("a", context =>
        {
            seen.Add($"{context.RequestId}|{context.Topic}|{context.Body.Length}");
            return default;
        });

        await fixture.Send("""{"id":"7","type":"a","topic":"t","payload":1}""");
        Assert.Equal(("", null, null, 0), (fixture.Context.Action, fixture.Context.RequestId, fixture.Context.Topic, fixture.Context.Body.Length));
        Assert.Empty(await fixture.Send("""{"type":"a"}"""));
        await fixture.Send("""{"id":"8","type":"a","topic":"u"}""");

        Assert.Equal(["7|t|1", "||0", "8|u|0"], seen);
    }

    [Fact]
    public async Task Raw_handlers_get_their_messages_as_they_are_and_their_exceptions_come_out()
    {
        List<string> seen = [];
        ValueTask Handler(WsMessageContext context)
        {
            seen.Add($"{context.Type} {Encoding.UTF8.GetString(context.Payload)} {context.Action}{context.RequestId}{context.Topic}{context.Body.Length}");
            return context.Payload.Length == 4 ? throw new InvalidOperationException() : default;
        }

        RouterFixture fixture = new RouterFixture().OnText(Handler).OnBinary(Handler);

        await fixture.Send("{not json");
        await fixture.Send(new ReadOnlySequence<byte>("bin"u8.ToArray()), WsMessageType.Binary);
        await Assert.ThrowsAsync<InvalidOperationException>(() => fixture.Send("fail"));

        Assert.Equal(["Text {not json 0", "Binary bin 0", "Text fail 0"], seen);
    }

    [Fact]
    public async Task A_binary_message_that_nobody_takes_ends_the_connection_with_1003()
    {
        RouterFixture fixture = new RouterFixture().Map("a", static _ => default);

        await fixture.Send(new ReadOnlySequence<byte>("bin"u8.ToArray()), WsMessageType.Binary);

        Assert.Equal((ushort)1003, fixture.Connection.CloseCall?.Code);
    }

    [Fact]
    public void A_hub_that_is_raw_and_json_at_once_does_not_start()
    {
        RouterFixture fixture = new RouterFixture().OnText(static _ => default).Map("buy", static _ => default).Map("sell", static _ => default);

        Assert.Contains("\"buy\", \"sell\"", Assert.Throws<InvalidOperationException>(() => fixture.Router).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("subscribe")]
    [InlineData("unsubscribe")]
    [InlineData("ping")]
    [InlineData("ack")]
    public void A_built_in_message_cannot_be_mapped(string action) =>
        Assert.Contains(action, Assert.Throws<ArgumentException>(() => new RouterFixture().Map(action, static _ => default).Router).Message, StringComparison.Ordinal);

    [Fact]
    public void An_action_cannot_be_mapped_twice() =>
        Assert.Contains("\"a\"", Assert.Throws<ArgumentException>(() => new RouterFixture().Map("a", static _ => default).Map("a", static _ => default).Router).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_whole_message_after_one_in_parts_is_whole(bool isJson)
    {
        var context = new RequestContext(null!, new RecordingConnection(), null!);
        context.BeginPart(new WsMessagePart(WsMessageType.Binary, ReadOnlySequence<byte>.Empty, IsFirst: false, IsLast: false));
        if (isJson)
        {
            context.Begin(new ReadOnlySequence<byte>("{}"u8.ToArray()), EnvelopeNames.Default);
        }
        else
        {
            context.BeginRaw(ReadOnlySequence<byte>.Empty, WsMessageType.Text);
        }

        Assert.True(context.IsFirstPart);
        Assert.True(context.IsLastPart);
    }

    private static ReadOnlySequence<byte> Pieces(params ReadOnlyMemory<byte>[] pieces)
    {
        var first = new Piece(pieces[0], null);
        Piece last = first;
        foreach (ReadOnlyMemory<byte> piece in pieces.Skip(1))
        {
            last = new Piece(piece, last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
