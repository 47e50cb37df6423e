using System.Buffers;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

/// <summary>What a request is answered with, and what can be answered at all.</summary>
public class RouterAnswerTests
{
    [Theory]
    [InlineData(WsJoinStatus.RoomFull, 0, 503)]
    [InlineData(WsJoinStatus.TooManyRooms, 0, 429)]
    [InlineData(WsJoinStatus.Forbidden, 0, 403)]
    [InlineData(WsJoinStatus.HubFull, 0, 503)]
    [InlineData(WsJoinStatus.TooMuchReplay, 0, 429)]
    [InlineData(WsJoinStatus.InvalidName, 0, 400)]
    [InlineData(WsJoinStatus.Closed, 0, 503)]
    [InlineData(WsJoinStatus.Refused, 0, 403)]
    [InlineData(WsJoinStatus.Refused, 418, 418)]
    public async Task A_join_that_did_not_come_about_is_an_error_of_its_own_code(WsJoinStatus status, int code, int expected)
    {
        var fixture = new RouterFixture { JoinResult = new WsJoinResult(status, "", 0, null, null) { Code = code } };
        string answer = Assert.Single(await fixture.Send("""{"id":"7","type":"subscribe","topic":"a"}"""));
        Assert.StartsWith($$"""{"id":"7","type":"error","code":{{expected}},""", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_acknowledgement_that_has_to_wait_is_waited_for()
    {
        var hold = new TaskCompletionSource();
        RouterFixture fixture = new RouterFixture().Map("a", static _ => default);
        fixture.Connection.Hold = hold;
        Task<string[]> sending = fixture.Send("""{"id":"7","action":"a"}""");
        Assert.False(sending.IsCompleted);
        Assert.False(fixture.Context.Message.IsEmpty);
        hold.SetResult();

        Assert.Equal(["""{"id":"7","type":"ack"}"""], await sending);
        Assert.True(fixture.Context.Message.IsEmpty);
    }

    [Fact]
    public async Task A_raw_handler_answers_in_the_default_dialect()
    {
        RouterFixture fixture = new RouterFixture().OnText(static context => context.ReplyAsync("now", "1"u8.ToArray()));
        Assert.Equal(["""{"type":"now","data":1}"""], await fixture.Send("anything"));
    }

    [Fact]
    public void Only_JSON_can_be_answered()
    {
        static Router Router(Action<HubRegistration> configure)
        {
            var registration = new HubRegistration();
            configure(registration);
            var fixture = new RouterFixture();
            return new Router(registration, fixture, fixture);
        }

        Assert.True(Router(static _ => { }).CanAnswer(WsMessageType.Text));
        Assert.False(Router(static _ => { }).CanAnswer(WsMessageType.Binary));
        Assert.False(Router(static hub => hub.OnText = static _ => default).CanAnswer(WsMessageType.Text));
        Assert.False(Router(static hub => hub.OnTextParts = static _ => default).CanAnswer(WsMessageType.Text));
        Assert.True(Router(static hub => hub.OnBinary = static _ => default).CanAnswer(WsMessageType.Text));

        var speaks = new RequestContext(null!, new RecordingConnection(), null!);
        speaks.BeginRaw(ReadOnlySequence<byte>.Empty, WsMessageType.Text);
        Assert.True(speaks.IsJson);
        speaks.BeginRaw(ReadOnlySequence<byte>.Empty, WsMessageType.Binary);
        Assert.False(speaks.IsJson);
        var raw = new RequestContext(null!, new RecordingConnection(), null!) { SpeaksJson = false };
        raw.BeginRaw(ReadOnlySequence<byte>.Empty, WsMessageType.Text);
        Assert.False(raw.IsJson);
    }

    [Fact]
    public void A_hub_that_takes_text_in_parts_and_JSON_does_not_start()
    {
        var registration = new HubRegistration { OnTextParts = static _ => default };
        registration.Actions.Add(new RawRoute("buy", static _ => default));
        var fixture = new RouterFixture();

        Assert.Contains("OnTextParts", Assert.Throws<InvalidOperationException>(() => new Router(registration, fixture, fixture)).Message, StringComparison.Ordinal);
    }
}
