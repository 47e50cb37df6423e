namespace PipeWs.Demo.Market;

/// <summary>Decimals for people: the same value without zeros at its end.</summary>
internal static class Exact
{
    // A decimal division gives the shortest scale that holds the exact quotient.
    public static decimal Trim(decimal value) => value / 1.0000000000000000000000000000m;

    public static decimal Percent(decimal part, decimal whole) => whole == 0 ? 0 : Trim(Math.Round(part / whole * 100, 4));
}
