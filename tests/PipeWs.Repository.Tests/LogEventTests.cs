using System.Text;
using System.Text.RegularExpressions;

namespace PipeWs.Repository.Tests;

/// <summary>
/// What the libraries log is found by its event id, in alerts and searches that outlive a version: ids are unique, and written down with their names in log-events.md.
/// PIPEWS_UPDATE_API=1 writes the file anew.
/// </summary>
public sealed partial class LogEventTests
{
    private static readonly string s_path = Repository.PathOf("src", "PipeWs.Server", "Diagnostics", "log-events.md");

    [Fact]
    public void Event_ids_and_names_are_unique()
    {
        LogEvent[] events = [.. Find()];

        Assert.True(events.Length > 5);
        Assert.Empty(events.GroupBy(static logged => logged.Id).Where(static group => group.Count() > 1).Select(static group => string.Join(" and ", group)));
        Assert.Empty(events.GroupBy(static logged => logged.Name).Where(static group => group.Count() > 1).Select(static group => string.Join(" and ", group)));
    }

    [Fact]
    public void Every_event_is_in_the_table_as_it_is()
    {
        string actual = Table();
        if (Environment.GetEnvironmentVariable("PIPEWS_UPDATE_API") == "1")
        {
            File.WriteAllText(s_path, actual);
        }

        Assert.True(actual == File.ReadAllText(s_path).ReplaceLineEndings("\n"), $"What is logged changed. If it should, run the tests once with PIPEWS_UPDATE_API=1:\n{actual}");
    }

    [Fact]
    public void Every_logged_event_is_found()
    {
        // What the pattern does not understand would be neither compared nor written down.
        int attributes = Sources().Sum(static file => Attribute().Count(File.ReadAllText(file)));

        Assert.Equal(attributes, Find().Count());
    }

    private static string Table()
    {
        var table = new StringBuilder("# Log events\n\nWritten by the tests from the sources; ids are never used again for something else.\n\n| id | name | level | message |\n|---|---|---|---|\n");
        foreach (LogEvent logged in Find().OrderBy(static logged => logged.Id))
        {
            table.Append('|').Append(' ').Append(logged.Id).Append(" | ").Append(logged.Name).Append(" | ").Append(logged.Level).Append(" | ").Append(logged.Message).Append(" |\n");
        }

        return table.ToString();
    }

    private static IEnumerable<LogEvent> Find()
    {
        foreach (string file in Sources())
        {
            foreach (Match match in Definition().Matches(File.ReadAllText(file)))
            {
                string arguments = match.Groups["arguments"].Value;
                Match id = Id().Match(arguments);
                Match name = Name().Match(arguments);
                Match level = Level().Match(arguments);
                Match message = Message().Match(arguments);
                if (id.Success && message.Success)
                {
                    yield return new LogEvent(
                        int.Parse(id.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture),
                        name.Success ? name.Groups[1].Value : match.Groups["method"].Value,
                        level.Success ? level.Groups[1].Value : "by case",
                        message.Groups[1].Value.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal));
                }
            }
        }
    }

    /// <summary>The libraries: an example's log is its own.</summary>
    private static IEnumerable<string> Sources() =>
        Repository.Projects("src")
            .Select(static project => Path.GetDirectoryName(project)!)
            .Where(static folder => Path.GetFileName(folder) != "PipeWs.Demo")
            .SelectMany(static folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            .Where(static file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    [GeneratedRegex(@"\[LoggerMessage\(")]
    private static partial Regex Attribute();

    [GeneratedRegex("""\[LoggerMessage\((?<arguments>(?:[^"\])]|"(?:[^"\\]|\\.)*")*)\)\]\s*(?:\w+ )*void (?<method>\w+)\(""")]
    private static partial Regex Definition();

    [GeneratedRegex(@"^\s*(?:EventId = )?(\d+)")]
    private static partial Regex Id();

    [GeneratedRegex("EventName = \"(\\w+)\"")]
    private static partial Regex Name();

    [GeneratedRegex(@"LogLevel\.(\w+)")]
    private static partial Regex Level();

    [GeneratedRegex("(?:Message = |LogLevel\\.\\w+, )\"((?:[^\"\\\\]|\\\\.)*)\"")]
    private static partial Regex Message();

    private sealed record LogEvent(int Id, string Name, string Level, string Message);
}
