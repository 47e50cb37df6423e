using System.Globalization;
using PipeWs.LoadTest.Load;
using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Prints one load's result as a table.</summary>
internal static class LoadReport
{
    /// <summary>Writes the table.</summary>
    public static void Write(LoadResult result, IAnsiConsole console)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("measure").AddColumn(new TableColumn("value").RightAligned());
        foreach ((string name, string value) in GetRows(result))
        {
            table.AddRow(Markup.Escape(name), Markup.Escape(value));
        }

        console.Write(table);
    }

    private static IEnumerable<(string Name, string Value)> GetRows(LoadResult result)
    {
        yield return (result.Mode == LoadMode.Connect ? "at a time" : "connections", Format($"{result.Connections:N0}"));
        if (result.Mode != LoadMode.Idle)
        {
            string what = result.Mode == LoadMode.Connect ? "connections" : "messages";
            yield return (what, Format($"{result.Messages:N0} in {result.Seconds:F1} s"));
            yield return ("throughput", Format($"{result.MessagesPerSecond:N0} {what}/s"));
        }

        if (result.LatencyMicroseconds is { } latency)
        {
            yield return ("latency p50 / p99 / p99.9", Format($"{latency.P50:N0} / {latency.P99:N0} / {latency.P999:N0} us"));
            yield return ("latency max", Format($"{latency.Max:N0} us"));
        }

        if (result.CpuMicrosecondsPerMessage is { } cpu)
        {
            yield return ("server CPU a message", Format($"{cpu:F2} us"));
            yield return ("messages a server CPU-second", Format($"{result.MessagesPerCpuSecond:N0}"));
        }

        if (result.ResidentBytes is { } resident)
        {
            yield return ("server memory", Format($"{result.BaselineBytes / 1048576.0:F1} -> {resident / 1048576.0:F1} MiB"));
        }

        if (result.Mode == LoadMode.Idle)
        {
            yield return ("memory a connection", result.BytesPerConnection is { } bytes ? Format($"{bytes / 1024:F2} KiB") : "unknown (no --pid)");
        }
        else
        {
            yield return ("generator's CPU", Format($"{result.LoadCpuSeconds / result.Seconds:P0} of a core"));
            yield return ("sent, expected, got", Format($"{result.Sent:N0}, {result.Expected:N0}, {result.Got:N0}"));
            yield return ("lost", Format($"{result.Lost:N0}"));
        }

        yield return ("errors", Format($"{result.Errors:N0}"));
        yield return ("closed by the server", Format($"{result.ClosedByServer:N0}"));
        if (result.FirstError is { } error)
        {
            yield return ("first error", error);
        }
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
