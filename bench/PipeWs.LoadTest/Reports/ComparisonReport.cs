using System.Globalization;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Load;
using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Prints a comparison: a table and a chart for each scenario, then the ratios in plain lines.</summary>
internal static class ComparisonReport
{
    private static readonly Color[] Colors = [Color.Green, Color.Blue, Color.Orange1, Color.Purple];

    /// <summary>Writes the report.</summary>
    public static void Write(ComparisonResult result, string placement, IAnsiConsole console)
    {
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"medians; rounds: {result.Options.Rounds}, of {result.Options.Turns} turns of {result.Options.Seconds} s each after at least {result.Options.WarmUpSeconds} s of warm-up; ratios are medians of the turns' own; messages of 128 bytes unless said otherwise; {placement}"));
        foreach (Scenario scenario in result.Options.Scenarios)
        {
            console.WriteLine();
            console.WriteLine(scenario.Name);
            WriteTable(result, scenario, console);
            WriteChart(result, scenario, console);
        }

        console.WriteLine();
        foreach (string line in result.GetConclusions())
        {
            console.WriteLine(line);
        }
    }

    // At most 80 columns wide, which is why each scenario has a table of its own.
    private static void WriteTable(ComparisonResult result, Scenario scenario, IAnsiConsole console)
    {
        bool idle = scenario.Mode == LoadMode.Idle;
        string[] references = [.. new[] { Contender.Floor, Contender.Baseline }.Where(result.Options.Servers.Contains)];
        string[] measures = idle ? ["KiB a connection"] : [scenario.Mode == LoadMode.Connect ? "connections/s" : "messages/s", "per CPU-s", "p50/p99/p99.9 ms", "lost"];
        Table table = new Table().Border(TableBorder.Simple).AddColumn("server");
        foreach (string name in measures.Concat(references.Select(static reference => $"x {reference}")))
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
        }

        foreach (string server in result.Options.Servers)
        {
            string Show(Func<LoadResult, double?> measure, string format = "N0") => Format(result.GetMedian(scenario, server, measure), format);
            string[] values = idle
                ? [Show(run => run.BytesPerConnection / 1024, "F2")]
                : [
                    Show(run => run.MessagesPerSecond),
                    Show(run => run.MessagesPerCpuSecond),
                    $"{Show(run => run.LatencyMicroseconds?.P50 / 1000, "F2")}/{Show(run => run.LatencyMicroseconds?.P99 / 1000, "F2")}/{Show(run => run.LatencyMicroseconds?.P999 / 1000, "F2")}",
                    Format(result.GetSum(scenario, server, run => run.Lost), "N0"),
                ];
            table.AddRow([server, .. values, .. references.Select(reference => Format(result.GetRatio(scenario, server, reference), "0.00"))]);
        }

        console.Write(table);
    }

    private static void WriteChart(ComparisonResult result, Scenario scenario, IAnsiConsole console)
    {
        (string label, double unit) = scenario switch
        {
            { Mode: LoadMode.Idle } => ("KiB per connection (less is better)", 1024),
            { Mode: LoadMode.Connect } => ("thousand connections per CPU-second (more is better)", 1000),
            { IsLessBetter: true } => ("99th percentile of the latency in ms (less is better)", 1000),
            _ => ("thousand messages per CPU-second (more is better)", 1000.0),
        };
        BarChart chart = new BarChart()
            .Width(78)
            .Label(label)
            .LeftAlignLabel();
        for (int i = 0; i < result.Options.Servers.Count; i++)
        {
            string server = result.Options.Servers[i];
            if (result.GetMedian(scenario, server, scenario.GetValue) is { } value)
            {
                chart.AddItem(server, Math.Round(value / unit, 1), Colors[i % Colors.Length]);
            }
        }

        if (chart.Data.Count > 0)
        {
            console.Write(chart);
        }
    }

    private static string Format(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
