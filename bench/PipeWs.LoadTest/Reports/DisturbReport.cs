using System.Globalization;
using PipeWs.LoadTest.Disturb;
using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Prints what disturbed connections noticed.</summary>
internal static class DisturbReport
{
    /// <summary>Writes the table.</summary>
    public static void Write(DisturbResult result, IAnsiConsole console)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("round trips").AddColumn(new TableColumn("undisturbed").RightAligned())
            .AddColumn(new TableColumn("disturbed").RightAligned()).AddColumn(new TableColumn("ratio").RightAligned());
        table.AddRow("measured", Number(result.Undisturbed.Count), Number(result.Disturbed.Count), "");
        foreach (double percentile in (double[])[50, 99, 99.9])
        {
            long before = result.Undisturbed.GetPercentile(percentile);
            long after = result.Disturbed.GetPercentile(percentile);
            table.AddRow(Format($"p{percentile}"), Microseconds(before), Microseconds(after), Format($"{(double)after / before:F2}"));
        }

        table.AddRow("max", Microseconds(result.Undisturbed.Max), Microseconds(result.Disturbed.Max), "");
        console.Write(table);
        console.WriteLine(Format($"{result.DisturbingMessages:N0} messages came to those that disturb; {result.Lost} of the others were lost."));
        console.WriteLine(result.IsSound
            ? Format($"The 99th percentile stays under {DisturbResult.MostRatio} times what it is undisturbed.")
            : Format($"Not sound: the 99th percentile must stay under {DisturbResult.MostRatio} times what it is undisturbed, and nobody be lost."));
    }

    private static string Number(long value) => Format($"{value:N0}");

    private static string Microseconds(long nanoseconds) => Format($"{nanoseconds / 1000.0:N0} us");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
