using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Tests.Fakes;

/// <summary>The recording that comes with the desk, and small ones written by hand.</summary>
internal static class Recordings
{
    public static readonly string ShippedPath = Path.Combine(AppContext.BaseDirectory, "Data", "binance-spot-2024-08-08.txt.gz");

    private static readonly Lazy<MarketRecording> s_shipped = new(() => MarketRecording.Load(ShippedPath));
    private static readonly Lazy<IReadOnlyList<(long Received, JsonElement Json)>> s_lines = new(ReadLines);

    public static MarketRecording Shipped => s_shipped.Value;

    /// <summary>The shipped recording read again, in the plainest way.</summary>
    public static IReadOnlyList<(long Received, JsonElement Json)> ShippedLines => s_lines.Value;

    public static MarketRecording Of(params string[] lines) => MarketRecording.Read(new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n")));

    public static string Trade(double second, string symbol, long id, string price, string size, bool buyerIsMaker = false) =>
        Line(second, $$$"""{"stream":"{{{symbol.ToLowerInvariant()}}}@trade","data":{"e":"trade","E":1000,"s":"{{{symbol}}}","t":{{{id}}},"p":"{{{price}}}","q":"{{{size}}}","T":999,"m":{{{(buyerIsMaker ? "true" : "false")}}},"M":true}}""");

    public static string Ticker(double second, string symbol, long updateId, string bid, string ask) =>
        Line(second, $$$"""{"stream":"{{{symbol.ToLowerInvariant()}}}@bookTicker","data":{"u":{{{updateId}}},"s":"{{{symbol}}}","b":"{{{bid}}}","B":"1.00000000","a":"{{{ask}}}","A":"2.00000000"}}""");

    public static string Depth(double second, string symbol, long first, long last, string bids, string asks) =>
        Line(second, $$$"""{"stream":"{{{symbol.ToLowerInvariant()}}}@depth@100ms","data":{"e":"depthUpdate","E":1000,"s":"{{{symbol}}}","U":{{{first}}},"u":{{{last}}},"b":{{{bids}}},"a":{{{asks}}}}}""");

    public static string Snapshot(double second, long lastUpdateId, string bids, string asks) =>
        Line(second, $$$"""{"lastUpdateId":{{{lastUpdateId}}},"bids":{{{bids}}},"asks":{{{asks}}}}""");

    private static string Line(double second, string json) =>
        ((long)(1_700_000_000_000_000_000 + (second * 1e9))).ToString(CultureInfo.InvariantCulture) + " " + json;

    private static List<(long Received, JsonElement Json)> ReadLines()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(ShippedPath), CompressionMode.Decompress));
        var lines = new List<(long, JsonElement)>();
        while (reader.ReadLine() is { } line)
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            lines.Add((long.Parse(line[..space], CultureInfo.InvariantCulture), JsonDocument.Parse(line[(space + 1)..]).RootElement));
        }

        return lines;
    }
}
