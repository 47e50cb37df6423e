using System.Globalization;
using System.Text.Json;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Desk;

/// <summary>Checks the fields of requests, and says plainly which is wrong and why.</summary>
public static class DeskFields
{
    /// <summary>The greatest quantity or price the desk takes.</summary>
    public const decimal MaxAmount = 1_000_000_000;

    /// <summary>The exchange counts prices and quantities in hundred-millionths.</summary>
    public const int MaxDecimals = 8;

    /// <summary>The greatest depth of a book that can be asked for.</summary>
    public const int MaxDepth = 5_000;

    private const int MaxDigits = 40;

    /// <summary>Checks a symbol.</summary>
    public static Symbol Symbol(string? text, IMarketData market)
    {
        if (string.IsNullOrEmpty(text))
        {
            throw DeskException.Invalid($"symbol is missing: give one of {Known(market)}.");
        }

        return market.TryFind(text, out var symbol) ? symbol : throw DeskException.NotFound($"symbol {Shown(text)} is not traded here: give one of {Known(market)}.");
    }

    /// <summary>Checks an order.</summary>
    public static TradeOrder Order(ManualTradeRequest request, IMarketData market)
    {
        var symbol = Symbol(request.Symbol, market);
        var side = request.Side switch
        {
            null => throw DeskException.Invalid("side is missing: give buy or sell."),
            var text when text.Equals("buy", StringComparison.OrdinalIgnoreCase) => OrderSide.Buy,
            var text when text.Equals("sell", StringComparison.OrdinalIgnoreCase) => OrderSide.Sell,
            var text => throw DeskException.Invalid($"side {Shown(text)}: give buy or sell."),
        };

        if (IsAbsent(request.Quantity))
        {
            throw DeskException.Invalid("quantity is missing.");
        }

        decimal quantity = Amount("quantity", request.Quantity);
        bool hasPrice = !IsAbsent(request.Price);
        bool isLimit = request.Type switch
        {
            null => hasPrice,
            var text when text.Equals("market", StringComparison.OrdinalIgnoreCase) => false,
            var text when text.Equals("limit", StringComparison.OrdinalIgnoreCase) => true,
            var text => throw DeskException.Invalid($"type {Shown(text)}: give market or limit."),
        };

        if (isLimit && !hasPrice)
        {
            throw DeskException.Invalid("price is missing: a limit order needs one.");
        }

        if (!isLimit && hasPrice)
        {
            throw DeskException.Invalid("price: a market order takes none; give type limit.");
        }

        return new TradeOrder(symbol, side, quantity, isLimit ? Amount("price", request.Price) : null);
    }

    /// <summary>Checks new stops.</summary>
    public static StopChange Stops(UpdatePositionRequest request)
    {
        bool changesStopLoss = request.StopLoss.ValueKind != JsonValueKind.Undefined;
        bool changesTakeProfit = request.TakeProfit.ValueKind != JsonValueKind.Undefined;
        if (!changesStopLoss && !changesTakeProfit)
        {
            throw DeskException.Invalid("Give stopLoss, takeProfit or both; null removes one.");
        }

        return new StopChange(
            changesStopLoss,
            IsAbsent(request.StopLoss) ? null : Amount("stopLoss", request.StopLoss),
            changesTakeProfit,
            IsAbsent(request.TakeProfit) ? null : Amount("takeProfit", request.TakeProfit));
    }

    /// <summary>Checks a depth.</summary>
    public static int Depth(int? depth) => depth switch
    {
        null => 50,
        < 1 or > MaxDepth => throw DeskException.Invalid($"depth {depth}: give 1 to {MaxDepth}."),
        _ => depth.Value,
    };

    /// <summary>Checks an amount: a number, or a string that holds one; more than zero, of sensible size and precision. No floating point touches it.</summary>
    public static decimal Amount(string field, JsonElement element)
    {
        string text = element.ValueKind switch
        {
            JsonValueKind.String => element.GetString() ?? "",
            JsonValueKind.Number => element.GetRawText(),
            _ => throw DeskException.Invalid($"{field}: give a number, or a string that holds one."),
        };

        // A JSON number may have an exponent; a string is what a person typed, and has none.
        var styles = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign;
        styles |= element.ValueKind == JsonValueKind.Number ? NumberStyles.AllowExponent : NumberStyles.None;
        if (text.Length > MaxDigits)
        {
            throw DeskException.Invalid($"{field}: more than {MaxDigits} digits is more than the desk reads.");
        }

        if (!decimal.TryParse(text, styles, CultureInfo.InvariantCulture, out decimal value))
        {
            bool isHuge = double.TryParse(text, styles, CultureInfo.InvariantCulture, out double magnitude) && Math.Abs(magnitude) > (double)MaxAmount;
            throw DeskException.Invalid(isHuge ? $"{field} {Shown(text)}: at most {MaxAmount}." : $"{field} {Shown(text)} is not a number.");
        }

        if (value <= 0)
        {
            throw DeskException.Invalid($"{field} {Shown(text)}: must be more than zero.");
        }

        if (value > MaxAmount)
        {
            throw DeskException.Invalid($"{field} {Shown(text)}: at most {MaxAmount}.");
        }

        value = Exact.Trim(value);
        if (value.Scale > MaxDecimals)
        {
            throw DeskException.Invalid($"{field} {Shown(text)}: at most {MaxDecimals} decimals.");
        }

        return value;
    }

    private static bool IsAbsent(JsonElement element) => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    private static string Known(IMarketData market) => string.Join(", ", market.Symbols.Select(symbol => symbol.Pair));

    private static string Shown(string text) => text.Length <= 32 ? $"'{text}'" : $"'{text[..32]}…'";
}
