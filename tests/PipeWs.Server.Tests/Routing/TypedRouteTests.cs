using System.Text.Json;
using System.Text.Json.Serialization;

namespace PipeWs.Server.Tests.Routing;

public partial class TypedRouteTests
{
    [Fact]
    public async Task A_typed_handler_gets_its_body_and_answers_in_json()
    {
        RouterFixture fixture = new RouterFixture().Map(
            "trade", RouteJson.Default.Trade, static (context, trade) => context.ReplyJsonAsync("filled", trade with { Quantity = trade.Quantity * 2 }, RouteJson.Default.Trade));

        Assert.Equal(["""{"id":"7","type":"filled","payload":{"symbol":"BTC","quantity":3.0}}"""], await fixture.Send("""{"id":"7","type":"trade","payload":{"symbol":"BTC","quantity":1.5}}"""));
    }

    [Theory]
    [InlineData("""{"id":"7","action":"trade"}""", "the message has no body")]
    [InlineData("""{"id":"7","action":"trade","data":null}""", "the body is null")]
    [InlineData("""{"id":"7","action":"trade","data":"x"}""", "the body is not what the action expects, at $")]
    [InlineData("""{"id":"7","action":"trade","data":{"symbol":5,"quantity":1}}""", "the body is not what the action expects, at $.symbol")]
    [InlineData("""{"id":"7","action":"trade","data":{"symbol":"x","quantity":"many"}}""", "the body is not what the action expects, at $.quantity")]
    [InlineData("""{"id":"7","action":"trade","data":{"quantity":1}}""", "the body is not what the action expects, at $")]
    [InlineData("""{"id":"7","action":"shape","data":{"r":1}}""", "the body is not what the action expects")]
    [InlineData("""{"id":"7","action":"picky","data":1}""", "the body is not what the action expects")]
    [InlineData("""{"id":"7","action":"picky","data":"nowhere"}""", "the body is not what the action expects")]
    public async Task A_body_that_does_not_fit_is_answered_with_where_and_the_connection_lives(string message, string words)
    {
        int calls = 0;
        RouterFixture fixture = new RouterFixture()
            .Map("trade", RouteJson.Default.Trade, (_, _) =>
            {
                calls++;
                return default;
            })
            .Map("shape", RouteJson.Default.Shape, static (_, _) => default)
            .Map("picky", RouteJson.Default.Picky, static (_, _) => default);

        Assert.Equal([$$"""{"id":"7","type":"error","code":400,"data":"{{words}}"}"""], await fixture.Send(message));
        Assert.Equal(0, calls);
        Assert.Empty(fixture.Logged);
        Assert.Equal(["""{"id":"8","type":"ack"}"""], await fixture.Send("""{"id":"8","action":"trade","data":{"symbol":"x","quantity":1}}"""));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task A_long_path_of_the_peers_is_cut()
    {
        RouterFixture fixture = new RouterFixture().Map("map", RouteJson.Default.DictionaryStringInt32, static (_, _) => default);

        string answer = Assert.Single(await fixture.Send("{\"action\":\"map\",\"data\":{\"" + new string('x', 100_000) + "\":\"no\"}}"));

        Assert.InRange(answer.Length, 100, 300);
    }

    [Fact]
    public async Task A_nullable_body_may_be_null()
    {
        List<int?> seen = [];
        RouterFixture fixture = new RouterFixture().Map("n", RouteJson.Default.NullableInt32, (_, n) =>
        {
            seen.Add(n);
            return default;
        });

        await fixture.Send("""{"action":"n","data":null}""");
        await fixture.Send("""{"action":"n","data":5}""");

        Assert.Equal([null, 5], seen);
    }

    public sealed record Trade([property: JsonRequired] string Symbol, decimal Quantity);

    [JsonPolymorphic]
    [JsonDerivedType(typeof(Circle), "circle")]
    public abstract record Shape;

    public sealed record Circle(int R) : Shape;

    [JsonConverter(typeof(PickyConverter))]
    public readonly record struct Picky(int Value);

    public sealed class PickyConverter : JsonConverter<Picky>
    {
        public override Picky Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw (reader.TokenType == JsonTokenType.Number ? new FormatException("never") : new JsonException("It does not say where.", path: "", null, null));

        public override void Write(Utf8JsonWriter writer, Picky value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Value);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Trade))]
    [JsonSerializable(typeof(Picky))]
    [JsonSerializable(typeof(Shape))]
    [JsonSerializable(typeof(int?))]
    [JsonSerializable(typeof(Dictionary<string, int>))]
    private sealed partial class RouteJson : JsonSerializerContext;
}
