using System.Globalization;
using System.Security;
using System.Text;
using PipeWs.LoadTest.Compare;

namespace PipeWs.LoadTest.Reports;

/// <summary>A comparison as a chart: a group of bars a scenario, each as long as its share of the longest. Readable on a light and on a dark page.</summary>
internal static class SvgReport
{
    private const int Width = 860;
    private const int LabelWidth = 170;
    private const int ValueWidth = 110;
    private const int BarHeight = 14;
    private const int BarStep = 18;
    private const int HeadHeight = 26;
    private const int GroupGap = 18;

    private static readonly string[] s_colours = ["#7f7f7f", "#2a9d5c", "#57b894", "#8fd0b5", "#3f78c9", "#d9822b", "#8e5bb5", "#b5505b", "#c2a83e"];

    /// <summary>Draws the chart.</summary>
    public static string Create(ComparisonResult result)
    {
        var body = new StringBuilder();
        int y = GroupGap;
        foreach (Scenario scenario in result.Options.Scenarios)
        {
            y = AddGroup(body, result, scenario, y);
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{y}}" width="{{Width}}" height="{{y}}" role="img" aria-label="Servers compared" font-family="sans-serif" font-size="12">
            <style>text { fill: #24292f } .unit { fill: #57606a } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .unit { fill: #9198a1 } }</style>
            {{body}}</svg>

            """);
    }

    private static int AddGroup(StringBuilder body, ComparisonResult result, Scenario scenario, int y)
    {
        string better = scenario.IsLessBetter ? "less is better" : "more is better";
        body.Append(CultureInfo.InvariantCulture, $"<text x=\"0\" y=\"{y + 12}\" font-weight=\"bold\">{Escape(scenario.Name)}<tspan class=\"unit\" font-weight=\"normal\"> {Escape(MarkdownReport.Unit(scenario))}, {better}</tspan></text>\n");
        y += HeadHeight;
        double longest = result.Options.Servers.Max(server => result.GetMedian(scenario, server, scenario.GetValue) ?? 0);
        for (int i = 0; i < result.Options.Servers.Count; i++)
        {
            string server = result.Options.Servers[i];
            if (result.GetMedian(scenario, server, scenario.GetValue) is not { } value)
            {
                continue;
            }

            double length = longest > 0 ? Math.Max(1, (Width - LabelWidth - ValueWidth) * value / longest) : 1;
            double scaled = MarkdownReport.Scale(scenario, value);
            string shown = scaled.ToString(scaled < 100 ? "0.##" : "N0", CultureInfo.InvariantCulture);
            body.Append(CultureInfo.InvariantCulture, $"<text x=\"{LabelWidth - 8}\" y=\"{y + 11}\" text-anchor=\"end\">{Escape(server)}</text>");
            body.Append(CultureInfo.InvariantCulture, $"<rect x=\"{LabelWidth}\" y=\"{y}\" width=\"{length:0.#}\" height=\"{BarHeight}\" rx=\"2\" fill=\"{s_colours[i % s_colours.Length]}\"/>");
            body.Append(CultureInfo.InvariantCulture, $"<text x=\"{LabelWidth + length + 6:0.#}\" y=\"{y + 11}\">{shown}</text>\n");
            y += BarStep;
        }

        return y + GroupGap;
    }

    private static string Escape(string text) => SecurityElement.Escape(text);
}
