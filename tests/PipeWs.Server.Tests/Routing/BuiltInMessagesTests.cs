using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

public class BuiltInMessagesTests
{
    [Theory]
    [InlineData("""{"id":"2","type":"ping"}""", """{"id":"2","type":"pong"}""")]
    [InlineData("""{"action":"ping"}""", """{"type":"pong"}""")]
    public async Task Ping_is_answered_with_pong(string message, string answer) => Assert.Equal([answer], await new RouterFixture().Send(message));

    [Theory]
    [InlineData("""{"type":"subscribe","topic":"/m:a,b"}""", "subscribe /m:a|/m:b Head  0")]
    [InlineData("""{"action":"subscribe","data":{"room_id":"workflow_123"}}""", "subscribe workflow_123 Head  0")]
    [InlineData("""{"type":"subscribe","topics":["x","y"],"since":"last"}""", "subscribe x|y Last  0")]
    [InlineData("""{"type":"subscribe","topic":"x","since":{"epoch":"e","sn":57}}""", "subscribe x After e 57")]
    [InlineData("""{"type":"unsubscribe","topic":"x"}""", "unsubscribe x")]
    [InlineData("""{"type":"ack","topic":"x","sn":83}""", "ack x 83")]
    public async Task Messages_about_rooms_reach_the_hub(string message, string call)
    {
        RouterFixture fixture = new();

        Assert.Empty(await fixture.Send(message));
        Assert.Equal([call], fixture.Calls);
    }

    [Theory]
    [InlineData("""{"id":"1","type":"subscribe"}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":""}""")]
    [InlineData("""{"id":"1","type":"subscribe","topic":"x","since":{}}""")]
    [InlineData("""{"id":"1","type":"unsubscribe","topics":[]}""")]
    [InlineData("""{"id":"1","type":"ack"}""")]
    [InlineData("""{"id":"1","type":"ack","topic":"x"}""")]
    [InlineData("""{"id":"1","type":"ack","topic":"x","sn":-1}""")]
    [InlineData("""{"id":"1","type":"ack","sn":1}""")]
    public async Task Messages_about_rooms_that_say_too_little_are_refused(string message)
    {
        RouterFixture fixture = new();

        Assert.StartsWith("""{"id":"1","type":"error","code":400,"data":""", Assert.Single(await fixture.Send(message)), StringComparison.Ordinal);
        Assert.Empty(fixture.Calls);
    }

    [Fact]
    public async Task A_subscribe_names_no_more_topics_than_are_allowed()
    {
        RouterFixture fixture = new() { Options = new RouterOptions { MaxTopicsPerMessage = 2 } };

        Assert.Contains("at most 2", Assert.Single(await fixture.Send("""{"id":"1","type":"subscribe","topics":["a","b","c"]}""")), StringComparison.Ordinal);
        Assert.Empty(fixture.Calls);
    }

    [Theory]
    [InlineData(WsJoinStatus.Joined, null, null, """{"id":"1","type":"ack","topic":"x","epoch":"e1","sn":58}""")]
    [InlineData(WsJoinStatus.AlreadyMember, null, null, """{"id":"1","type":"ack","topic":"x","epoch":"e1","sn":58}""")]
    [InlineData(WsJoinStatus.Joined, true, null, """{"id":"1","type":"ack","topic":"x","epoch":"e1","sn":58,"recovered":true}""")]
    [InlineData(WsJoinStatus.Joined, false, "trimmed", """{"id":"1","type":"ack","topic":"x","epoch":"e1","sn":58,"recovered":false,"reason":"trimmed"}""")]
    [InlineData(WsJoinStatus.RoomFull, null, null, """{"id":"1","type":"error","code":503,"topic":"x","data":"the room is full"}""")]
    [InlineData(WsJoinStatus.TooManyRooms, null, null, """{"id":"1","type":"error","code":429,"topic":"x","data":"the connection is in too many rooms"}""")]
    [InlineData(WsJoinStatus.InvalidName, null, "no such market", """{"id":"1","type":"error","code":400,"topic":"x","data":"no such market"}""")]
    [InlineData(WsJoinStatus.Closed, null, null, """{"id":"1","type":"error","code":503,"topic":"x","data":"the connection is closing"}""")]
    public async Task A_subscribe_is_answered_with_what_came_of_it(WsJoinStatus status, bool? recovered, string? reason, string answer)
    {
        RouterFixture fixture = new() { JoinResult = new WsJoinResult(status, "e1", 58, recovered, reason) };

        Assert.Equal([answer], await fixture.Send("""{"id":"1","type":"subscribe","topic":"x"}"""));
    }

    [Fact]
    public async Task A_subscribe_without_an_id_hears_only_of_what_went_wrong()
    {
        const string message = """{"type":"subscribe","topic":"x"}""";
        RouterFixture fixture = new();

        Assert.Empty(await fixture.Send(message));
        fixture.JoinResult = new WsJoinResult(WsJoinStatus.Joined, "e1", 58, true, null);
        Assert.Empty(await fixture.Send(message));
        fixture.JoinResult = new WsJoinResult(WsJoinStatus.Joined, "e1", 58, false, "epoch");
        Assert.Equal(["""{"type":"ack","topic":"x","epoch":"e1","sn":58,"recovered":false,"reason":"epoch"}"""], await fixture.Send(message));
        fixture.JoinResult = new WsJoinResult(WsJoinStatus.RoomFull, "", 0, null, null);
        Assert.Equal(["""{"type":"error","code":503,"topic":"x","data":"the room is full"}"""], await fixture.Send(message));
    }

    [Theory]
    [InlineData("""{"id":"1","type":"unsubscribe","topics":["x","y"]}""", """{"id":"1","type":"ack","topic":"x"}|{"id":"1","type":"ack","topic":"y"}""")]
    [InlineData("""{"type":"unsubscribe","topic":"x","response":true}""", """{"type":"ack","topic":"x"}""")]
    [InlineData("""{"id":"3","type":"ack","topic":"x","sn":83}""", """{"id":"3","type":"ack"}""")]
    public async Task Other_built_in_messages_are_acknowledged_where_it_is_wanted(string message, string answers) =>
        Assert.Equal(answers.Split('|'), await new RouterFixture().Send(message));
}
