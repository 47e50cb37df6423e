namespace PipeWs.Demo.Market;

/// <summary>A market: one asset priced in another.</summary>
/// <param name="Index">Its place among the desk's symbols.</param>
/// <param name="Base">What is bought and sold, such as <c>BTC</c>.</param>
/// <param name="Quote">What it is paid with, such as <c>USDT</c>.</param>
public sealed record Symbol(int Index, string Base, string Quote)
{
    private static readonly string[] s_quotes = ["USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR", "USD"];

    /// <summary>The exchange's name, such as <c>BTCUSDT</c>.</summary>
    public string Name { get; } = Base + Quote;

    /// <summary>The name in topics and answers, such as <c>BTC-USDT</c>.</summary>
    public string Pair { get; } = $"{Base}-{Quote}";

    /// <summary>The topic of best prices and statistics.</summary>
    public string TickerTopic { get; } = $"/market/ticker:{Base}-{Quote}";

    /// <summary>The topic of trades.</summary>
    public string MatchTopic { get; } = $"/market/match:{Base}-{Quote}";

    /// <summary>The topic of the order book's changes.</summary>
    public string Level2Topic { get; } = $"/market/level2:{Base}-{Quote}";

    /// <summary>Splits an exchange's name in two.</summary>
    /// <exception cref="InvalidDataException">It ends in no quote asset that is known.</exception>
    public static Symbol Parse(string name, int index)
    {
        foreach (string quote in s_quotes)
        {
            if (name.Length > quote.Length && name.EndsWith(quote, StringComparison.Ordinal))
            {
                return new Symbol(index, name[..^quote.Length], quote);
            }
        }

        throw new InvalidDataException($"The symbol {name} ends in no quote asset that is known.");
    }

    /// <summary>Whether a text names this symbol: <c>BTCUSDT</c> or <c>BTC-USDT</c>, in any case.</summary>
    public bool IsNamed(string text) => text.Equals(Name, StringComparison.OrdinalIgnoreCase) || text.Equals(Pair, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override string ToString() => Pair;
}
