using System.Globalization;
using System.Text.RegularExpressions;

namespace PipeWs.Demo.Tests.Diagnostics;

/// <summary>Reads Prometheus' text format 0.0.4 as strictly as its description allows.</summary>
internal sealed partial class Exposition
{
    private readonly Dictionary<string, double> _samples = new(StringComparer.Ordinal);

    /// <summary>Each metric's type by its name.</summary>
    public Dictionary<string, string> Types { get; } = new(StringComparer.Ordinal);

    public double this[string sample] => _samples.TryGetValue(sample, out double value)
        ? value
        : throw new KeyNotFoundException($"{sample} is not among\n{string.Join('\n', _samples.Keys.Where(key => key.StartsWith(sample.Split('{')[0], StringComparison.Ordinal)))}");

    public bool Has(string sample) => _samples.ContainsKey(sample);

    public static Exposition Parse(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', text);
        var read = new Exposition();
        string current = "";
        foreach (string line in text[..^1].Split('\n'))
        {
            if (HelpLine().Match(line) is { Success: true } help)
            {
                current = help.Groups[1].Value;
                Assert.False(read.Types.ContainsKey(current), $"{current} is described twice");
            }
            else if (TypeLine().Match(line) is { Success: true } type)
            {
                current = type.Groups[1].Value;
                Assert.True(read.Types.TryAdd(current, type.Groups[2].Value), $"{current} is there twice");
            }
            else
            {
                Match sample = SampleLine().Match(line);
                Assert.True(sample.Success, line);
                string name = sample.Groups[1].Value;
                string kind = read.Types[current];
                Assert.Contains(name, kind == "histogram" ? [current + "_bucket", current + "_sum", current + "_count"] : (string[])[current]);
                Assert.True(kind != "counter" || name.EndsWith("_total", StringComparison.Ordinal), name);
                string value = sample.Groups[3].Value;
                double number = value switch
                {
                    "+Inf" => double.PositiveInfinity,
                    "-Inf" => double.NegativeInfinity,
                    _ => double.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture),
                };
                Assert.True(read._samples.TryAdd(name + sample.Groups[2].Value, number), $"{line} is there twice");
            }
        }

        return read;
    }

    [GeneratedRegex(@"^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) .+$")]
    private static partial Regex HelpLine();

    [GeneratedRegex("^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$")]
    private static partial Regex TypeLine();

    [GeneratedRegex("""^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*")*\})? (\S+)$""")]
    private static partial Regex SampleLine();
}
