using System.Globalization;
using System.Text;
using PipeWs.LoadTest.Compare;

namespace PipeWs.LoadTest.Reports;

/// <summary>A comparison as a table in Markdown: a row a scenario, a column a server, with the ratio to the floor, or to ASP.NET Core where there is none.</summary>
internal static class MarkdownReport
{
    /// <summary>Writes the table, with a line before it that says how it was measured.</summary>
    public static string Create(ComparisonResult result, string placement)
    {
        ComparisonOptions options = result.Options;
        string? reference = new[] { Contender.Floor, Contender.Baseline }.FirstOrDefault(options.Servers.Contains);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Medians of {options.Rounds} rounds of {options.Turns} interleaved turns of {options.Seconds} s each, after at least {options.WarmUpSeconds} s of warm-up, 128 bytes a message unless said otherwise; {placement}.");
        if (reference is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $" In brackets: the median of each turn's ratio to {reference}.");
        }

        text.Append("\n\n| |");
        text.AppendJoin("", options.Servers.Select(static server => $" {server} |"));
        text.Append("\n|---|").Insert(text.Length, "---|", options.Servers.Count).Append('\n');
        foreach (Scenario scenario in options.Scenarios)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {scenario.Name}, {Unit(scenario)} |");
            foreach (string server in options.Servers)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Show(result, scenario, server, reference)} |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>A scenario's unit, short.</summary>
    internal static string Unit(Scenario scenario) => scenario switch
    {
        { Mode: Load.LoadMode.Idle } => "KiB a connection",
        { Mode: Load.LoadMode.Connect } => "k connections/CPU-s",
        { IsLessBetter: true } => "p99 in ms",
        _ => "k messages/CPU-s",
    };

    /// <summary>A value in the scenario's short unit.</summary>
    internal static double Scale(Scenario scenario, double value) => value / (scenario.Mode == Load.LoadMode.Idle ? 1024 : 1000);

    private static string Show(ComparisonResult result, Scenario scenario, string server, string? reference)
    {
        if (result.GetMedian(scenario, server, scenario.GetValue) is not { } value)
        {
            return "-";
        }

        double scaled = Scale(scenario, value);
        string shown = scaled.ToString(scaled < 100 ? "0.##" : "N0", CultureInfo.InvariantCulture);
        return reference is not null && reference != server && result.GetRatio(scenario, server, reference) is { } ratio
            ? string.Create(CultureInfo.InvariantCulture, $"{shown} ({ratio:0.00})")
            : shown;
    }
}
