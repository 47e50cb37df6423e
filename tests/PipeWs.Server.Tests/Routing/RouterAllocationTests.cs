using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Routing;

public partial class RouterAllocationTests
{
    private static readonly byte[] Reply = """{"ok":true}"""u8.ToArray();

    [Theory]
    [InlineData("""{"id":"7","action":"raw","data":{"room_id":"workflow_123"}}""")]
    [InlineData("""{"id":"7","action":"reply","data":{"room_id":"workflow_123"}}""")]
    [InlineData("""{"id":"7","action":"typed","data":12345}""")]
    [InlineData("""{"id":"7","action":"json","data":12345}""")]
    [InlineData("""{"id":"7","\u0061ction":"r\u0061w"}""")]
    [InlineData("""{"id":"7","type":"ping"}""")]
    public void Routing_and_answering_allocate_nothing(string json)
    {
        RouterFixture fixture = new RouterFixture()
            .Map("raw", static _ => default)
            .Map("reply", static context => context.ReplyAsync("ok", Reply))
            .Map("typed", AllocationJson.Default.Price, static (_, _) => default)
            .Map("json", AllocationJson.Default.Price, static (context, price) => context.ReplyJsonAsync("ok", price, AllocationJson.Default.Price));
        fixture.Connection.CountOnly = true;
        var payload = new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(json));

        Assert.Equal(0, SteadyState.AllocatedBytes(() => Dispatch(fixture, payload, 100)));
        Assert.Equal(1100, fixture.Connection.SentCount);
    }

    [Fact]
    public void Raw_handlers_cost_nothing()
    {
        RouterFixture fixture = new RouterFixture().OnText(static context => context.Connection.SendAsync(context.Payload.First, context.Type));
        fixture.Connection.CountOnly = true;
        var payload = new ReadOnlySequence<byte>("hello"u8.ToArray());

        Assert.Equal(0, SteadyState.AllocatedBytes(() => Dispatch(fixture, payload, 100)));
        Assert.Equal(1100, fixture.Connection.SentCount);
    }

    private static void Dispatch(RouterFixture fixture, ReadOnlySequence<byte> payload, int times)
    {
        for (int i = 0; i < times; i++)
        {
            ValueTask dispatched = fixture.Router.DispatchAsync(fixture.Context, payload, WsMessageType.Text);
            Assert.True(dispatched.IsCompletedSuccessfully);
        }
    }

    // The serializer boxes a struct that it fills member by member; what a converter reads is all ours.
    [JsonConverter(typeof(PriceConverter))]
    public readonly record struct Price(long Ticks);

    public sealed class PriceConverter : JsonConverter<Price>
    {
        public override Price Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, Price value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Ticks);
    }

    [JsonSerializable(typeof(Price))]
    private sealed partial class AllocationJson : JsonSerializerContext;
}
