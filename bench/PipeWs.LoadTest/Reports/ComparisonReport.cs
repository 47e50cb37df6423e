using System.Globalization;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Load;
using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Prints a comparison: a table, a chart for each scenario, and the ratios in plain lines.</summary>
internal static class ComparisonReport
{
    private static readonly Color[] Colors = [Color.Green, Color.Blue, Color.Orange1, Color.Purple];

    /// <summary>Writes the report.</summary>
    public static void Write(ComparisonResult result, string placement, IAnsiConsole console)
    {
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"medians; rounds: {result.Options.Rounds}, each {result.Options.Seconds} s after {result.Options.WarmUpSeconds} s of warm-up; messages of 128 bytes; {placement}"));
        WriteTable(result, console);
        foreach (Scenario scenario in result.Options.Scenarios)
        {
            WriteChart(result, scenario, console);
        }

        foreach (string line in result.GetConclusions())
        {
            console.WriteLine(line);
        }
    }

    private static void WriteTable(ComparisonResult result, IAnsiConsole console)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("scenario").AddColumn("server");
        foreach (string name in (string[])["messages/s", "per CPU-second", "CPU us each", "p50 us", "p99 us", "p99.9 us", "KiB a connection", "lost", $"x {ComparisonResult.Baseline}"])
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (Scenario scenario in result.Options.Scenarios)
        {
            foreach (string server in result.Options.Servers)
            {
                bool idle = scenario.Mode == LoadMode.Idle;
                string Show(Func<LoadResult, double?> measure, string format = "N0") => Format(result.GetMedian(scenario, server, measure), format);
                table.AddRow(
                    scenario.Name,
                    server,
                    idle ? "-" : Show(run => run.MessagesPerSecond),
                    Show(run => run.MessagesPerCpuSecond),
                    Show(run => run.CpuMicrosecondsPerMessage, "F2"),
                    Show(run => run.LatencyMicroseconds?.P50),
                    Show(run => run.LatencyMicroseconds?.P99),
                    Show(run => run.LatencyMicroseconds?.P999),
                    Show(run => run.BytesPerConnection / 1024, "F2"),
                    idle ? "-" : Format(result.GetSum(scenario, server, run => run.Lost), "N0"),
                    Format(result.GetRatio(scenario, server, ComparisonResult.Baseline), "0.00"));
            }
        }

        console.Write(table);
    }

    private static void WriteChart(ComparisonResult result, Scenario scenario, IAnsiConsole console)
    {
        bool idle = scenario.Mode == LoadMode.Idle;
        BarChart chart = new BarChart()
            .Width(100)
            .Label(idle ? $"{scenario.Name}: KiB per connection (less is better)" : $"{scenario.Name}: thousand messages per CPU-second (more is better)")
            .LeftAlignLabel();
        for (int i = 0; i < result.Options.Servers.Count; i++)
        {
            string server = result.Options.Servers[i];
            if (result.GetMedian(scenario, server, scenario.GetValue) is { } value)
            {
                chart.AddItem(server, Math.Round(value / (idle ? 1024 : 1000), 1), Colors[i % Colors.Length]);
            }
        }

        if (chart.Data.Count > 0)
        {
            console.Write(chart);
            console.WriteLine();
        }
    }

    private static string Format(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
