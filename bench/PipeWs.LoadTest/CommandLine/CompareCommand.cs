using System.CommandLine;
using System.ComponentModel;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>compare</c>: servers side by side.</summary>
internal static class CompareCommand
{
    private const int Rounds = 3;
    private const int Turns = 6;
    private const double Seconds = 1.5;

    // The compiler needs five seconds of load until all that is hot is compiled in full.
    private const double WarmUpSeconds = 6;
    private const int QuickTurns = 2;
    private const double QuickSeconds = 1;
    private const double QuickWarmUpSeconds = 1;

    private static readonly Option<string[]> Servers = CreateList(
        "--servers",
        $"The servers, separated by commas: {string.Join("; ", Contender.All.Select(static contender => $"{contender.Name}, {contender.Description}"))}",
        [.. Contender.Default]);
    private static readonly Option<string[]> Externals = new("--external")
    {
        Description = "A program of somebody else's that takes part too, as name=command@port or name=command@port@/path; may be given several times.",
    };

    private static readonly Option<FileInfo?> Markdown = new("--markdown") { Description = "A file that gets the result as a Markdown table." };
    private static readonly Option<FileInfo?> Svg = new("--svg") { Description = "A file that gets the result as a chart." };
    private static readonly Option<string[]> Scenarios = CreateList("--scenarios", "The scenarios, by group (echo, bcast, idle, connect) or name", [.. Scenario.All.Select(scenario => scenario.Group).Distinct()]);
    private static readonly Option<int?> RoundCount = new("--rounds") { Description = $"How often each server is started anew for each scenario. Default: {Rounds}; 1 with --quick." };
    private static readonly Option<int?> TurnCount = new("--turns")
    {
        Description = $"How often each server is measured in a round of echo or bcast, {Seconds} s each time, in turns with the others. Default: {Turns}; {QuickTurns} of {QuickSeconds} s with --quick.",
    };

    private static readonly Option<bool> Quick = new("--quick") { Description = "One short round: for a first look, not for a claim." };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("compare", "Runs servers in turns under the same loads and prints what each costs.") { Servers, Externals, RoundCount, TurnCount, Scenarios, Quick, Markdown, Svg };
        command.SetAction(async (result, _) =>
        {
            if (FindContradiction(result) is { } contradiction)
            {
                Console.Error.WriteLine(contradiction);
                return LoadTestCommand.ExitUsage;
            }

            return await RunAsync(GetOptions(result), result.GetValue(Markdown), result.GetValue(Svg));
        });
        return command;
    }

    /// <summary>What the command line asks for.</summary>
    public static ComparisonOptions GetOptions(ParseResult result)
    {
        bool quick = result.GetValue(Quick);
        return new ComparisonOptions(
            Contender.Choose(SplitList(result.GetRequiredValue(Servers)), GetExternals(result)),
            Scenario.Choose(SplitList(result.GetRequiredValue(Scenarios))),
            result.GetValue(RoundCount) ?? (quick ? 1 : Rounds),
            result.GetValue(TurnCount) ?? (quick ? QuickTurns : Turns),
            quick ? QuickSeconds : Seconds,
            quick ? QuickWarmUpSeconds : WarmUpSeconds);
    }

    private static Contender[] GetExternals(ParseResult result) => [.. (result.GetValue(Externals) ?? []).Select(ExternalServer.Parse)];

    private static async Task<int> RunAsync(ComparisonOptions options, FileInfo? markdown, FileInfo? svg)
    {
        using var interruption = new Interruption();
        try
        {
            string placement = "";
            ComparisonResult result = await ProgressDisplay.RunAsync(progress =>
            {
                var comparison = new Comparison(options, progress);
                placement = comparison.Placement;
                return comparison.RunAsync(interruption.Token);
            });
            ComparisonReport.Write(result, placement, ReportConsole.Create());
            await WriteAsync(markdown, () => MarkdownReport.Create(result, placement));
            await WriteAsync(svg, () => SvgReport.Create(result));
            return result.IsSound ? 0 : LoadTestCommand.ExitUnsound;
        }
        catch (OperationCanceledException)
        {
            return LoadTestCommand.ExitInterrupted;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or IOException)
        {
            Console.Error.WriteLine(e.Message);
            return LoadTestCommand.ExitFailed;
        }
    }

    private static Task WriteAsync(FileInfo? file, Func<string> create) => file is null ? Task.CompletedTask : File.WriteAllTextAsync(file.FullName, create());

    private static Option<string[]> CreateList(string name, string description, string[] defaultValue) => new(name)
    {
        Description = $"{description}. Default: {string.Join(',', defaultValue)}.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => defaultValue,
    };

    private static string[] SplitList(string[] values) =>
        [.. values.SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct()];

    /// <summary>Says what the options get wrong that the parser cannot know; null where it is nothing.</summary>
    public static string? FindContradiction(ParseResult result)
    {
        if (result.GetValue(RoundCount) is < 1 or > 100)
        {
            return "--rounds is 1 to 100.";
        }

        if (result.GetValue(TurnCount) is < 1 or > 1000)
        {
            return "--turns is 1 to 1000.";
        }

        try
        {
            return Contender.Choose(SplitList(result.GetRequiredValue(Servers)), GetExternals(result)).Count == 0
                ? "--servers names none."
                : Scenario.Choose(SplitList(result.GetRequiredValue(Scenarios))).Count == 0 ? "--scenarios names none." : null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            return e.Message;
        }
    }
}
