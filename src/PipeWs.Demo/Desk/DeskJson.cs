using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Demo.Alerts;
using PipeWs.Demo.Identity;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Desk;

/// <summary>The desk's JSON: camelCase, decimals as strings so that nobody's floating point rounds them, absent members left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    PropertyNameCaseInsensitive = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(DecimalTextConverter), typeof(BookLevelConverter), typeof(ChartPointConverter)])]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(LoginView))]
[JsonSerializable(typeof(LoginError))]
[JsonSerializable(typeof(SymbolRequest))]
[JsonSerializable(typeof(BookRequest))]
[JsonSerializable(typeof(ManualTradeRequest))]
[JsonSerializable(typeof(UpdatePositionRequest))]
[JsonSerializable(typeof(SubscriptionView))]
[JsonSerializable(typeof(PortfolioSubscriptionView))]
[JsonSerializable(typeof(TradeResultView))]
[JsonSerializable(typeof(TradeNotificationView))]
[JsonSerializable(typeof(BookReplyView))]
[JsonSerializable(typeof(ChartView))]
[JsonSerializable(typeof(SymbolView[]))]
[JsonSerializable(typeof(PortfolioView))]
[JsonSerializable(typeof(PositionView))]
[JsonSerializable(typeof(DeskAlert))]
public sealed partial class DeskJson : JsonSerializerContext
{
    /// <summary>A message of the desk's own accord: <c>{"type":type,"data":data}</c>.</summary>
    public static byte[] Message<T>(string type, T data, JsonTypeInfo<T> info)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            json.WritePropertyName("data"u8);
            JsonSerializer.Serialize(json, data, info);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}

/// <summary>A decimal as a string, as exchanges send theirs.</summary>
public sealed class DecimalTextConverter : JsonConverter<decimal>
{
    /// <inheritdoc/>
    public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        decimal.TryParse(reader.GetString(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal value)
            ? value
            : throw new JsonException("A decimal is a string of digits with a point.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[32];
        value.TryFormat(text, out int written, default, CultureInfo.InvariantCulture);
        writer.WriteStringValue(text[..written]);
    }
}

/// <summary>A level of a book as the exchange writes it: <c>["price","quantity"]</c>.</summary>
public sealed class BookLevelConverter : JsonConverter<BookLevel>
{
    private static readonly DecimalTextConverter s_decimal = new();

    /// <inheritdoc/>
    public override BookLevel Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Read();
        decimal price = s_decimal.Read(ref reader, typeof(decimal), options);
        reader.Read();
        decimal quantity = s_decimal.Read(ref reader, typeof(decimal), options);
        reader.Read();
        return reader.TokenType == JsonTokenType.EndArray ? new BookLevel(price, quantity) : throw new JsonException("A level is a price and a quantity.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, BookLevel value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        s_decimal.Write(writer, value.Price, options);
        s_decimal.Write(writer, value.Quantity, options);
        writer.WriteEndArray();
    }
}

/// <summary>A point of a chart, as <c>[age,"price"]</c>.</summary>
public sealed class ChartPointConverter : JsonConverter<ChartPoint>
{
    private static readonly DecimalTextConverter s_decimal = new();

    /// <inheritdoc/>
    public override ChartPoint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Read();
        long age = reader.GetInt64();
        reader.Read();
        decimal price = s_decimal.Read(ref reader, typeof(decimal), options);
        reader.Read();
        return reader.TokenType == JsonTokenType.EndArray ? new ChartPoint(age, price) : throw new JsonException("A point is an age and a price.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ChartPoint value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(value.AgeMilliseconds);
        s_decimal.Write(writer, value.Price, options);
        writer.WriteEndArray();
    }
}
